#include "config/config.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/money.h"
#include "expr/regex_cache.h"
#include "model/resource.h"
#include "store/retention.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

/* One thing of an organization, found by its id. `data` is one of the config_ structs. */
struct entity {
	const char *id, *kind;
	json_t *doc; /* borrowed while building, then NULL */
	void *data;
	UT_hash_handle hh;
};

struct key_entry {
	const char *hash;
	const void *data;
	struct org *org;
	UT_hash_handle hh;
};

struct org {
	struct organization public; /* first */
	atomic_int references;
	struct arena arena;
	struct entity *entities;
	struct key_entry *numbers, *api_keys, *webhook_keys, *inbound_rtbs, *dnis;
	struct filter **filters;
	size_t filter_count;
	struct rtb_mapping **mappings;
	size_t mapping_count;
	struct flow **flows;
	size_t flow_count;
	struct regex_cache *regexes; /* the store's, while it is built; then NULL */
	UT_hash_handle hh;
};

struct config_store {
	struct store *store;
	struct crypto_key key;
	pthread_rwlock_t lock; /* held for look-ups; the snapshots themselves need none */
	struct org *orgs;
	struct store_conn *reader;
	const char *public_url;
	struct feed *feed;
	struct callers *callers;
	pthread_mutex_t building;
	struct regex_cache *regexes; /* of all organizations; under `building` */
};

/* ---- building ---- */

static const char *text(struct org *o, json_t *doc, const char *key)
{
	return arena_strdup(&o->arena, json_string_value(json_object_get(doc, key)));
}

static int integer(json_t *doc, const char *key, int otherwise)
{
	json_t *v = json_object_get(doc, key);
	return json_is_integer(v) ? (int)json_integer_value(v) : otherwise;
}

static int64_t money(json_t *doc, const char *key)
{
	const char *text = json_string_value(json_object_get(doc, key));
	int64_t micros = 0;
	return text && money_parse(text, &micros) ? micros : 0;
}

static int find_tag(void *arg, const char *name, size_t len)
{
	return tag_set_find(((const struct organization *)arg)->tags, name, len);
}

static const struct value_type *tag_type(void *arg, size_t slot)
{
	return &tag_set_get(((const struct organization *)arg)->tags, slot)->type;
}

static const struct expr_list *find_list(void *arg, const char *id)
{
	return organization_find(arg, "list", id);
}

static bool exists(void *arg, const char *kind, const char *id)
{
	return organization_find(arg, kind, id) != NULL;
}

static enum value_kind kind_of(void *arg, struct expr_ref ref)
{
	return ref.source == EXPR_TAG ? tag_type(arg, ref.slot)->kind : VALUE_NONE;
}

struct expr_scope organization_scope(const struct organization *o)
{
	return (struct expr_scope){.tag = find_tag, .arg = (void *)(uintptr_t)o, .list = find_list, .region = o->region,
				   .kind = kind_of};
}

static const char *tag_name(void *arg, size_t slot)
{
	return tag_set_get(((const struct organization *)arg)->tags, slot)->name;
}

struct flow_context organization_flow_context(const struct organization *o, const char *flow_id, int version)
{
	return (struct flow_context){
		.tag = find_tag,
		.tag_type = tag_type,
		.tag_count = tag_set_count(o->tags),
		.exists = exists,
		.arg = (void *)(uintptr_t)o,
		.list = find_list,
		.id = flow_id,
		.version = version,
		.tag_name = tag_name,
		.region = o->region,
	};
}

static const char *text_or(json_t *doc, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(doc, key));
	return text ? text : otherwise;
}

static struct filter *build_filter(struct org *o, json_t *doc, const char *key)
{
	json_t *json = json_object_get(doc, key);
	struct expr_scope scope = organization_scope(&o->public);
	if (!json_is_object(json))
		return NULL;
	scope.regexes = o->regexes;
	scope.stored = true;
	struct filter *f = filter_compile(json, &scope, &o->arena, NULL, NULL);
	if (filter_regex_count(f) > FILTER_REGEXES_MAX)
		log_warn(o->public.id, "a filter of \"%s\" has %u regular expressions; it works as before, "
			 "but when it is saved the next time it may have %d",
			 text_or(doc, "name", key), filter_regex_count(f), FILTER_REGEXES_MAX);
	struct filter **list = f ? realloc(o->filters, (o->filter_count + 1) * sizeof(struct filter *)) : NULL;
	if (!list) {
		/* It was valid when saved; what it names is gone. Nothing may pass by accident. */
		filter_free(f);
		json_t *never = json_pack("{s:[{s:s, s:s, s:s}]}", "rules", "field", "call.id", "op", "equals", "value", "");
		f = filter_compile(never, &scope, &o->arena, NULL, NULL);
		json_decref(never);
		list = f ? realloc(o->filters, (o->filter_count + 1) * sizeof(struct filter *)) : NULL;
		if (!list)
			return f;
	}
	o->filters = list;
	list[o->filter_count++] = f;
	return f;
}

static struct entity *find(const struct org *o, const char *kind, const char *id)
{
	struct entity *e = NULL;
	if (id)
		HASH_FIND_STR(o->entities, id, e);
	return e && strcmp(e->kind, kind) == 0 ? e : NULL;
}

static void *data_of(const struct org *o, const char *kind, const char *id)
{
	struct entity *e = find(o, kind, id);
	return e ? e->data : NULL;
}

static const char **texts(struct org *o, json_t *list, size_t *count)
{
	const char **out = arena_alloc(&o->arena, (json_array_size(list) + 1) * sizeof *out);
	json_t *item;
	size_t i;
	*count = 0;
	json_array_foreach(list, i, item)
		if (out)
			out[(*count)++] = arena_strdup(&o->arena, json_string_value(item));
	return out;
}

static struct network *build_networks(struct org *o, json_t *addresses, size_t *count)
{
	struct network *networks = arena_alloc(&o->arena, (json_array_size(addresses) + 1) * sizeof *networks);
	json_t *item;
	size_t i;
	*count = 0;
	json_array_foreach(addresses, i, item)
		*count += network_parse(json_string_value(item), &networks[*count]);
	return networks;
}

/* A sealed text, opened. */
static const char *secret(struct config_store *c, struct org *o, json_t *doc, const char *key)
{
	char *plain = crypto_open(&c->key, json_string_value(json_object_get(doc, key)));
	const char *copy = arena_strdup(&o->arena, plain);
	free(plain);
	return copy;
}

static struct terms_rate build_rate(json_t *direction)
{
	json_t *cost = json_object_get(direction, "cost");
	return (struct terms_rate){money(cost, "per_minute"), integer(cost, "minimum_seconds", 60), integer(cost, "increment_seconds", 60)};
}

/* Of a field that may be null. */
static enum trunk_nat nat(json_t *choice)
{
	if (!json_is_boolean(choice))
		return NAT_BY_ADDRESS;
	return json_is_true(choice) ? NAT_ALWAYS : NAT_NEVER;
}

static enum dtmf_mode dtmf(json_t *doc)
{
	const char *mode = json_string_value(json_object_get(doc, "dtmf"));
	for (size_t i = 0; mode && dtmf_modes[i]; i++)
		if (strcmp(dtmf_modes[i], mode) == 0)
			return (enum dtmf_mode)i;
	return DTMF_AUTO;
}

/* Header lines of INVITEs. Without memory there are none. */
static struct named_templates build_headers(struct org *o, json_t *list)
{
	const struct expr_scope scope = organization_scope(&o->public);
	size_t size = (json_array_size(list) + 1) * sizeof(struct named_template), count = 0, i;
	struct named_template *made = arena_alloc(&o->arena, size);
	json_t *item;
	json_array_foreach(list, i, item) {
		const char *value = json_string_value(json_object_get(item, "value"));
		if (!made || !value)
			continue;
		made[count].name = text(o, item, "name");
		made[count].value = template_compile(
			value, strlen(value), TEMPLATE_HEADER, &scope, &o->arena, NULL, NULL);
		count += made[count].name && made[count].value;
	}
	return (struct named_templates){made, count};
}

