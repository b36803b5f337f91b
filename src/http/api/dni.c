/* What scripts on landing pages ask for: the script itself, a number for a visitor, and to keep it. */
#include "http/api/api.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/phone.h"
#include "dni/visit.h"
#include "webhook/guard.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define RATE_PER_MINUTE 600 /* of one address */
#define BUCKETS 16384       /* addresses share some */

enum http_result api_dni_script(struct http_request *r)
{
	const struct config_dni *d = NULL;
	size_t n = strlen(r->params[0]);
	const char *id = n > 3 && strcmp(r->params[0] + n - 3, ".js") == 0 ? arena_strndup(&r->arena, r->params[0], n - 3) : NULL;
	struct buf b = {0};
	r->organization = id ? config_by_dni(r->config->config, id, &d) : NULL;
	if (!r->organization)
		return http_problem(r, 404, "There is no such script", "the portal shows the address of each DNI snippet's");
	if (d->enabled && d->pool)
		visit_script(&b, d->script_config);
	else
		buf_add_str(&b, "/* this snippet is disabled */\n");
	http_text(r, 200, &b);
	r->content_type = "application/javascript";
	r->cache = "public, max-age=300";
	return HTTP_REPLY;
}

/* Scripts of other sites may read what is answered. */
static void allow(struct http_request *r)
{
	const char *origin = http_header(r, "Origin");
	snprintf(r->allow_origin, sizeof r->allow_origin, "%s", origin ? origin : "*");
}

enum http_result api_dni_preflight(struct http_request *r)
{
	allow(r);
	r->status = 204;
	return HTTP_REPLY;
}

struct visit {
	const struct config_dni *snippet;
	json_t *body;
	const char *visitor, *origin;
	char address[ADDRESS_SIZE];
	int64_t now_ms;
};

static bool throttled(struct http_request *r, const struct visit *v)
{
	char bucket[24];
	unsigned char hash[8];
	crypto_generichash(hash, sizeof hash, (const unsigned char *)v->address, strlen(v->address), NULL, 0);
	snprintf(bucket, sizeof bucket, "dni/%u", (hash[0] | (unsigned)hash[1] << 8) % BUCKETS);
	int wait = guard_take(r->config->guard, bucket, RATE_PER_MINUTE, v->now_ms);
	if (wait) {
		snprintf(r->retry_after, sizeof r->retry_after, "%d", wait);
		http_problem(r, 429, "Too many requests", "an address may ask %d times a minute", RATE_PER_MINUTE);
	}
	return wait > 0;
}

/* Who asks, by which snippet, from which page? false after an answer was set. */
static bool begin(struct http_request *r, struct visit *v)
{
	struct errors errors = {0};
	v->now_ms = clock_now_ms();
	v->origin = http_header(r, "Origin");
	address_text((const struct sockaddr *)&r->sender, v->address);
	allow(r);
	if (throttled(r, v) || !(v->body = http_body_repaired(r)))
		return false;
	const char *id = json_string_value(json_object_get(v->body, "snippet"));
	v->visitor = json_string_value(json_object_get(v->body, "visitor"));
	r->organization = id ? config_by_dni(r->config->config, id, &v->snippet) : NULL;
	if (!r->organization)
		errors_add(&errors, "/snippet", "there is no such snippet");
	if (!visit_is_visitor(v->visitor))
		errors_add(&errors, "/visitor", "must have 16 to 63 letters and digits");
	if (errors_any(&errors) || !r->organization) {
		http_invalid(r, &errors);
		return false;
	}
	if (visit_origin_allowed(v->snippet->origins, v->snippet->origin_count, v->origin))
		return true;
	r->allow_origin[0] = '\0';
	http_problem(r, 403, "The page may not use this snippet", "its allowed origins are a setting of the snippet");
	return false;
}

static enum http_result answer(struct http_request *r, const char *lease_id, const char *number, int64_t expires_ms, const char *reason)
{
	char display[PHONE_SIZE * 2] = "", expires[RFC3339_SIZE];
	struct phone_parts parts = {0};
	json_t *out = json_object();
	json_object_set_new(out, "lease_id", lease_id ? json_string(lease_id) : json_null());
	json_object_set_new(out, "number", number ? json_string(number) : json_null());
	if (number) {
		phone_national(number, display, sizeof display);
		(void)phone_split(number, &parts);
		json_object_set_new(out, "international", json_string(parts.international));
		json_object_set_new(out, "country_code", json_string(parts.country_code));
		json_object_set_new(out, "national_number", json_string(parts.national));
		json_object_set_new(out, "trunk_prefix", json_string(parts.trunk_prefix));
	}
	json_object_set_new(out, "display", number ? json_string(display) : json_null());
	const char *expires_at = expires_ms ? clock_rfc3339(expires_ms, expires) : NULL;
	json_object_set_new(out, "expires_at", expires_at ? json_string(expires_at) : json_null());
	if (reason)
		json_object_set_new(out, "reason", json_string(reason));
	return http_json(r, 200, out);
}

/* ---- what is kept ---- */

static void count_hour(struct http_request *r, struct store_batch *batch, const struct config_pool *pool, int64_t now_ms, bool dry)
{
	store_batch_add(batch, "INSERT INTO pool_hours (pool_id, hour, organization_id, peak, leases, dry) VALUES ($1, $2, $3, $4, $5, $6) "
			       "ON CONFLICT (pool_id, hour) DO UPDATE SET peak = CASE WHEN excluded.peak > pool_hours.peak THEN excluded.peak ELSE pool_hours.peak END, leases = pool_hours.leases + excluded.leases, dry = pool_hours.dry + excluded.dry",
			"sisiii", pool->id, now_ms / 3600000, r->organization->id, (int64_t)leases_count(r->config->leases, r->organization->id, pool->id), (int64_t)!dry, (int64_t)dry);
}

