#include "base/money.h"
#include "flow/node.h"
#include <string.h>

struct config {
	int converted; /* -1: left as it is */
	const char *disposition;
	const struct template *revenue, *payout;
};

static const struct template *amount(struct flow_compiler *c, json_t *config, const char *key, const char *pointer)
{
	const char *text = flow_config_string(c, config, key);
	return text && *text ? flow_compile_template(c, pointer, text, TEMPLATE_TEXT) : NULL;
}

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	json_t *converted = json_object_get(config, "converted");
	if (!cfg)
		return NULL;
	cfg->converted = json_is_boolean(converted) ? json_is_true(converted) : -1;
	cfg->disposition = flow_config_string(c, config, "disposition");
	cfg->revenue = amount(c, config, "revenue", "/revenue");
	cfg->payout = amount(c, config, "payout", "/payout");
	if (cfg->converted < 0 && !cfg->disposition && !cfg->revenue && !cfg->payout)
		flow_problem(c, true, "outcome", "", "say at least one of converted, revenue, payout and disposition");
	return cfg;
}

/* -1: nothing is to be set. */
static int64_t render_amount(struct flow_run *run, const struct template *t, const char *what)
{
	int64_t micros;
	const char *text = t ? flow_render(run, t, NULL) : NULL;
	if (!text)
		return -1;
	if (money_read(text, strlen(text), NULL, &micros, NULL) && micros >= 0)
		return micros;
	flow_detail(run, "the %s '%.40s' is no amount such as 12.50; it was left as it is", what, text);
	return -1;
}

static int enter(struct flow_run *run, const void *config)
{
	const struct config *cfg = config;
	int64_t revenue = render_amount(run, cfg->revenue, "revenue"), payout = render_amount(run, cfg->payout, "payout");
	struct flow_effect *e = flow_effect(run, FLOW_EFFECT_OUTCOME);
	e->u.outcome.converted = cfg->converted;
	e->u.outcome.disposition = cfg->disposition;
	e->u.outcome.revenue_micros = revenue;
	e->u.outcome.payout_micros = payout;
	run->changes_call = true;
	return 0;
}

const struct flow_node_type node_set_outcome = {
	.type = "set_outcome", .category = "data", .label = "Set outcome",
	.help = "Says what the call came to. What is set here stands: the campaign's conversion rule and the target's revenue do not change it afterwards. A call that converts here is paid by its campaign's terms, unless a payout is set.",
	.config = (const struct field[]){
		{"converted", FIELD_BOOLEAN, .help = "Whether the call converted; not given: the campaign's rule decides."},
		{"revenue", FIELD_TEMPLATE, .max = 200, .help = "An amount such as 12.50; may have [TOKENS]."},
		{"payout", FIELD_TEMPLATE, .max = 200, .help = "An amount such as 12.50; may have [TOKENS]."},
		{"disposition", FIELD_NAME, .min = 1, .max = 40, .help = "The word the call log shows once the call has ended."},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "Always."}, {0}},
	.example = "{\"converted\":true,\"revenue\":\"25.00\",\"disposition\":\"sold\"}",
	.compile = compile, .enter = enter,
};