static void build_trunk(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_trunk *t = e->data;
	json_t *in = json_object_get(e->doc, "inbound"), *out = json_object_get(e->doc, "outbound"), *item;
	json_t *addresses = json_object_get(in, "allowed_addresses"), *gateways = json_object_get(out, "gateways");
	char line[ID_SIZE + 8], hash[CRYPTO_HASH_SIZE];
	size_t i;
	t->id = e->id;
	t->name = text(o, e->doc, "name");
	t->networks = build_networks(o, addresses, &t->network_count);
	t->username = text(o, in, "username");
	t->password = secret(c, o, in, "password");
	t->out_username = text(o, out, "username");
	t->out_password = secret(c, o, out, "password");
	t->out_caller_id = text(o, out, "caller_id");
	t->number_prefix = text(o, out, "number_prefix");
	t->in = (struct trunk_limits){integer(in, "max_calls", 0), integer(in, "max_calls_per_second", 0)};
	t->out = (struct trunk_limits){integer(out, "max_calls", 0), integer(out, "max_calls_per_second", 0)};
	t->trusts_identity = !json_is_false(json_object_get(in, "asserted_identity"));
	t->trusts_party = json_is_true(json_object_get(in, "remote_party_id"));
	const char *called = json_string_value(json_object_get(in, "called_number"));
	t->called_in_to = called && strcmp(called, "to") == 0;
	const char *number_id = json_string_value(json_object_get(in, "default_number_id"));
	const struct entity *number = find(o, "number", number_id);
	t->default_number = number ? text(o, number->doc, "number") : NULL;
	t->passes_identity = json_is_true(json_object_get(out, "identity"));
	t->headers = build_headers(o, json_object_get(out, "headers"));
	t->srtp = json_is_true(json_object_get(out, "srtp"));
	t->asserts_identity = json_is_true(json_object_get(out, "asserted_identity"));
	t->tells_diversion = json_is_true(json_object_get(out, "diversion"));
	t->symmetric_rtp = nat(json_object_get(e->doc, "symmetric_rtp"));
	t->nat_contact = nat(json_object_get(e->doc, "nat_contact"));
	t->dtmf = dtmf(e->doc);
	t->in_rate = build_rate(in);
	t->out_rate = build_rate(out);
	t->registers = json_is_true(json_object_get(out, "register"));
	t->options_interval_seconds = integer(e->doc, "options_interval_seconds", 30);
	if (t->options_interval_seconds && t->options_interval_seconds < TRUNK_OPTIONS_MIN)
		t->options_interval_seconds = TRUNK_OPTIONS_MIN;
	const char *format = json_string_value(json_object_get(out, "number_format"));
	t->number_format = !format || strcmp(format, "e164") == 0 ? NUMBER_E164 : strcmp(format, "digits") == 0 ? NUMBER_DIGITS : NUMBER_NATIONAL;
	snprintf(line, sizeof line, "line %s", e->id);
	t->line = arena_strndup(&o->arena, crypto_keyed_hash(&c->key, line, hash), 32);
	t->gateways = arena_alloc(&o->arena, (json_array_size(gateways) + 1) * sizeof *t->gateways);
	json_array_foreach(gateways, i, item) {
		struct config_gateway g = {text(o, item, "uri"), integer(item, "priority", 1)};
		size_t at = t->gateway_count++;
		for (; at > 0 && t->gateways[at - 1].priority > g.priority; at--)
			t->gateways[at] = t->gateways[at - 1];
		t->gateways[at] = g;
	}
}

static const struct schedule *build_schedule(struct org *o, json_t *doc)
{
	json_t *json = json_object_get(doc, "schedule");
	return json_is_object(json) ? schedule_compile(json, &o->arena) : NULL;
}

static struct route_caps build_caps(json_t *caps, json_t *beside)
{
	return (struct route_caps){integer(caps, "hourly", 0), integer(caps, "daily", 0), integer(caps, "monthly", 0), integer(caps, "total", 0), integer(beside, "concurrency", 0)};
}

static void build_limits(struct org *o, json_t *doc, struct route_target *t)
{
	json_t *limits = json_object_get(doc, "limits"), *item;
	struct route_caps own = build_caps(json_object_get(doc, "caps"), doc);
	size_t i;
	t->limits = arena_alloc(&o->arena, (json_array_size(limits) + 1) * sizeof *t->limits);
	if (!t->limits)
		return;
	if (own.hourly || own.daily || own.monthly || own.total || own.concurrency)
		t->limits[t->limit_count++] = (struct route_limit){"", "", own};
	json_array_foreach(limits, i, item) {
		const char *campaign = text(o, item, "campaign_id"), *publisher = text(o, item, "publisher_id");
		t->limits[t->limit_count++] = (struct route_limit){campaign ? campaign : "", publisher ? publisher : "", build_caps(item, item)};
	}
}

static void build_whisper(struct org *o, json_t *doc, struct route_target *t)
{
	const char *said = json_string_value(json_object_get(doc, "text"));
	const struct expr_scope scope = organization_scope(&o->public);
	t->whisper.prompt_id = text(o, doc, "prompt_id");
	t->whisper.voice = text(o, doc, "voice");
	if (said)
		t->whisper.text = template_compile(said, strlen(said), TEMPLATE_TEXT, &scope, &o->arena, NULL, NULL);
}

/* The rules by which it gets calls. */
static void build_rules(struct org *o, struct entity *e, struct route_target *t)
{
	t->id = e->id;
	t->name = text(o, e->doc, "name");
	t->buyer_id = text(o, e->doc, "buyer_id");
	t->filter = build_filter(o, e->doc, "filter");
	t->schedule = build_schedule(o, e->doc);
	const char *zone = json_string_value(json_object_get(json_object_get(e->doc, "caps"), "time_zone"));
	t->zone = zone ? zone_find(zone) : t->schedule ? schedule_zone(t->schedule) : NULL;
	build_limits(o, e->doc, t);
	t->timeout_seconds = integer(e->doc, "timeout_seconds", 0);
	t->enabled = json_is_true(json_object_get(e->doc, "enabled"));
	t->headers = build_headers(o, json_object_get(e->doc, "headers"));
	t->dtmf = dtmf(e->doc);
	t->send_tags = json_is_true(json_object_get(e->doc, "send_tags"));
	t->no_repeats_days = integer(e->doc, "no_repeats_days", 0);
	const char *key = json_string_value(json_object_get(e->doc, "accept_key"));
	t->accept_key = key ? *key : '\0';
	build_whisper(o, json_object_get(e->doc, "whisper"), t);
}

static void build_revenue(json_t *revenue, struct route_target *t)
{
	const char *on = json_string_value(json_object_get(revenue, "on"));
	t->revenue_once_days = integer(revenue, "once_days", 0);
	t->revenue_after_seconds = on && strcmp(on, "duration") == 0 ? integer(revenue, "duration_seconds", 0) : on && strcmp(on, "conversion") == 0 ? -1 : 0;
}

static void build_target(struct config_store *c, struct org *o, struct entity *e)
{
	struct route_target *t = e->data;
	json_t *d = json_object_get(e->doc, "destination"), *revenue = json_object_get(e->doc, "revenue");
	const char *type = json_string_value(json_object_get(d, "type"));
	bool sip = type && strcmp(type, "sip") == 0, phone = type && strcmp(type, "phone") == 0;
	build_rules(o, e, t);
	t->uri = sip ? text(o, d, "uri") : NULL;
	t->number = sip || phone ? NULL : text(o, d, "number");
	t->trunk_id = sip || phone ? NULL : text(o, d, "trunk_id");
	t->phone_username = phone ? text(o, d, "username") : NULL;
	t->phone_password = phone ? secret(c, o, d, "password") : NULL;
	t->srtp = (sip || phone) && json_is_true(json_object_get(d, "srtp"));
	t->short_number = text(o, e->doc, "short_number");
	t->transfer_trunk_id = text(o, e->doc, "transfer_trunk_id");
	t->revenue_micros = money(revenue, "amount");
	build_revenue(revenue, t);
}

/* -1: none. */
static int64_t money_or_none(json_t *doc, const char *key)
{
	return json_is_string(json_object_get(doc, key)) ? money(doc, key) : -1;
}

static struct rtb_mapping *build_mapping(struct org *o, json_t *response)
{
	struct rtb_mapping *m = rtb_mapping_compile(response, "", NULL);
	struct rtb_mapping **list = m ? realloc(o->mappings, (o->mapping_count + 1) * sizeof(struct rtb_mapping *)) : NULL;
	if (!list) {
		rtb_mapping_free(m);
		return NULL;
	}
	o->mappings = list;
	return list[o->mapping_count++] = m;
}

