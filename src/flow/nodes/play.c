#include "flow/node.h"

struct config {
	struct prompt_config prompt;
	bool interruptible;
};

enum { PORT_NEXT, PORT_FAILED };

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	flow_compile_prompt(c, config, "prompt", &cfg->prompt);
	cfg->interruptible = json_is_true(json_object_get(config, "interruptible"));
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_prompt prompt = flow_render_prompt(run, &cfg->prompt);
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_PLAY);
	e->u.play.prompt = prompt;
	e->u.play.interruptible = cfg->interruptible;
	return MOVE_WAIT;
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	(void)config;
	if (in->kind != FLOW_INPUT_PLAYED)
		return MOVE_REFUSED;
	if (!in->u.played_ok)
		run->detail = "the prompt could not be played";
	return in->u.played_ok ? PORT_NEXT : PORT_FAILED;
}

const struct flow_node_type node_play = {
	.type = "play", .category = "caller", .label = "Play", .waits_for_caller = true,
	.help = "Plays an uploaded prompt, or speaks a text, to the caller.",
	.config = (const struct field[]){
		{"prompt", FIELD_OBJECT, FIELD_REQUIRED, .fields = prompt_fields, .help = "What the caller hears."},
		{"interruptible", FIELD_BOOLEAN, .initial = "true", .help = "A key press ends it early."},
		{0},
	},
	.ports = (const struct flow_port[]){
		{"next", .help = "Played to its end, or interrupted."},
		{"failed", true, .help = "The prompt is missing or could not be spoken."},
		{0},
	},
	.example = "{\"prompt\":{\"text\":\"Thank you for calling, [CALLER_LOCATION|friend].\"},\"interruptible\":true}",
	.compile = compile, .enter = enter, .input = input,
};
