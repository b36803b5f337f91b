#include "flow/node.h"

#define FIELDS_MAX 20

struct config {
	const char *name;
	size_t count;
	struct {
		const char *name;
		const struct template *value;
	} field[FIELDS_MAX];
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	size_t i;
	json_t *item;
	if (!cfg)
		return NULL;
	cfg->name = flow_config_string(c, config, "name");
	json_array_foreach(json_object_get(config, "fields"), i, item) {
		char at[64];
		snprintf(at, sizeof at, "/fields/%zu/value", i);
		cfg->field[i].name = flow_config_string(c, item, "name");
		cfg->field[i].value = flow_compile_template(c, at, json_string_value(json_object_get(item, "value")), TEMPLATE_TEXT);
		cfg->count = i + 1;
	}
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct buf fields = {0};
	json_open(&fields);
	for (size_t i = 0; i < cfg->count; i++) {
		size_t len;
		const char *text = flow_render(run, cfg->field[i].value, &len);
		json_key(&fields, cfg->field[i].name);
		buf_json_string(&fields, text, len);
	}
	json_close(&fields);
	const char *kept = fields.failed ? NULL : flow_keep(run, buf_text(&fields), fields.len);
	buf_free(&fields);
	if (!kept) {
		run->detail = "the event is too long; a call's texts may have 1 MiB";
		return 0;
	}
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_EVENT);
	e->u.event.name = cfg->name;
	e->u.event.fields = kept;
	return 0;
}

const struct flow_node_type node_send_event = {
	.type = "send_event", .category = "data", .label = "Send event",
	.help = "Emits the event flow.custom to the outgoing webhooks that take it.",
	.config = (const struct field[]){
		{"name", FIELD_NAME, FIELD_REQUIRED, .min = 1, .max = 64, .help = "Told apart by this name, in the event's data."},
		{"fields", FIELD_OBJECT, FIELD_LIST, .max = FIELDS_MAX, .help = "Further fields of the event.",
		 .fields = (const struct field[]){
			 {"name", FIELD_NAME, FIELD_REQUIRED, .min = 1, .max = 64, .help = "The member's name."},
			 {"value", FIELD_TEMPLATE, FIELD_REQUIRED, .max = 4000, .help = "Its value; may have [TOKENS]."},
			 {0},
		 }},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "Always."}, {0}},
	.example = "{\"name\":\"qualified\",\"fields\":[{\"name\":\"zip\",\"value\":\"[zip|unknown]\"}]}",
	.compile = compile, .enter = enter,
};