static void build_rtb_target(struct config_store *c, struct org *o, struct entity *e)
{
	struct rtb_target *t = e->data;
	json_t *d = json_object_get(e->doc, "destination"), *bid = json_object_get(e->doc, "bid");
	const struct expr_scope scope = organization_scope(&o->public), requests = rtb_scope(scope);
	(void)c;
	build_rules(o, e, &t->target);
	build_revenue(json_object_get(e->doc, "revenue"), &t->target);
	t->target.uri = text(o, d, "uri");
	t->target.number = text(o, d, "number");
	t->target.trunk_id = text(o, d, "trunk_id");
	t->target.srtp = json_is_true(json_object_get(d, "srtp"));
	t->sends_caller_number = json_is_true(json_object_get(e->doc, "send_caller_number"));
	t->sensitive_tag_ids = texts(o, json_object_get(e->doc, "sensitive_tag_ids"), &t->sensitive_count);
	t->mapping = build_mapping(o, json_object_get(e->doc, "response"));
	t->minimum_micros = money_or_none(bid, "minimum");
	t->maximum_micros = money_or_none(bid, "maximum");
	t->fixed_micros = money_or_none(bid, "fixed");
	t->expires_seconds = integer(bid, "expires_seconds", 60);
	bool ok = rtb_request_build(json_object_get(e->doc, "request"), &requests, &o->arena, &t->ping) && rtb_request_build(json_object_get(e->doc, "win_notice"), &requests, &o->arena, &t->win) &&
		  rtb_request_build(json_object_get(e->doc, "loss_notice"), &requests, &o->arena, &t->loss);
	if (!ok || !t->mapping || !t->sensitive_tag_ids)
		t->target.enabled = false; /* no memory: nobody is asked by halves */
}

static void build_tree(struct config_store *c, struct org *o, struct entity *e)
{
	struct route_tree *t = e->data;
	json_t *list = json_object_get(e->doc, "targets"), *item;
	size_t i;
	(void)c;
	t->id = e->id;
	t->name = text(o, e->doc, "name");
	t->enabled = json_is_true(json_object_get(e->doc, "enabled"));
	t->timeout_ms = integer(e->doc, "timeout_ms", 1000);
	t->max_attempts = integer(e->doc, "max_attempts", 5);
	t->minimum_micros = money_or_none(e->doc, "minimum_bid");
	t->bidders = arena_alloc(&o->arena, (json_array_size(list) + 1) * sizeof *t->bidders);
	json_array_foreach(list, i, item) {
		const struct rtb_target *target = data_of(o, "rtb_target", json_string_value(json_object_get(item, "rtb_target_id")));
		if (target && t->bidders)
			t->bidders[t->count++] = (struct route_bidder){target, build_filter(o, item, "filter"), integer(item, "priority", 1)};
	}
}

static void build_plan(struct config_store *c, struct org *o, struct entity *e)
{
	struct route_plan *p = e->data;
	json_t *entries = json_object_get(e->doc, "entries"), *dial = json_object_get(e->doc, "dial"), *item;
	size_t i;
	(void)c;
	p->id = e->id;
	p->name = text(o, e->doc, "name");
	const char *strategy = json_string_value(json_object_get(e->doc, "strategy"));
	for (size_t k = 0; strategy && route_strategies[k]; k++)
		if (strcmp(route_strategies[k], strategy) == 0)
			p->strategy = (enum route_strategy)k;
	json_t *best = json_object_get(e->doc, "best");
	p->window_hours = integer(best, "window_hours", 168);
	p->explore_percent = integer(best, "explore_percent", 10);
	p->fallback = data_of(o, "routing_plan", json_string_value(json_object_get(e->doc, "fallback_plan_id")));
	p->timeout_seconds = integer(dial, "timeout_seconds", 30);
	p->max_attempts = integer(dial, "max_attempts", 10);
	p->wait_seconds = integer(dial, "wait_seconds", 0);
	p->wait_prompt_id = text(o, dial, "wait_prompt_id");
	p->entries = arena_alloc(&o->arena, (json_array_size(entries) + 1) * sizeof *p->entries);
	json_array_foreach(entries, i, item) {
		const struct route_target *t = data_of(o, "target", json_string_value(json_object_get(item, "target_id")));
		const struct route_plan *group = t ? NULL : data_of(o, "routing_plan", json_string_value(json_object_get(item, "routing_plan_id")));
		const struct route_tree *tree = t || group ? NULL : data_of(o, "ring_tree", json_string_value(json_object_get(item, "ring_tree_id")));
		if ((t || group || tree) && p->entries)
			p->entries[p->count++] = (struct route_entry){t, group, tree, build_filter(o, item, "filter"), integer(item, "priority", 1), integer(item, "weight", 1), build_schedule(o, item)};
	}
	route_plan_sort(p);
}

static const struct expr_list **build_lists(struct org *o, json_t *ids, size_t *count)
{
	const struct expr_list **lists = arena_alloc(&o->arena, (json_array_size(ids) + 1) * sizeof *lists);
	json_t *id;
	size_t i;
	*count = 0;
	json_array_foreach(ids, i, id)
		if (lists && (lists[*count] = data_of(o, "list", json_string_value(id))))
			++*count;
	return lists;
}

static void build_screening(struct org *o, json_t *doc, struct config_screening *s)
{
	s->blocked = build_lists(o, json_object_get(doc, "block_list_ids"), &s->blocked_count);
	s->allowed = build_lists(o, json_object_get(doc, "allow_list_ids"), &s->allowed_count);
	s->prefixes = texts(o, json_object_get(doc, "blocked_prefixes"), &s->prefix_count);
	s->anonymous = json_is_true(json_object_get(doc, "block_anonymous"));
	s->only_allowed = json_is_true(json_object_get(doc, "only_allowed"));
	const char *least = json_string_value(json_object_get(doc, "minimum_attestation"));
	s->attestation = least ? *least : '\0';
	s->filter = build_filter(o, doc, "filter");
	s->max_calls = integer(doc, "max_calls", 0);
	s->max_calls_seconds = integer(doc, "max_calls_seconds", 3600);
}

static struct terms_pay build_pay(json_t *doc)
{
	return (struct terms_pay){money(doc, "payout"), money(doc, "payout_percent")};
}

/* What is not said is `other`'s; NULL: nobody's. */
static void build_terms(struct org *o, json_t *doc, const struct terms *other, struct terms *t)
{
	json_t *conversion = json_object_get(doc, "conversion"), *tiers = json_object_get(doc, "payout_tiers"), *item;
	size_t i;
	*t = other ? *other : (struct terms){.converts_after_seconds = -1};
	t->enabled = !json_is_false(json_object_get(doc, "enabled"));
	if (json_is_object(conversion)) {
		t->converts_after_seconds = integer(conversion, "after_seconds", -1);
		t->converts_filter = build_filter(o, conversion, "filter");
	}
	if (!json_is_string(json_object_get(doc, "payout")) && !json_is_string(json_object_get(doc, "payout_percent")) && !json_array_size(tiers))
		return;
	t->pay = build_pay(doc);
	t->tier_count = 0;
	struct terms_tier *list = arena_alloc(&o->arena, (json_array_size(tiers) + 1) * sizeof *list);
	t->tiers = list;
	json_array_foreach(tiers, i, item)
		if (list)
			list[t->tier_count++] = (struct terms_tier){integer(item, "after_seconds", 0), build_filter(o, item, "filter"), build_pay(item)};
}

int64_t campaign_duplicates_since(const struct config_campaign *c, int64_t began_ms)
{
	return began_ms - c->duplicates_days * INT64_C(86400000);
}

const struct terms *campaign_terms(const struct config_campaign *c, const char *publisher_id)
{
	for (size_t i = 0; publisher_id && i < c->publisher_count; i++)
		if (strcmp(c->publishers[i].publisher_id, publisher_id) == 0)
			return &c->publishers[i];
	return &c->terms;
}

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

static void drop_repeats(struct config_campaign *p)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->milestone_count; i++)
		if (!i || p->milestones[i] != p->milestones[i - 1])
			p->milestones[kept++] = p->milestones[i];
	p->milestone_count = kept;
}

