#include "flow/node.h"

struct config {
	size_t count;
	struct {
		struct slot_ref to;
		const struct template *value;
	} assignment[FLOW_ASSIGNMENTS_MAX];
};

void *flow_compile_assignments(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	size_t i;
	json_t *item;
	if (!cfg)
		return NULL;
	json_array_foreach(json_object_get(config, "assignments"), i, item) {
		char at[64];
		snprintf(at, sizeof at, "/assignments/%zu", i);
		if (!flow_compile_slot(c, item, at, &cfg->assignment[i].to))
			continue;
		snprintf(at, sizeof at, "/assignments/%zu/value", i);
		cfg->assignment[i].value = flow_compile_template(c, at, json_string_value(json_object_get(item, "value")), TEMPLATE_TEXT);
		cfg->count = i + 1;
	}
	return cfg;
}

int flow_enter_assignments(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	for (size_t i = 0; i < cfg->count; i++) {
		size_t len;
		const char *text = flow_render(run, cfg->assignment[i].value, &len);
		flow_set(run, cfg->assignment[i].to, value_string(text, len));
	}
	return 0;
}

const struct flow_node_type node_set_tag = {
	.type = "set_tag", .category = "data", .label = "Set tags",
	.help = "Gives custom tags values made from templates.",
	.config = (const struct field[]){
		{"assignments", FIELD_OBJECT, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = FLOW_ASSIGNMENTS_MAX, .help = "Done in this order.",
		 .fields = (const struct field[]){
			 {"tag", FIELD_TAG, FIELD_REQUIRED, .min = 1, .max = 64, .help = "A custom tag."},
			 {"value", FIELD_TEMPLATE, FIELD_REQUIRED, .max = 4000, .help = "Its value; may have [TOKENS]."},
			 {0},
		 }},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "The tags are set."}, {0}},
	.example = "{\"assignments\":[{\"tag\":\"score\",\"value\":\"[lead_score|0]\"}]}",
	.compile = flow_compile_assignments, .enter = flow_enter_assignments,
};
