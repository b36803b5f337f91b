#include "store/totals.h"
#include "store/driver.h"
#include <string.h>

#define FIGURES "calls, connected, converted, duration_ms, revenue, payout, cost"
#define ADD(table) \
	" DO UPDATE SET calls = " table ".calls + excluded.calls, connected = " table ".connected + excluded.connected, converted = " table ".converted + excluded.converted, " \
	"duration_ms = " table ".duration_ms + excluded.duration_ms, revenue = " table ".revenue + excluded.revenue, payout = " table ".payout + excluded.payout, cost = " table ".cost + excluded.cost"
#define INTO_TOTALS "INSERT INTO call_totals (organization_id, half_hour, campaign_id, publisher_id, target_id, " FIGURES ") "
#define ADD_TOTALS " ON CONFLICT (organization_id, half_hour, campaign_id, publisher_id, target_id)" ADD("call_totals")
#define INTO_SUMS "INSERT INTO call_sums (organization_id, half_hour, dimension, key, " FIGURES ") "
#define ADD_SUMS " ON CONFLICT (organization_id, dimension, half_hour, key)" ADD("call_sums")

struct figures {
	int64_t half_hour, connected, converted, duration_ms;
};

static struct figures figures_of(const struct call_log *c)
{
	bool lasted = c->answered_ms && c->ended_ms;
	return (struct figures){
		.half_hour = c->started_ms / TOTALS_HALF_HOUR_MS,
		.connected = c->connected_ms != 0,
		.converted = c->converted,
		.duration_ms = lasted ? c->ended_ms - c->answered_ms : 0,
	};
}

/* Of the calls that `which` names: $1 is the half hour's milliseconds, $2 the sign. */
#define HALF_HOUR "c.started_at / CAST($1 AS BIGINT)"
#define SIGNED(n) "CAST($2 AS BIGINT) * " n
#define OF_CALLS \
	SIGNED("COUNT(*)") ", " SIGNED("SUM(" TOTALS_CONNECTED ")") ", " \
	SIGNED("SUM(c.converted)") ", " SIGNED("SUM(" TOTALS_DURATION ")") ", " \
	SIGNED("SUM(" TOTALS_REVENUE ")") ", " \
	SIGNED("SUM(" TOTALS_PAYOUT ")") ", " SIGNED("SUM(c.cost)")
#define EACH_DIMENSION "(SELECT CAST('' AS TEXT) AS name UNION ALL SELECT 'campaign' UNION ALL SELECT 'publisher' UNION ALL SELECT 'target') d"
#define TOTALS_OF(which) INTO_TOTALS "SELECT c.organization_id, " HALF_HOUR ", COALESCE(c.campaign_id, ''), COALESCE(c.publisher_id, ''), COALESCE(c.target_id, ''), " OF_CALLS \
				     " FROM calls c WHERE " which " GROUP BY 1, 2, 3, 4, 5" ADD_TOTALS
#define SUMS_OF(which) INTO_SUMS "SELECT c.organization_id, " HALF_HOUR ", d.name, CASE d.name WHEN 'campaign' THEN COALESCE(c.campaign_id, '') WHEN 'publisher' THEN COALESCE(c.publisher_id, '') WHEN 'target' THEN COALESCE(c.target_id, '') ELSE '' END, " OF_CALLS \
				 " FROM calls c CROSS JOIN " EACH_DIMENSION " WHERE " which " GROUP BY 1, 2, 3, 4" ADD_SUMS
/* By the values that they have of tags. */
#define TAG_SUMS_OF(which) INTO_SUMS "SELECT c.organization_id, " HALF_HOUR ", t.tag_id, SUBSTR(t.value, 1, 64), " OF_CALLS \
				     " FROM calls c JOIN call_tags t ON t.call_id = c.id AND t.sensitive = 0 WHERE " which " GROUP BY 1, 2, 3, 4" ADD_SUMS