static void build_campaign(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_campaign *p = e->data;
	const char *mode = json_string_value(json_object_get(e->doc, "execution_mode"));
	json_t *milestones = json_object_get(e->doc, "milestones_seconds"), *item;
	size_t i;
	(void)c;
	p->id = e->id;
	p->name = text(o, e->doc, "name");
	p->enabled = json_is_true(json_object_get(e->doc, "enabled"));
	p->recording = json_is_true(json_object_get(e->doc, "recording"));
	p->recording_beep = json_is_true(json_object_get(e->doc, "recording_beep"));
	p->call_flow_mode = mode && strcmp(mode, "call_flow") == 0;
	p->plan = data_of(o, "routing_plan", json_string_value(json_object_get(e->doc, "routing_plan_id")));
	p->flow_id = text(o, e->doc, "call_flow_id");
	p->flow = data_of(o, "call_flow", p->flow_id);
	json_t *duplicates = json_object_get(e->doc, "duplicates");
	const char *policy = json_string_value(json_object_get(duplicates, "policy"));
	p->duplicates = !policy ? DUPLICATES_ANY : strcmp(policy, "same") == 0 ? DUPLICATES_SAME : strcmp(policy, "different") == 0 ? DUPLICATES_DIFFERENT : DUPLICATES_BLOCK;
	p->duplicates_days = integer(duplicates, "within_days", 30);
	p->payout_once_days = integer(e->doc, "payout_once_days", 0);
	build_screening(o, json_object_get(e->doc, "screening"), &p->screening);
	json_t *defaults = json_object_get(e->doc, "tag_defaults");
	p->tag_defaults = arena_alloc(&o->arena, (tag_set_count(o->public.tags) + 1) * sizeof *p->tag_defaults);
	json_array_foreach(defaults, i, item) {
		int slot = tag_set_find_id(o->public.tags, json_string_value(json_object_get(item, "tag_id")));
		if (slot >= 0 && p->tag_defaults)
			p->tag_defaults[slot] = text(o, item, "value");
	}
	build_terms(o, e->doc, NULL, &p->terms);
	p->terms.enabled = true; /* the campaign itself says so */
	json_t *publishers = json_object_get(e->doc, "publishers");
	p->publishers = arena_alloc(&o->arena, (json_array_size(publishers) + 1) * sizeof *p->publishers);
	json_array_foreach(publishers, i, item) {
		struct entity *who = find(o, "publisher", json_string_value(json_object_get(item, "publisher_id")));
		if (!who || !p->publishers)
			continue;
		build_terms(o, item, &p->terms, &p->publishers[p->publisher_count]);
		p->publishers[p->publisher_count++].publisher_id = who->id;
	}
	json_array_foreach(milestones, i, item)
		if (p->milestone_count < ARRAY_LEN(p->milestones))
			p->milestones[p->milestone_count++] = (int)json_integer_value(item);
	qsort(p->milestones, p->milestone_count, sizeof *p->milestones, by_number);
	drop_repeats(p);
	p->final_after_seconds = integer(e->doc, "final_after_seconds", FINAL_AFTER_SECONDS);
}

static void add_key(struct org *o, struct key_entry **table, const char *hash, const void *data)
{
	struct key_entry *k = hash ? arena_alloc(&o->arena, sizeof *k) : NULL;
	if (!k)
		return;
	k->hash = hash;
	k->data = data;
	k->org = o;
	HASH_ADD_KEYPTR(hh, *table, k->hash, strlen(k->hash), k);
}

static void build_pool(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_pool *p = e->data;
	size_t numbers = 0;
	(void)c;
	p->id = e->id;
	p->name = text(o, e->doc, "name");
	p->campaign = data_of(o, "campaign", json_string_value(json_object_get(e->doc, "campaign_id")));
	p->fallback_number = text(o, e->doc, "fallback_number");
	p->lease_seconds = integer(e->doc, "lease_seconds", 1800);
	p->cooldown_seconds = integer(e->doc, "cooldown_seconds", 300);
	for (const struct entity *n = o->entities; n; n = n->hh.next)
		numbers += strcmp(n->kind, "number") == 0;
	p->numbers = arena_alloc(&o->arena, (numbers + 1) * sizeof *p->numbers); /* its numbers come afterwards */
}

/* Digits of the first group behind the country code: of "+44 20 7946 0000", 2. */
static int area_digits(const char *international)
{
	static const char ten[] = "0123456789";
	const char *at = international + (*international == '+');
	at += strspn(at, ten);
	at += strcspn(at, ten);
	return (int)strspn(at, ten);
}

/*
 * How a number can be written on a page: {"c": country code, "n": national number, "t": trunk prefix,
 * "a": digits of its area code}. NULL: it is none of the region's, and has no country code.
 */
static json_t *page_number(const char *text, const char *region)
{
	char e164[PHONE_SIZE];
	struct phone_parts parts;
	if (!phone_normalize(text, region, e164) || !phone_split(e164, &parts))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:i}", "c", parts.country_code, "n", parts.national, "t", parts.trunk_prefix,
			 "a", area_digits(parts.international));
}

/* A number of no plan, such as a short one: found by its digits alone. */
static json_t *page_digits(const char *text)
{
	char digits[PHONE_SIZE] = "";
	for (size_t n = 0; *text && n + 1 < sizeof digits; text++)
		if (*text >= '0' && *text <= '9')
			digits[n++] = *text;
	return json_pack("{s:s, s:s, s:s, s:i}", "c", "", "n", digits, "t", "", "a", 0);
}

/* The country of the pool's numbers, as its first one tells; "": it has none. */
static void pool_region(const struct org *o, const char *pool_id, char country[4])
{
	struct phone_info info = {0};
	for (const struct entity *n = o->entities; n && !*info.country; n = n->hh.next) {
		const char *of = json_string_value(json_object_get(n->doc, "pool_id"));
		if (strcmp(n->kind, "number") == 0 && of && pool_id && strcmp(of, pool_id) == 0)
			phone_lookup(json_string_value(json_object_get(n->doc, "number")), &info);
	}
	snprintf(country, 4, "%s", info.country);
}

/* Numbers without a country code are the organization's region's, or else those of the pool's country. */
static json_t *page_numbers(const struct org *o, json_t *texts, const char *pool_id)
{
	json_t *out = json_array(), *item;
	size_t i;
	json_array_foreach(texts, i, item) {
		char country[4];
		const char *text = json_string_value(item);
		json_t *number = page_number(text, o->public.region);
		if (!number) {
			pool_region(o, pool_id, country);
			number = page_number(text, country);
		}
		json_array_append_new(out, number ? number : page_digits(text));
	}
	return out;
}

static void build_dni(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_dni *d = e->data;
	static const char *const told[] = {"selectors", "consent", "respect_do_not_track"};
	json_t *script = json_object();
	(void)c;
	d->id = e->id;
	d->name = text(o, e->doc, "name");
	d->pool = data_of(o, "number_pool", json_string_value(json_object_get(e->doc, "pool_id")));
	d->origins = texts(o, json_object_get(e->doc, "allowed_origins"), &d->origin_count);
	d->leases_of_address = integer(e->doc, "leases_of_address", 20);
	d->enabled = json_is_true(json_object_get(e->doc, "enabled"));
	json_object_set_new(script, "snippet", json_string(e->id));
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		json_object_set(script, told[i], json_object_get(e->doc, told[i]));
	json_t *numbers = json_object_get(e->doc, "numbers");
	json_object_set_new(script, "numbers", page_numbers(o, numbers, json_string_value(json_object_get(e->doc, "pool_id"))));
	char *dumped = json_dumps(script, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH);
	d->script_config = arena_strdup(&o->arena, dumped);
	free(dumped);
	json_decref(script);
	add_key(o, &o->dnis, d->id, d);
}

static void build_number(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_number *n = e->data;
	const char *publisher = json_string_value(json_object_get(e->doc, "publisher_id"));
	struct entity *p = find(o, "publisher", publisher);
	(void)c;
	n->number = text(o, e->doc, "number");
	struct config_pool *pool = data_of(o, "number_pool", json_string_value(json_object_get(e->doc, "pool_id")));
	n->campaign = data_of(o, "campaign", json_string_value(json_object_get(e->doc, "campaign_id")));
	if (!n->campaign && pool)
		n->campaign = pool->campaign;
	n->pool = pool;
	if (pool && pool->numbers)
		pool->numbers[pool->number_count++] = n->number;
	n->publisher_id = p ? p->id : NULL;
	n->publisher_name = p ? *(const char **)p->data : NULL;
	add_key(o, &o->numbers, n->number, n);
}

/* name, value, name, value … */
static const char **pairs(struct org *o, json_t *map, size_t *count)
{
	const char **out = arena_alloc(&o->arena, (json_object_size(map) * 2 + 1) * sizeof *out), *key;
	json_t *item;
	*count = 0;
	json_object_foreach(map, key, item) {
		if (!out)
			break;
		out[(*count)++] = arena_strdup(&o->arena, key);
		out[(*count)++] = arena_strdup(&o->arena, json_string_value(item));
	}
	return out;
}

