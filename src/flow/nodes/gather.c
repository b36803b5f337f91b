#include "flow/node.h"
#include <string.h>

struct config {
	struct prompt_config prompt;
	int timeout_ms, inter_digit_ms, tries, min, max;
	char finish_key;
	struct filter *pattern; /* one "matches" rule on the digits */
	struct slot_ref save_to;
	bool sensitive;
};

enum { PORT_NEXT, PORT_NO_INPUT, PORT_INVALID };

/* The digits are the one field that the pattern's filter sees. */
static int digits_slot(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 6 && memcmp(name, "digits", 6) == 0 ? 0 : -1;
}

static struct filter *compile_pattern(struct flow_compiler *c, const char *pattern)
{
	struct expr_scope scope = c->scope;
	char anchored[300];
	if (!pattern)
		return NULL;
	snprintf(anchored, sizeof anchored, "^(?:%s)$", pattern);
	json_t *json = json_pack("{s:[{s:s, s:s, s:s}]}", "rules", "field", "var.digits", "op", "matches", "value", anchored);
	c->scope = (struct expr_scope){.variable = digits_slot};
	struct filter *f = flow_compile_filter(c, "/pattern", json);
	c->scope = scope;
	json_decref(json);
	return f;
}

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	if (!cfg)
		return NULL;
	flow_compile_prompt(c, config, "prompt", &cfg->prompt);
	cfg->timeout_ms = (int)json_integer_value(json_object_get(config, "timeout_seconds")) * 1000;
	cfg->inter_digit_ms = (int)json_integer_value(json_object_get(config, "inter_digit_seconds")) * 1000;
	cfg->tries = (int)json_integer_value(json_object_get(config, "tries"));
	cfg->min = (int)json_integer_value(json_object_get(config, "min_digits"));
	cfg->max = (int)json_integer_value(json_object_get(config, "max_digits"));
	cfg->finish_key = flow_config_key(config, "finish_key");
	cfg->sensitive = json_is_true(json_object_get(config, "sensitive"));
	cfg->pattern = compile_pattern(c, json_string_value(json_object_get(config, "pattern")));
	(void)flow_compile_slot(c, json_object_get(config, "save_to"), "/save_to", &cfg->save_to);
	if (cfg->min > cfg->max)
		flow_problem(c, true, "config", c->at, "min_digits is more than max_digits");
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	struct flow_prompt prompt = flow_render_prompt(run, &cfg->prompt);
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_COLLECT);
	e->u.collect.prompt = prompt;
	e->u.collect.max_digits = cfg->max;
	e->u.collect.finish_key = cfg->finish_key;
	e->u.collect.timeout_ms = cfg->timeout_ms;
	e->u.collect.inter_digit_ms = cfg->inter_digit_ms;
	e->u.collect.sensitive = cfg->sensitive;
	return MOVE_WAIT;
}

static bool valid(const struct config *cfg, const char *digits, size_t len)
{
	struct value v = value_string(digits, len);
	struct expr_env env = {.variables = &v, .variable_count = 1};
	return (int)len >= cfg->min && (int)len <= cfg->max && filter_match(cfg->pattern, &env);
}

static int input(struct flow_run *run, const void *config, const struct flow_input *in)
{
	const struct config *cfg = config;
	if (in->kind != FLOW_INPUT_DIGITS)
		return MOVE_REFUSED;
	size_t len = strlen(in->u.digits.text);
	if (len && valid(cfg, in->u.digits.text, len)) {
		const char *kept = arena_strndup(run->state->arena, in->u.digits.text, len);
		flow_set(run, cfg->save_to, value_string(kept, len));
		flow_detail(run, "%zu digits", len);
		return PORT_NEXT;
	}
	if (++run->state->tries < (uint32_t)cfg->tries)
		return enter(run, config);
	flow_detail(run, len ? "the digits do not fit; tries: %d" : "no digits; tries: %d", cfg->tries);
	return len ? PORT_INVALID : PORT_NO_INPUT;
}

const struct flow_node_type node_gather = {
	.type = "gather", .category = "caller", .label = "Gather", .waits_for_caller = true,
	.help = "Asks the caller for digits and keeps them in a tag or variable.",
	.config = (const struct field[]){
		{"prompt", FIELD_OBJECT, .fields = prompt_fields, .help = "What the caller hears."},
		{"min_digits", FIELD_INTEGER, .min = 1, .max = 64, .initial = "1", .help = "Fewest digits."},
		{"max_digits", FIELD_INTEGER, .min = 1, .max = 64, .initial = "16", .help = "Most digits; reached, it goes on at once."},
		{"finish_key", FIELD_ENUM, .choices = (const char *const[]){"#", "*", "none", NULL}, .initial = "\"#\"", .help = "Key that ends the digits."},
		{"timeout_seconds", FIELD_INTEGER, .min = 1, .max = 120, .initial = "5", .help = "How long to wait for the first digit after the prompt."},
		{"inter_digit_seconds", FIELD_INTEGER, .min = 1, .max = 60, .initial = "3",
		 .title = "Time between digits (s)",
		 .help = "How long to wait for each further digit."},
		{"pattern", FIELD_STRING, .max = 200, .help = "Regular expression that the digits must match whole."},
		{"tries", FIELD_INTEGER, .min = 1, .max = 10, .initial = "2", .help = "How often to ask."},
		{"sensitive", FIELD_BOOLEAN, .initial = "false", .help = "The digits are kept out of traces and logs."},
		{"save_to", FIELD_OBJECT, FIELD_REQUIRED, .help = "Where the digits go.",
		 .fields = (const struct field[]){{"tag", FIELD_TAG, .max = 64, .help = "A custom tag."}, {"variable", FIELD_VARIABLE, .max = 64, .help = "A variable of this flow."}, {0}}},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "The digits fit."}, {"no_input", .help = "No digit came."}, {"invalid", .help = "The digits did not fit."}, {0}},
	.example = "{\"prompt\":{\"text\":\"Please enter your five digit zip code.\"},\"min_digits\":5,\"max_digits\":5,\"pattern\":\"[0-9]{5}\",\"save_to\":{\"variable\":\"zip\"}}",
	.compile = compile, .enter = enter, .input = input,
};