static void keep_lease(struct http_request *r, const struct visit *v, const struct lease *lease, bool again, char *tags, json_t *data)
{
	struct store_batch *batch = store_batch_new();
	char *doc = json_dumps(data, JSON_COMPACT);
	if (batch && doc && tags && again)
		store_batch_add(batch, "UPDATE dni_leases SET expires_at = $1, tags = $2, doc = $3 WHERE id = $4 AND organization_id = $5", "issss", lease->expires_ms, tags, doc, lease->id, r->organization->id);
	else if (batch && doc && tags)
		store_batch_add(batch, "INSERT INTO dni_leases (id, organization_id, pool_id, snippet_id, number, visitor, client, origin, started_at, expires_at, grace_ms, calls, tags, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13)",
				"ssssssssiiiss", lease->id, r->organization->id, v->snippet->pool->id, v->snippet->id, lease->number, lease->holder, v->address, v->origin, v->now_ms, lease->expires_ms, lease->grace_ms, tags, doc);
	if (batch && !again)
		count_hour(r, batch, v->snippet->pool, v->now_ms, false);
	(void)api_keep(r, batch); /* when it cannot be, the lease is good until the process ends */
	free(doc);
}

/* ---- a number ---- */

static enum http_result none(struct http_request *r, const struct visit *v, const char *reason)
{
	return answer(r, NULL, v->snippet->pool ? v->snippet->pool->fallback_number : NULL, 0, reason);
}

static enum http_result lend(struct http_request *r, const struct visit *v, json_t *data)
{
	const struct config_pool *p = v->snippet->pool;
	const struct organization *o = r->organization;
	struct lease lease = {.kind = LEASE_VISITOR, .at_ms = v->now_ms, .expires_ms = v->now_ms + p->lease_seconds * INT64_C(1000), .grace_ms = p->cooldown_seconds * INT64_C(1000)};
	size_t half = (p->number_count + 1) / 2, of_address = (size_t)v->snippet->leases_of_address;
	const struct lease_pool pool = {o->id, p->id, p->numbers, p->number_count, 0, of_address < half ? of_address : half};
	struct tag_result *results = arena_alloc(&r->arena, (tag_set_count(o->tags) + 1) * sizeof *results);
	size_t count = results ? tags_evaluate(o->tags, TAG_FROM_DNI, &(struct tag_data){.body = data}, &r->arena, results, NULL) : 0;
	id_new("lse", lease.id);
	lease.kept_until_ms = lease.expires_ms;
	snprintf(lease.pool_id, sizeof lease.pool_id, "%s", p->id);
	snprintf(lease.holder, sizeof lease.holder, "%s", v->visitor);
	snprintf(lease.client, sizeof lease.client, "%s", v->address);
	lease.tags = api_applied_json(o, results, count);
	enum lease_result result = leases_lend(r->config->leases, &pool, &lease, v->now_ms);
	if (result == LEASE_NEW || result == LEASE_AGAIN) {
		char *tags = api_waiting_text(r, results, count);
		if (api_takes_sensitive(o, results, count)) { /* then nothing of it is shown */
			json_object_clear(data);
			json_object_set_new(data, "sealed", json_true());
		}
		keep_lease(r, v, &lease, result == LEASE_AGAIN, tags, data);
		free(tags);
		return answer(r, lease.id, lease.number, lease.expires_ms, NULL);
	}
	lease_release(&lease);
	struct store_batch *batch = result == LEASE_NONE ? store_batch_new() : NULL;
	if (batch) {
		count_hour(r, batch, p, v->now_ms, true);
		(void)api_keep(r, batch);
	}
	return none(r, v, result == LEASE_FULL ? "too_many_of_address" : "no_number_free");
}

enum http_result api_dni_lease(struct http_request *r)
{
	struct visit v = {0};
	if (!begin(r, &v))
		return HTTP_REPLY;
	if (!v.snippet->enabled || !v.snippet->pool)
		return none(r, &v, "disabled");
	if (visit_is_bot(http_header(r, "User-Agent")))
		return none(r, &v, "bot");
	json_t *data = visit_data(v.body);
	if (!data)
		return http_problem(r, 503, "Out of memory", "try again shortly");
	lend(r, &v, data);
	json_decref(data);
	return HTTP_REPLY;
}

enum http_result api_dni_heartbeat(struct http_request *r)
{
	struct visit v = {0};
	bool keep = false;
	char expires[RFC3339_SIZE];
	if (!begin(r, &v))
		return HTTP_REPLY;
	const char *id = json_string_value(json_object_get(v.body, "lease_id"));
	int64_t until = v.snippet->pool ? v.now_ms + v.snippet->pool->lease_seconds * INT64_C(1000) : 0;
	if (!id || !until || !leases_renew(r->config->leases, r->organization->id, v.snippet->pool->id, v.visitor, id, v.now_ms, until, &keep))
		return http_problem(r, 404, "There is no such lease", "it has ended: ask for another number");
	struct store_batch *batch = keep ? store_batch_new() : NULL;
	if (batch) {
		store_batch_add(batch, "UPDATE dni_leases SET expires_at = $1 WHERE id = $2 AND organization_id = $3", "iss", until, id, r->organization->id);
		(void)api_keep(r, batch);
	}
	return http_json(r, 200, json_pack("{s:s, s:s}", "lease_id", id, "expires_at", clock_rfc3339(until, expires)));
}
