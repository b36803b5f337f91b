#include "flow/node.h"
#include <string.h>

#define OPTIONS_MAX 12

struct config {
	struct prompt_config prompt, invalid;
	int timeout_ms, tries;
	size_t options;
	struct {
		char key;
		uint16_t port;
	} option[OPTIONS_MAX];
	uint16_t no_input, invalid_port;
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	flow_compile_prompt(c, config, "prompt", &cfg->prompt);
	cfg->timeout_ms = (int)json_integer_value(json_object_get(config, "timeout_seconds")) * 1000;
	cfg->tries = (int)json_integer_value(json_object_get(config, "tries"));
	const struct flow_node *node = &c->flow->nodes[c->flow->count - 1];
	cfg->no_input = (uint16_t)(node->port_count - 2);
	cfg->invalid_port = (uint16_t)(node->port_count - 1);
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(config, "options"), i, item) {
		char key = json_string_value(json_object_get(item, "key"))[0];
		const char *port = json_string_value(json_object_get(item, "port"));
		for (size_t k = 0; k < cfg->options; k++)
			if (cfg->option[k].key == key)
				flow_problem(c, true, "config", c->at, "key %c is used twice", key);
		if (cfg->options == OPTIONS_MAX)
			break;
		for (uint16_t p = 0; p < node->port_count; p++)
			if (strcmp(node->ports[p].name, port) == 0)
				cfg->option[cfg->options].port = p;
		cfg->option[cfg->options++].key = key;
	}
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_prompt prompt = flow_render_prompt(run, &cfg->prompt);
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_COLLECT);
	e->u.collect.prompt = prompt;
	e->u.collect.max_digits = 1;
	e->u.collect.timeout_ms = cfg->timeout_ms;
	e->u.collect.inter_digit_ms = cfg->timeout_ms;
	return MOVE_WAIT;
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	const struct config *cfg = config;
	if (in->kind != FLOW_INPUT_DIGITS)
		return MOVE_REFUSED;
	char key = in->u.digits.text[0];
	for (size_t i = 0; key && i < cfg->options; i++) {
		if (cfg->option[i].key == key) {
			flow_detail(run, "pressed %c", key);
			return cfg->option[i].port;
		}
	}
	if (++run->state->tries < (uint32_t)cfg->tries)
		return enter(run, config);
	if (key)
		flow_detail(run, "pressed %c, which is no choice; tries: %d", key, cfg->tries);
	else
		flow_detail(run, "nothing pressed; tries: %d", cfg->tries);
	return key ? cfg->invalid_port : cfg->no_input;
}

const struct flow_node_type node_menu = {
	.type = "menu", .category = "caller", .label = "Menu", .waits_for_caller = true,
	.help = "Plays a prompt and continues at the port of the key that the caller presses.",
	.config = (const struct field[]){
		{"prompt", FIELD_OBJECT, FIELD_REQUIRED, .fields = prompt_fields, .help = "What the caller hears; a key press interrupts it."},
		{"options", FIELD_OBJECT, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = OPTIONS_MAX, .help = "The choices.",
		 .fields = (const struct field[]){
			 {"key", FIELD_ENUM, FIELD_REQUIRED, .choices = prompt_keys, .help = "Key on the phone."},
			 PORT_FIELDS,
			 {0},
		 }},
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 60, .initial = "5", .help = "How long to wait after the prompt."},
		{"tries", FIELD_INTEGER, .min = 1, .max = 10, .initial = "3", .help = "How often to ask."},
		{0},
	},
	.ports_from = "options",
	.ports = (const struct flow_port[]){{"no_input", .help = "Nothing was pressed."}, {"invalid", .help = "Another key was pressed."}, {0}},
	.example = "{\"prompt\":{\"text\":\"Press one for sales, two for support.\"},\"options\":[{\"key\":\"1\",\"port\":\"sales\"},{\"key\":\"2\",\"port\":\"support\"}],\"timeout_seconds\":5,\"tries\":2}",
	.compile = compile, .enter = enter, .input = input,
};