static void build_incoming(struct config_store *c, struct org *o, struct entity *e)
{
	static const char *const names[] = {"call_data", "update_tags", "update_revenue", "update_fields"};
	struct config_incoming *w = e->data;
	json_t *item;
	char hash[CRYPTO_HASH_SIZE];
	size_t i;
	w->id = e->id;
	w->name = text(o, e->doc, "name");
	w->enabled = json_is_true(json_object_get(e->doc, "enabled"));
	w->lifespan_seconds = integer(e->doc, "lifespan_seconds", 3600);
	w->match_within_days = integer(e->doc, "match_within_days", MATCH_WITHIN_DAYS);
	w->keep_unmatched = !json_is_false(json_object_get(e->doc, "keep_unmatched"));
	json_array_foreach(json_object_get(e->doc, "types"), i, item)
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			if (strcmp(names[k], json_string_value(item)) == 0)
				w->types |= 1u << k;
	w->campaign_ids = texts(o, json_object_get(e->doc, "campaign_ids"), &w->campaign_count);
	json_t *verification = json_object_get(e->doc, "verification");
	const char *until = json_string_value(json_object_get(e->doc, "previous_key_expires_at"));
	w->rate_per_minute = integer(e->doc, "rate_per_minute", 0);
	w->mapping = tag_mapping_build(o->public.tags, json_object_get(e->doc, "mapping"), &o->arena);
	w->networks = build_networks(o, json_object_get(e->doc, "allowed_addresses"), &w->network_count);
	w->hmac_secret = secret(c, o, verification, "hmac_secret");
	w->hmac_header = text(o, verification, "hmac_header");
	w->username = text(o, verification, "username");
	w->password = secret(c, o, verification, "password");
	const char *key = secret(c, o, e->doc, "key"), *previous = secret(c, o, e->doc, "previous_key");
	w->key_hash = key ? arena_strdup(&o->arena, crypto_keyed_hash(&c->key, key, hash)) : NULL;
	add_key(o, &o->webhook_keys, w->key_hash, w);
	if (previous && until && clock_parse_rfc3339(until, strlen(until), &w->previous_expires_ms))
		add_key(o, &o->webhook_keys, arena_strdup(&o->arena, crypto_keyed_hash(&c->key, previous, hash)), w);
}

/* May the endpoint give it out? */
static bool gives_out(const struct config_inbound_rtb *rtb, const struct config_number *n)
{
	bool others = n->publisher_id && (!rtb->publisher_id || strcmp(n->publisher_id, rtb->publisher_id) != 0);
	return rtb->campaign && n->campaign == rtb->campaign && !n->pool && !others; /* a pool's are lent to visitors */
}

static void build_inbound_rtb(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_inbound_rtb *rtb = e->data;
	json_t *ids = json_object_get(e->doc, "number_ids"), *id;
	struct entity *publisher = find(o, "publisher", json_string_value(json_object_get(e->doc, "publisher_id")));
	size_t listed = json_array_size(ids), i;
	(void)c;
	rtb->id = e->id;
	rtb->name = text(o, e->doc, "name");
	rtb->enabled = json_is_true(json_object_get(e->doc, "enabled"));
	rtb->campaign = data_of(o, "campaign", json_string_value(json_object_get(e->doc, "campaign_id")));
	rtb->publisher_id = publisher ? publisher->id : NULL;
	rtb->allocation_seconds = integer(e->doc, "allocation_time_seconds", 60);
	rtb->rate_per_minute = integer(e->doc, "rate_per_minute", 0);
	rtb->max_reservations = integer(e->doc, "max_reservations", 0);
	rtb->numbers = arena_alloc(&o->arena, ((listed ? listed : HASH_COUNT(o->numbers)) + 1) * sizeof *rtb->numbers);
	json_array_foreach(ids, i, id) {
		const struct config_number *n = data_of(o, "number", json_string_value(id));
		if (n && rtb->numbers && gives_out(rtb, n))
			rtb->numbers[rtb->number_count++] = n->number;
	}
	for (struct key_entry *k = listed ? NULL : o->numbers; k && rtb->numbers; k = k->hh.next)
		if (gives_out(rtb, k->data))
			rtb->numbers[rtb->number_count++] = ((const struct config_number *)k->data)->number;
	add_key(o, &o->inbound_rtbs, rtb->id, rtb);
}

static void build_outgoing(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_outgoing *w = e->data;
	json_t *authentication = json_object_get(e->doc, "authentication"), *batch = json_object_get(e->doc, "batch");
	const char *until = json_string_value(json_object_get(e->doc, "previous_secret_expires_at"));
	w->id = e->id;
	w->name = text(o, e->doc, "name");
	w->url = text(o, e->doc, "url");
	w->method = text(o, e->doc, "method");
	w->body_template = text(o, e->doc, "body_template");
	w->filter = build_filter(o, e->doc, "filter");
	w->concurrency = integer(e->doc, "concurrency", 10);
	w->timeout_seconds = integer(e->doc, "timeout_seconds", 15);
	w->rate_per_second = integer(e->doc, "rate_per_second", 0);
	w->batch_events = integer(batch, "max_events", 0);
	w->batch_ms = integer(batch, "max_seconds", 0) * INT64_C(1000);
	w->enabled = json_is_true(json_object_get(e->doc, "enabled"));
	w->ordered = json_is_true(json_object_get(e->doc, "ordered"));
	w->secret = secret(c, o, e->doc, "secret");
	if (until && clock_parse_rfc3339(until, strlen(until), &w->previous_until_ms))
		w->previous_secret = secret(c, o, e->doc, "previous_secret");
	w->username = text(o, authentication, "username");
	w->password = secret(c, o, authentication, "password");
	w->bearer_token = secret(c, o, authentication, "bearer_token");
	w->token_url = text(o, authentication, "token_url");
	w->client_id = text(o, authentication, "client_id");
	w->client_secret = secret(c, o, authentication, "client_secret");
	w->scope = text(o, authentication, "scope");
	w->audience = text(o, authentication, "audience");
	const char *placed = json_string_value(json_object_get(authentication, "client_credentials_in"));
	w->client_in_body = placed && strcmp(placed, "body") == 0;
	w->event_types = texts(o, json_object_get(e->doc, "event_types"), &w->event_type_count);
	w->campaign_ids = texts(o, json_object_get(e->doc, "campaign_ids"), &w->campaign_count);
	w->sensitive_tag_ids = texts(o, json_object_get(e->doc, "sensitive_tag_ids"), &w->sensitive_count);
	w->headers = pairs(o, json_object_get(e->doc, "headers"), &w->header_count);
	w->query = pairs(o, json_object_get(e->doc, "query"), &w->query_count);
}

static void build_prompt(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_prompt *p = e->data;
	(void)c;
	p->id = e->id;
	p->text = text(o, e->doc, "text");
	p->voice = text(o, e->doc, "voice");
	p->has_audio = json_is_true(json_object_get(e->doc, "has_audio"));
}

