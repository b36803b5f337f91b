#include "flow/node.h"

struct config {
	const struct template *message;
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (cfg)
		cfg->message = flow_compile_template(c, "/message", flow_config_string(c, config, "message"), TEMPLATE_TEXT);
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	size_t len;
	const char *text = flow_render(run, cfg->message, &len);
	if (len) /* else flow_render() has said why */
		run->detail = text;
	return 0;
}

const struct flow_node_type node_debug = {
	.type = "debug", .category = "data", .label = "Debug",
	.help = "Writes a line into the call's trace.",
	.config = (const struct field[]){
		{"message", FIELD_TEMPLATE, FIELD_REQUIRED, .min = 1, .max = 4000, .help = "What to write; may have [TOKENS]. Sensitive tags are not masked here: leave them out."},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "Always."}, {0}},
	.example = "{\"message\":\"the score is [score|none]\"}",
	.compile = compile, .enter = enter,
};