#define ENDED "c.id IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)" /* ENDED_MAX ids, or NULL */
#define BY_TAG TAG_SUMS_OF("c.id = $3 AND c.organization_id = $4 AND t.tag_id = $5")

/* What was gathered; then nothing is any more. */
static bool add_up(struct store_conn *conn, int64_t sign)
{
	struct param params[2 + ENDED_MAX] = {{'i', NULL, TOTALS_HALF_HOUR_MS}, {'i', NULL, sign}};
	size_t count = conn->ended_count;
	for (size_t i = 0; i < ENDED_MAX; i++)
		params[2 + i] = (struct param){'s', i < count ? conn->ended[i] : NULL, 0};
	conn->ended_count = 0;
	return !count || (conn->driver->exec(conn, TOTALS_OF(ENDED), params, ARRAY_LEN(params)) && conn->driver->exec(conn, SUMS_OF(ENDED), params, ARRAY_LEN(params)));
}

bool totals_settle(struct store_conn *conn)
{
	return add_up(conn, 1);
}

static bool gather(struct store_conn *conn, const char *call_id)
{
	if (conn->ended_count == ENDED_MAX && !totals_settle(conn))
		return false;
	snprintf(conn->ended[conn->ended_count++], ID_SIZE, "%s", call_id);
	return true;
}

void totals_add(struct store_batch *batch, const char *organization_id, const char *call_id, const struct tag_set *tags)
{
	store_batch_add_step(batch, gather, call_id);
	for (size_t i = 0; i < tag_set_count(tags); i++)
		if (tag_set_get(tags, i)->report)
			store_batch_add(batch, BY_TAG, "iisss", TOTALS_HALF_HOUR_MS, INT64_C(1), call_id, organization_id, tag_set_get(tags, i)->id);
}

bool totals_count(struct store_conn *conn, const char *organization_id, const char *call_id, const struct tag_set *tags, int sign)
{
	bool ok = totals_settle(conn) && gather(conn, call_id) && add_up(conn, sign);
	for (size_t i = 0; ok && i < tag_set_count(tags); i++)
		if (tag_set_get(tags, i)->report)
			ok = store_exec(conn, BY_TAG, "iisss", TOTALS_HALF_HOUR_MS, (int64_t)sign, call_id, organization_id, tag_set_get(tags, i)->id);
	return ok;
}

/* Of calls that no process has any more. */
#define ACTIVE "c.status = 'active' AND COALESCE(c.node, '') = $3"

bool totals_add_interrupted(struct store_conn *conn, const char *node)
{
	static const char *const statements[] = {
		TOTALS_OF(ACTIVE), SUMS_OF(ACTIVE),
		TAG_SUMS_OF(ACTIVE " AND t.tag_id IN (SELECT r.id FROM resources r WHERE r.kind = 'custom_tag' AND r.doc LIKE '%\"report\":true%')"),
	};
	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		if (!store_exec(conn, statements[i], "iis", TOTALS_HALF_HOUR_MS, INT64_C(1), node))
			return false;
	return true;
}

/* Add the call to the tag's sum, or with sign -1 take it away. */
static bool add_tag(struct store_conn *conn, const struct call_log *c, const struct tag_def *tag, const char *value, int64_t sign)
{
	const struct figures f = figures_of(c);
	return !value || store_exec(conn, INTO_SUMS "VALUES ($1, $2, $3, SUBSTR($4, 1, 64), $5, $6, $7, $8, $9, $10, $11)" ADD_SUMS, "sissiiiiiii", c->organization_id, f.half_hour, tag->id, value,
				    sign, sign * f.connected, sign * f.converted, sign * f.duration_ms, sign * c->revenue_micros, sign * c->payout_micros, sign * c->cost_micros);
}

bool totals_move(struct store_conn *conn, const struct call_log *c, const struct tag_def *tag, const char *from, const char *to)
{
	if (from && to && strcmp(from, to) == 0)
		return true;
	return add_tag(conn, c, tag, from, -1) && add_tag(conn, c, tag, to, 1);
}