static int by_text(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* Does it look like a phone number that is not written as calls have it? */
static bool is_phone_by_hand(const char *text)
{
	size_t digits = 0, others = 0;
	for (const char *p = text; *p; p++) {
		digits += *p >= '0' && *p <= '9';
		others += !strchr("0123456789 -.()/+", *p);
	}
	bool written = text[0] == '+' && !text[1 + strspn(text + 1, "0123456789")];
	return digits >= 7 && digits <= 15 && !others && !written;
}

/* Phone numbers are found as calls have them, too, however they are written. */
static void build_list(struct config_store *c, struct org *o, struct entity *e)
{
	struct expr_list *list = e->data;
	json_t *values = json_object_get(e->doc, "values"), *value;
	const char **texts = arena_alloc(&o->arena, (2 * json_array_size(values) + 1) * sizeof *texts);
	char number[PHONE_SIZE];
	size_t i;
	(void)c;
	json_array_foreach(values, i, value) {
		const char *text = json_string_value(value);
		if (texts && (texts[list->count] = arena_strdup(&o->arena, text)))
			list->count++;
		if (texts && is_phone_by_hand(text) && phone_normalize(text, o->public.region, number) && (texts[list->count] = arena_strdup(&o->arena, number)))
			list->count++;
	}
	if (texts)
		qsort(texts, list->count, sizeof *texts, by_text);
	list->texts = texts;
}

static void build_api_key(struct config_store *c, struct org *o, struct entity *e)
{
	struct config_key *k = e->data;
	const char *until = json_string_value(json_object_get(e->doc, "expires_at"));
	size_t scopes;
	(void)c;
	k->id = e->id;
	k->name = text(o, e->doc, "name");
	k->role = text(o, e->doc, "role");
	k->scopes = texts(o, json_object_get(e->doc, "scopes"), &scopes);
	if (!k->scopes || (until && !clock_parse_rfc3339(until, strlen(until), &k->expires_ms)))
		return; /* without memory the key is refused, not unlimited */
	add_key(o, &o->api_keys, text(o, e->doc, "key"), k); /* the document holds its hash */
}

/* The first error among the problems of flow_compile(), or NULL. */
static const char *first_error(json_t *problems)
{
	json_t *problem;
	size_t i;
	json_array_foreach(problems, i, problem) {
		const char *severity = json_string_value(json_object_get(problem, "severity"));
		if (severity && strcmp(severity, "error") == 0)
			return json_string_value(json_object_get(problem, "detail"));
	}
	return NULL;
}

/* Compiled and owned by the snapshot; NULL with *unavailable set. */
static struct flow *compile_version(struct org *o, const char *id, int version,
				    const char *document, const char **unavailable)
{
	json_t *json = json_loads(document, 0, NULL), *problems = json_array();
	struct flow_context context = organization_flow_context(&o->public, id, version);
	context.regexes = o->regexes;
	context.stored = true;
	struct flow *flow = flow_compile(json, &context, problems);
	struct flow **list = flow ? realloc(o->flows, (o->flow_count + 1) * sizeof *list) : NULL;
	char why[500];
	if (list) {
		o->flows = list;
		list[o->flow_count++] = flow;
	} else { /* without what it names and was deleted since, it would do something else */
		const char *error = flow ? NULL : first_error(problems);
		flow_free(flow);
		flow = NULL;
		snprintf(why, sizeof why, "Version %d of the call flow cannot run: %s", version,
			 error ? error : "out of memory");
		*unavailable = arena_strdup(&o->arena, why);
	}
	json_decref(problems);
	json_decref(json);
	return flow;
}

/* document NULL: the database has none of that version. */
static void build_flow(struct org *o, struct entity *e, int version, const char *document)
{
	struct config_flow *f = e->data;
	char why[100];
	if (!f)
		return;
	f->id = e->id;
	f->name = text(o, e->doc, "name");
	f->version = version;
	if (!version) {
		f->unavailable = "The call flow has no published version";
		return;
	}
	if (document) {
		f->flow = compile_version(o, e->id, version, document, &f->unavailable);
	} else {
		snprintf(why, sizeof why, "Version %d of the call flow could not be loaded",
			 version);
		f->unavailable = arena_strdup(&o->arena, why);
	}
	if (!f->flow)
		log_warn(e->id, "%s", f->unavailable ? f->unavailable : "out of memory");
}

/* Of publishers and buyers only the name is asked for. */
static void build_name(struct config_store *c, struct org *o, struct entity *e)
{
	(void)c;
	*(const char **)e->data = text(o, e->doc, "name");
}

/* In this order, because later kinds point at earlier ones. */
static const struct {
	const char *kind;
	size_t size;
	void (*build)(struct config_store *c, struct org *o, struct entity *e);
} builders[] = {
	{"list", sizeof(struct expr_list), build_list},
	{"publisher", sizeof(const char *), build_name},
	{"trunk", sizeof(struct config_trunk), build_trunk},
	{"prompt", sizeof(struct config_prompt), build_prompt},
	{"target", sizeof(struct route_target), build_target},
	{"rtb_target", sizeof(struct rtb_target), build_rtb_target},
	{"ring_tree", sizeof(struct route_tree), build_tree},
	{"routing_plan", sizeof(struct route_plan), build_plan},
	{"call_flow", sizeof(struct config_flow), NULL},
	{"campaign", sizeof(struct config_campaign), build_campaign},
	{"buyer", sizeof(const char *), build_name},
	{"custom_tag", 1, NULL},
	{"user", 1, NULL},
	{"saved_view", 1, NULL},
	{"number_pool", sizeof(struct config_pool), build_pool},
	{"number", sizeof(struct config_number), build_number},
	{"dni_snippet", sizeof(struct config_dni), build_dni},
	{"inbound_rtb", sizeof(struct config_inbound_rtb), build_inbound_rtb},
	{"incoming_webhook", sizeof(struct config_incoming), build_incoming},
	{"outgoing_webhook", sizeof(struct config_outgoing), build_outgoing},
	{"api_key", sizeof(struct config_key), build_api_key},
};

static void org_free(struct org *o)
{
	HASH_CLEAR(hh, o->entities);
	HASH_CLEAR(hh, o->numbers);
	HASH_CLEAR(hh, o->api_keys);
	HASH_CLEAR(hh, o->webhook_keys);
	HASH_CLEAR(hh, o->inbound_rtbs);
	HASH_CLEAR(hh, o->dnis);
	for (size_t i = 0; i < o->filter_count; i++)
		filter_free(o->filters[i]);
	for (size_t i = 0; i < o->flow_count; i++)
		flow_free(o->flows[i]);
	for (size_t i = 0; i < o->mapping_count; i++)
		rtb_mapping_free(o->mappings[i]);
	free(o->filters);
	free(o->mappings);
	free(o->flows);
	arena_free(&o->arena);
	free(o);
}

static bool add_entities(struct org *o, struct store_rows *rows, json_t *docs, json_t *tags)
{
	for (size_t i = 0; i < rows_count(rows); i++) {
		json_t *doc = json_loads(rows_text(rows, i, 2), 0, NULL);
		struct entity *e = arena_alloc(&o->arena, sizeof *e);
		if (!doc || !e) {
			json_decref(doc);
			return false;
		}
		json_array_append_new(docs, doc);
		e->id = arena_strdup(&o->arena, rows_text(rows, i, 0));
		e->kind = arena_strdup(&o->arena, rows_text(rows, i, 1));
		e->doc = doc;
		HASH_ADD_KEYPTR(hh, o->entities, e->id, strlen(e->id), e);
		if (strcmp(e->kind, "custom_tag") == 0) {
			json_object_set_new(doc, "id", json_string(e->id));
			json_array_append(tags, doc);
		}
	}
	return true;
}

static void build_all(struct config_store *c, struct org *o, struct store_rows *versions)
{
	for (size_t b = 0; b < ARRAY_LEN(builders); b++)
		for (struct entity *e = o->entities; e; e = e->hh.next)
			if (strcmp(e->kind, builders[b].kind) == 0)
				e->data = arena_alloc(&o->arena, builders[b].size);
	for (size_t b = 0; b < ARRAY_LEN(builders); b++)
		for (struct entity *e = o->entities; e; e = e->hh.next)
			if (builders[b].build && e->data && strcmp(e->kind, builders[b].kind) == 0)
				builders[b].build(c, o, e);
	for (struct entity *e = o->entities; e; e = e->hh.next) {
		if (strcmp(e->kind, "call_flow") != 0)
			continue;
		int version = integer(e->doc, "published_version", 0);
		const char *document = NULL;
		for (size_t i = 0; i < rows_count(versions); i++)
			if (strcmp(rows_text(versions, i, 0), e->id) == 0 && rows_int(versions, i, 1) == version)
				document = rows_text(versions, i, 2);
		build_flow(o, e, version, document);
	}
}

static void add_outgoing(struct org *o, struct config_outgoing *list, const struct config_outgoing *w)
{
	list[o->public.outgoing_count++] = *w;
	if (w->enabled)
		o->public.named_types |= event_types_named(w->event_types, w->event_type_count);
}

static bool is_extension(const struct entity *e)
{
	const struct route_target *t = strcmp(e->kind, "target") == 0 ? e->data : NULL;
	return t && (t->phone_username || t->short_number);
}

/* Outgoing webhooks, trunks and extensions are also walked: as arrays. */
static void build_arrays(struct org *o)
{
	size_t outgoing = 0, trunks = 0, extensions = 0;
	for (struct entity *e = o->entities; e; e = e->hh.next) {
		outgoing += strcmp(e->kind, "outgoing_webhook") == 0;
		trunks += strcmp(e->kind, "trunk") == 0;
		extensions += is_extension(e);
	}
	struct config_outgoing *w = arena_alloc(&o->arena, (outgoing + 1) * sizeof *w);
	struct config_trunk *t = arena_alloc(&o->arena, (trunks + 1) * sizeof *t);
	const struct route_target **p = arena_alloc(&o->arena, (extensions + 1) * sizeof *p);
	o->public.outgoing = w;
	o->public.trunks = t;
	o->public.extensions = p;
	for (struct entity *e = o->entities; e && w && t && p; e = e->hh.next) {
		if (strcmp(e->kind, "outgoing_webhook") == 0)
			add_outgoing(o, w, e->data);
		else if (strcmp(e->kind, "trunk") == 0)
			t[o->public.trunk_count++] = *(struct config_trunk *)e->data;
		else if (is_extension(e))
			p[o->public.extension_count++] = e->data;
	}
}

static bool read_dial_policy(struct org *o, json_t *doc)
{
	struct dial_policy *p = &o->public.dial_policy;
	const char *cost = json_string_value(json_object_get(doc, "max_cost"));
	size_t n;
	p->uris = json_is_true(json_object_get(doc, "sip_uris"));
	p->numbers = json_is_true(json_object_get(doc, "numbers"));
	p->countries = texts(o, json_object_get(doc, "countries"), &n);
	p->blocked_prefixes = texts(o, json_object_get(doc, "blocked_prefixes"), &n);
	p->max_cost = cost && strcmp(cost, "premium") == 0 ? PHONE_PREMIUM : cost && strcmp(cost, "shared_cost") == 0 ? PHONE_SHARED : PHONE_STANDARD;
	p->max_calls = (int)json_integer_value(json_object_get(doc, "max_calls"));
	return p->countries && p->blocked_prefixes;
}

static struct org *build(struct config_store *c, const char *id, struct error *err)
{
	struct org *o = calloc(1, sizeof *o);
	json_t *docs = json_array(), *tags = json_array();
	struct store_rows *org = store_query(c->reader, "SELECT name, doc FROM organizations WHERE id = $1", "s", id);
	struct store_rows *rows = store_query(c->reader, "SELECT id, kind, doc FROM resources WHERE organization_id = $1 ORDER BY kind, id", "s", id);
	struct store_rows *versions = store_query(c->reader,
		"SELECT v.flow_id, v.version, v.document FROM flow_versions v WHERE v.organization_id = $1 AND v.version >= "
		"(SELECT MAX(w.version) - 50 FROM flow_versions w WHERE w.flow_id = v.flow_id)", "s", id);
	bool ok = o && rows_count(org) == 1 && rows && versions;
	if (ok) {
		json_t *doc = json_loads(rows_text(org, 0, 1), 0, NULL);
		json_t *policy = json_object_get(doc, "dial_policy");
		atomic_init(&o->references, 1);
		o->public.id = arena_strdup(&o->arena, id);
		o->public.public_url = c->public_url;
		o->public.feed = c->feed;
		o->public.callers = c->callers;
		o->public.name = arena_strdup(&o->arena, rows_text(org, 0, 0));
		o->public.currency = text(o, doc, "currency");
		o->public.region = text(o, doc, "region");
		if (!o->public.region)
			o->public.region = "US";
		o->public.key = &c->key;
		o->public.call_key_days = integer(doc, "call_key_days", CALL_KEY_DAYS);
		o->public.sip_retention_days = (int)retention_days(doc, "sip_retention_days", SIP_RETENTION_DAYS);
		const char *format = json_string_value(json_object_get(doc, "recording_format"));
		o->public.recording_opus = format && strcmp(format, "opus") == 0;
		o->public.recording_encryption = json_is_true(json_object_get(doc, "recording_encryption"));
		o->public.hold_music_prompt_id = text(o, doc, "hold_music_prompt_id");
		bool read = read_dial_policy(o, policy);
		json_decref(doc);
		ok = read && add_entities(o, rows, docs, tags) && (o->public.tags = tag_set_build(tags, o->public.region, &o->arena));
	}
	if (ok) {
		o->regexes = c->regexes;
		build_all(c, o, versions);
		o->regexes = NULL;
		build_arrays(o);
		for (struct entity *e = o->entities; e; e = e->hh.next)
			e->doc = NULL;
	} else {
		error_set(err, "the configuration of %s could not be read: %s", id, store_error(c->reader));
		if (o)
			org_free(o);
		o = NULL;
	}
	rows_free(org);
	rows_free(rows);
	rows_free(versions);
	json_decref(docs);
	json_decref(tags);
	return o;
}

/* ---- publishing ---- */

void organization_hold(const struct organization *public)
{
	atomic_fetch_add(&((struct org *)(uintptr_t)public)->references, 1);
}

void organization_release(const struct organization *public)
{
	struct org *o = (struct org *)(uintptr_t)public;
	if (o && atomic_fetch_sub(&o->references, 1) == 1)
		org_free(o);
}

bool config_reload(struct config_store *c, const char *id, struct error *err)
{
	pthread_mutex_lock(&c->building);
	struct org *fresh = build(c, id, err), *old = NULL;
	if (fresh) {
		pthread_rwlock_wrlock(&c->lock);
		HASH_FIND_STR(c->orgs, id, old);
		if (old)
			HASH_DEL(c->orgs, old);
		HASH_ADD_KEYPTR(hh, c->orgs, fresh->public.id, strlen(fresh->public.id), fresh);
		pthread_rwlock_unlock(&c->lock);
		if (old)
			organization_release(&old->public);
		regex_cache_sweep(c->regexes);
	}
	pthread_mutex_unlock(&c->building);
	return fresh != NULL;
}

bool config_load_new(struct config_store *c, struct error *err)
{
	pthread_mutex_lock(&c->building);
	struct store_rows *rows = store_query(c->reader, "SELECT id FROM organizations ORDER BY id", "");
	bool ok = rows || error_set(err, "organizations cannot be read: %s", store_error(c->reader));
	pthread_mutex_unlock(&c->building);
	for (size_t i = 0; ok && i < rows_count(rows); i++) {
		const struct organization *known = config_organization(c, rows_text(rows, i, 0));
		if (!known)
			ok = config_reload(c, rows_text(rows, i, 0), err);
		else
			organization_release(known);
	}
	rows_free(rows);
	return ok;
}

struct config_store *config_open(struct store *store, const struct crypto_key *key, const char *public_url,
				 struct error *err)
{
	struct config_store *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->store = store;
	c->key = *key;
	c->public_url = public_url;
	pthread_rwlock_init(&c->lock, NULL);
	pthread_mutex_init(&c->building, NULL);
	c->reader = store_connect(store, true, err);
	c->feed = feed_create();
	c->regexes = regex_cache_create();
	bool made = c->reader && c->feed && c->regexes;
	c->callers = made ? callers_create(store, clock_now_ms(), err) : NULL;
	if (!c->callers || !config_load_new(c, err)) {
		config_close(c);
		return NULL;
	}
	return c;
}

void config_close(struct config_store *c)
{
	struct org *o, *next;
	if (!c)
		return;
	HASH_ITER(hh, c->orgs, o, next) {
		HASH_DEL(c->orgs, o);
		organization_release(&o->public);
	}
	store_disconnect(c->reader);
	regex_cache_destroy(c->regexes);
	feed_destroy(c->feed);
	callers_destroy(c->callers);
	pthread_rwlock_destroy(&c->lock);
	pthread_mutex_destroy(&c->building);
	free(c);
}

bool config_takes_campaign(const char *const *ids, size_t count, const char *id)
{
	for (size_t i = 0; id && i < count; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return count == 0;
}

const struct crypto_key *config_key(const struct config_store *c)
{
	return &c->key;
}

struct feed *config_feed(const struct config_store *c)
{
	return c->feed;
}

/* ---- look-ups ---- */

const struct organization *config_organization(struct config_store *c, const char *id)
{
	struct org *o;
	pthread_rwlock_rdlock(&c->lock);
	HASH_FIND_STR(c->orgs, id, o);
	if (o)
		organization_hold(&o->public);
	pthread_rwlock_unlock(&c->lock);
	return o ? &o->public : NULL;
}

/* Keys are unique over all organizations; there are few organizations and each table is a hash. */
static const struct organization *by_key(struct config_store *c, size_t table, const char *hash, const void **data)
{
	struct key_entry *k = NULL;
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o && !k; o = o->hh.next) {
		struct key_entry *tables[] = {o->numbers, o->api_keys, o->webhook_keys, o->inbound_rtbs, o->dnis};
		HASH_FIND_STR(tables[table], hash, k);
	}
	if (k)
		organization_hold(&k->org->public);
	pthread_rwlock_unlock(&c->lock);
	*data = k ? k->data : NULL;
	return k ? &k->org->public : NULL;
}

const struct organization *config_by_number(struct config_store *c, const char *e164, const struct config_number **number)
{
	return by_key(c, 0, e164, (const void **)number);
}

const struct organization *config_by_api_key(struct config_store *c, const char *hash, const struct config_key **key)
{
	return by_key(c, 1, hash, (const void **)key);
}

const struct organization *config_by_webhook_key(struct config_store *c, const char *hash, const struct config_incoming **webhook)
{
	return by_key(c, 2, hash, (const void **)webhook);
}

const struct organization *config_by_dni(struct config_store *c, const char *id, const struct config_dni **snippet)
{
	return by_key(c, 4, id, (const void **)snippet);
}

const struct organization *config_by_inbound_rtb(struct config_store *c, const char *id, const struct config_inbound_rtb **endpoint)
{
	return by_key(c, 3, id, (const void **)endpoint);
}

size_t config_regions(struct config_store *c, char regions[REGIONS_MAX][REGION_SIZE])
{
	size_t count = 0;
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o && count < REGIONS_MAX; o = o->hh.next) {
		size_t i = 0;
		while (i < count && strcasecmp(regions[i], o->public.region) != 0)
			i++;
		if (i == count)
			snprintf(regions[count++], REGION_SIZE, "%s", o->public.region);
	}
	pthread_rwlock_unlock(&c->lock);
	return count;
}

