#include "flow/node.h"

struct config {
	struct prompt_config prompt;
	int for_ms;
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	flow_compile_prompt(c, config, "prompt", &cfg->prompt);
	cfg->for_ms = (int)json_integer_value(json_object_get(config, "seconds")) * 1000;
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_prompt prompt = flow_render_prompt(run, &cfg->prompt);
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_PLAY);
	e->u.play.prompt = prompt;
	e->u.play.for_ms = cfg->for_ms;
	return MOVE_WAIT;
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	(void)config;
	if (in->kind != FLOW_INPUT_PLAYED)
		return MOVE_REFUSED;
	if (!in->u.played_ok)
		run->detail = "the prompt could not be played; the caller waited in silence";
	return 0;
}

const struct flow_node_type node_wait = {
	.type = "wait", .category = "caller", .label = "Wait", .waits_for_caller = true,
	.help = "Keeps the caller waiting with music, a repeated text or silence. Keys pressed meanwhile count for the next question.",
	.config = (const struct field[]){
		{"seconds", FIELD_INTEGER, FIELD_REQUIRED, .min = 1, .max = 3600, .help = "How long."},
		{"prompt", FIELD_OBJECT, .fields = prompt_fields, .help = "What is heard over and over; none: silence."},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "The time is over."}, {0}},
	.example = "{\"seconds\":20,\"prompt\":{\"text\":\"One moment please.\"}}",
	.compile = compile, .enter = enter, .input = input,
};
