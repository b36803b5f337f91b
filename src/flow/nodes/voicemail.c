#include "flow/node.h"

struct config {
	struct prompt_config prompt;
	struct flow_voicemail voicemail;
};

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	flow_compile_prompt(c, config, "prompt", &cfg->prompt);
	cfg->voicemail = (struct flow_voicemail){
		.max_ms = (int)json_integer_value(json_object_get(config, "max_seconds")) * 1000,
		.silence_ms = (int)json_integer_value(json_object_get(config, "silence_seconds")) * 1000,
		.finish_key = flow_config_key(config, "finish_key"),
	};
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_voicemail voicemail = cfg->voicemail;
	voicemail.prompt = flow_render_prompt(run, &cfg->prompt);
	flow_effect(run, FLOW_EFFECT_VOICEMAIL)->u.voicemail = voicemail;
	return MOVE_WAIT;
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	(void)config;
	if (in->kind != FLOW_INPUT_RECORDED)
		return MOVE_REFUSED;
	if (in->u.recorded.duration_ms)
		flow_detail(run, "%d s were recorded", (in->u.recorded.duration_ms + 500) / 1000);
	else
		run->detail = "nothing was said, or it could not be recorded";
	return 0;
}

const struct flow_node_type node_voicemail = {
	.type = "voicemail", .category = "caller", .label = "Voicemail", .waits_for_caller = true,
	.help = "Greets, beeps, and records what the caller says. The message is kept with the call, also when the caller "
		"hangs up, and reported by the event voicemail.received. Silent messages are discarded.",
	.config = (const struct field[]){
		{"prompt", FIELD_OBJECT, .fields = prompt_fields, .help = "What is heard before the beep; none: only the beep."},
		{"max_seconds", FIELD_INTEGER, .min = 1, .max = 3600, .initial = "120",
		 .title = "Max. length (s)", .help = "Longest message."},
		{"silence_seconds", FIELD_INTEGER, .min = 0, .max = 60, .initial = "6",
		 .title = "End after silence (s)",
		 .help = "It ends after so long a silence; 0: silence does not end it."},
		{"finish_key", FIELD_ENUM, .choices = (const char *const[]){"#", "*", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "none", NULL}, .initial = "\"#\"", .help = "The key that ends the message; before the beep it skips the greeting."},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "The message is over, and the caller still there."}, {0}},
	.example = "{\"prompt\":{\"text\":\"Nobody can take your call. Leave your name and number after the tone.\"},\"max_seconds\":120,\"silence_seconds\":6,\"finish_key\":\"#\"}",
	.compile = compile, .enter = enter, .input = input,
};