size_t config_organization_count(struct config_store *c)
{
	pthread_rwlock_rdlock(&c->lock);
	size_t n = HASH_COUNT(c->orgs);
	pthread_rwlock_unlock(&c->lock);
	return n;
}

static void tell_match(struct trunk_match *out, const struct organization *o, const struct config_trunk *trunk)
{
	snprintf(out->organization_id, sizeof out->organization_id, "%s", o->id);
	snprintf(out->trunk_id, sizeof out->trunk_id, "%s", trunk->id);
}

static bool takes_address(const struct config_trunk *t, const struct sockaddr *address)
{
	return network_has(t->networks, t->network_count, address);
}

bool config_is_trunk_address(struct config_store *c, const struct sockaddr *address)
{
	bool found = false;
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o && !found; o = o->hh.next)
		for (size_t t = 0; t < o->public.trunk_count && !found; t++)
			found = takes_address(&o->public.trunks[t], address);
	pthread_rwlock_unlock(&c->lock);
	return found;
}

bool config_default_trunk(struct config_store *c, const struct sockaddr *address,
			  struct trunk_match *out)
{
	const struct config_trunk *oldest = NULL;
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o; o = o->hh.next)
		for (size_t i = 0; i < o->public.trunk_count; i++) {
			const struct config_trunk *t = &o->public.trunks[i];
			bool older = !oldest || strcmp(t->id, oldest->id) < 0; /* ids begin with a time */
			if (!older || !t->default_number || !takes_address(t, address))
				continue;
			oldest = t;
			tell_match(out, &o->public, t);
		}
	pthread_rwlock_unlock(&c->lock);
	return oldest != NULL;
}

void config_each_trunk(struct config_store *c, void (*f)(void *arg, const struct config_trunk *trunk), void *arg)
{
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o; o = o->hh.next)
		for (size_t t = 0; t < o->public.trunk_count; t++)
			f(arg, &o->public.trunks[t]);
	pthread_rwlock_unlock(&c->lock);
}

void config_each_plan(struct config_store *c, void (*f)(void *arg, const struct organization *o, const struct route_plan *plan), void *arg)
{
	size_t n = 0;
	pthread_rwlock_rdlock(&c->lock);
	struct org **held = calloc(HASH_COUNT(c->orgs) + 1, sizeof(struct org *));
	for (struct org *o = c->orgs; held && o; o = o->hh.next) {
		organization_hold(&o->public);
		held[n++] = o;
	}
	pthread_rwlock_unlock(&c->lock);
	for (size_t i = 0; i < n; i++) {
		for (struct entity *e = held[i]->entities; e; e = e->hh.next)
			if (strcmp(e->kind, "routing_plan") == 0)
				f(arg, &held[i]->public, e->data);
		organization_release(&held[i]->public);
	}
	free(held);
}

bool config_has_digest(struct config_store *c)
{
	bool found = false;
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o && !found; o = o->hh.next)
		for (size_t t = 0; t < o->public.trunk_count && !found; t++)
			found = o->public.trunks[t].username != NULL;
	pthread_rwlock_unlock(&c->lock);
	return found;
}

bool config_phone(struct config_store *c, const char *username, size_t n, struct phone_match *out)
{
	bool found = false;
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o && !found; o = o->hh.next)
		for (size_t i = 0; i < o->public.extension_count && !found; i++) {
			const struct route_target *t = o->public.extensions[i];
			found = t->enabled && t->phone_password && (!username || strcmp(t->phone_username, username) == 0) && n-- == 0;
			if (!found || !out)
				continue;
			snprintf(out->organization_id, sizeof out->organization_id, "%s", o->public.id);
			snprintf(out->target_id, sizeof out->target_id, "%s", t->id);
			snprintf(out->password, sizeof out->password, "%s", t->phone_password);
		}
	pthread_rwlock_unlock(&c->lock);
	return found;
}

bool config_trunk_by_line(struct config_store *c, const char *line, struct trunk_match *out)
{
	bool found = false;
	pthread_rwlock_rdlock(&c->lock);
	for (struct org *o = c->orgs; o && !found; o = o->hh.next) {
		for (size_t t = 0; t < o->public.trunk_count && !found; t++) {
			const struct config_trunk *trunk = &o->public.trunks[t];
			found = trunk->registers && trunk->line && strcmp(trunk->line, line) == 0;
			if (found)
				tell_match(out, &o->public, trunk);
		}
	}
	pthread_rwlock_unlock(&c->lock);
	return found;
}

const void *organization_find(const struct organization *o, const char *kind, const char *id)
{
	return data_of((const struct org *)(const void *)o, kind, id);
}

bool organization_call_key(const struct organization *o, const char *call_id, char out[CALL_KEY_SIZE])
{
	return o->call_key_days > 0 && call_key_make(o->key, o->id, call_id, out);
}

const char *organization_publisher_name(const struct organization *o, const char *id)
{
	const char *const *name = organization_find(o, "publisher", id);
	return name ? *name : NULL;
}

const struct config_campaign *organization_campaign(const struct organization *o, const char *id)
{
	return organization_find(o, "campaign", id);
}

const struct route_plan *organization_plan(const struct organization *o, const char *id)
{
	return organization_find(o, "routing_plan", id);
}

const struct route_tree *organization_tree(const struct organization *o, const char *id)
{
	return organization_find(o, "ring_tree", id);
}

const struct route_target *organization_extension(const struct organization *o, const char *called)
{
	const struct route_target *by_name = NULL;
	for (size_t i = 0; i < o->extension_count; i++) {
		const struct route_target *t = o->extensions[i];
		if (t->short_number && strcmp(t->short_number, called) == 0)
			return t;
		if (t->phone_username && strcasecmp(t->phone_username, called) == 0)
			by_name = t;
	}
	return by_name;
}

const struct route_target *organization_target(const struct organization *o, const char *id)
{
	const struct rtb_target *asked = organization_find(o, "rtb_target", id);
	return asked ? &asked->target : organization_find(o, "target", id);
}

static const char *flow_unavailable(const struct config_flow *f)
{
	if (!f)
		return "The call flow was deleted";
	if (f->flow)
		return NULL;
	return f->unavailable ? f->unavailable : "The call flow could not be loaded";
}

const char *campaign_flow_problem(const struct config_campaign *c)
{
	if (!c->call_flow_mode)
		return NULL;
	return c->flow_id ? flow_unavailable(c->flow) : "No call flow is selected";
}

const char *organization_flow_problem(const struct organization *o, const char *flow_id)
{
	return flow_unavailable(organization_find(o, "call_flow", flow_id));
}

void organization_target_names(const struct organization *o, const char *id, struct value *target, struct value *buyer)
{
	const struct route_target *t = id ? organization_target(o, id) : NULL;
	const char *const *name = t && t->buyer_id ? organization_find(o, "buyer", t->buyer_id) : NULL;
	*target = t && t->name ? value_string(t->name, strlen(t->name)) : (struct value){.text = ""};
	*buyer = name && *name ? value_string(*name, strlen(*name)) : (struct value){.text = ""};
}

const struct flow *organization_flow(const struct organization *o, const char *id)
{
	const struct config_flow *f = organization_find(o, "call_flow", id);
	return f ? f->flow : NULL;
}

const struct config_trunk *organization_trunk(const struct organization *o, const char *id)
{
	return organization_find(o, "trunk", id);
}

const struct config_trunk *organization_trunk_at(
	const struct organization *o, const struct sockaddr *address, bool in_to)
{
	for (size_t i = 0; i < o->trunk_count; i++)
		if (o->trunks[i].called_in_to == in_to && takes_address(&o->trunks[i], address))
			return &o->trunks[i];
	return NULL;
}

const struct config_prompt *organization_prompt(const struct organization *o, const char *id)
{
	return organization_find(o, "prompt", id);
}
