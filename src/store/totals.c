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
	return (struct figures){c->started_ms / TOTALS_HALF_HOUR_MS, c->connected_ms != 0, c->converted, c->answered_ms && c->ended_ms ? c->ended_ms - c->answered_ms : 0};
}

/* Of some calls: $1 is the half hour's milliseconds, $2 the sign, and from $3 on their ids, or NULL. */
#define SIGNED(n) "CAST($2 AS BIGINT) * " n
#define OF_CALLS SIGNED("COUNT(*)") ", " SIGNED("SUM(CASE WHEN c.connected_at IS NULL THEN 0 ELSE 1 END)") ", " SIGNED("SUM(c.converted)") ", " \
		 SIGNED("SUM(CASE WHEN c.answered_at IS NULL OR c.ended_at IS NULL THEN 0 ELSE c.ended_at - c.answered_at END)") ", " SIGNED("SUM(c.revenue + c.revenue_added)") ", " SIGNED("SUM(c.payout + c.payout_added)") ", " SIGNED("SUM(c.cost)")
#define THESE_CALLS "c.id IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
#define EACH_DIMENSION "(SELECT CAST('' AS TEXT) AS name UNION ALL SELECT 'campaign' UNION ALL SELECT 'publisher' UNION ALL SELECT 'target') d"

static bool add_up(struct store_conn *conn, char (*ids)[ID_SIZE], size_t count, int64_t sign)
{
	static const char totals[] = INTO_TOTALS "SELECT c.organization_id, c.started_at / CAST($1 AS BIGINT), COALESCE(c.campaign_id, ''), COALESCE(c.publisher_id, ''), COALESCE(c.target_id, ''), " OF_CALLS " FROM calls c WHERE " THESE_CALLS " GROUP BY 1, 2, 3, 4, 5" ADD_TOTALS;
	static const char sums[] = INTO_SUMS "SELECT c.organization_id, c.started_at / CAST($1 AS BIGINT), d.name, CASE d.name WHEN 'campaign' THEN COALESCE(c.campaign_id, '') WHEN 'publisher' THEN COALESCE(c.publisher_id, '') WHEN 'target' THEN COALESCE(c.target_id, '') ELSE '' END, "
		OF_CALLS " FROM calls c CROSS JOIN " EACH_DIMENSION " WHERE " THESE_CALLS " GROUP BY 1, 2, 3, 4" ADD_SUMS;
	struct param params[2 + ENDED_MAX] = {{'i', NULL, TOTALS_HALF_HOUR_MS}, {'i', NULL, sign}};
	for (size_t i = 0; i < ENDED_MAX; i++)
		params[2 + i] = (struct param){'s', i < count ? ids[i] : NULL, 0};
	return conn->driver->exec(conn, totals, params, ARRAY_LEN(params)) && conn->driver->exec(conn, sums, params, ARRAY_LEN(params));
}

bool totals_settle(struct store_conn *conn)
{
	size_t count = conn->ended_count;
	conn->ended_count = 0;
	return !count || add_up(conn, conn->ended, count, 1);
}

static bool gather(struct store_conn *conn, const char *call_id)
{
	if (conn->ended_count == ENDED_MAX && !totals_settle(conn))
		return false;
	snprintf(conn->ended[conn->ended_count++], ID_SIZE, "%s", call_id);
	return true;
}

/* Of one call, by the value that it has of a tag: $3 is the call, $4 its organization, $5 the tag. */
#define BY_TAG INTO_SUMS "SELECT c.organization_id, c.started_at / CAST($1 AS BIGINT), t.tag_id, SUBSTR(t.value, 1, 64), " OF_CALLS \
			 " FROM calls c JOIN call_tags t ON t.call_id = c.id AND t.tag_id = $5 AND t.sensitive = 0 WHERE c.id = $3 AND c.organization_id = $4 GROUP BY 1, 2, 3, 4" ADD_SUMS

void totals_add(struct store_batch *batch, const char *organization_id, const char *call_id, const struct tag_set *tags)
{
	store_batch_add_step(batch, gather, call_id);
	for (size_t i = 0; i < tag_set_count(tags); i++)
		if (tag_set_get(tags, i)->report)
			store_batch_add(batch, BY_TAG, "iisss", TOTALS_HALF_HOUR_MS, INT64_C(1), call_id, organization_id, tag_set_get(tags, i)->id);
}

bool totals_count(struct store_conn *conn, const char *organization_id, const char *call_id, const struct tag_set *tags, int sign)
{
	char id[1][ID_SIZE];
	snprintf(id[0], ID_SIZE, "%s", call_id);
	bool ok = totals_settle(conn) && add_up(conn, id, 1, sign);
	for (size_t i = 0; ok && i < tag_set_count(tags); i++)
		if (tag_set_get(tags, i)->report)
			ok = store_exec(conn, BY_TAG, "iisss", TOTALS_HALF_HOUR_MS, (int64_t)sign, call_id, organization_id, tag_set_get(tags, i)->id);
	return ok;
}

/* Of calls that no process has any more; $1 is the half hour's milliseconds. */
#define ACTIVE "COUNT(*), SUM(CASE WHEN connected_at IS NULL THEN 0 ELSE 1 END), SUM(converted), 0, SUM(revenue + revenue_added), SUM(payout + payout_added), SUM(cost) FROM calls WHERE status = 'active' AND COALESCE(node, '') = $2 GROUP BY 1, 2, 3, 4"
#define ACTIVE_BY(dimension, key) INTO_SUMS "SELECT organization_id, started_at / $1, " dimension ", " key ", " ACTIVE ADD_SUMS

bool totals_add_interrupted(struct store_conn *conn, const char *node)
{
	static const char *const statements[] = {
		INTO_TOTALS "SELECT organization_id, started_at / $1, COALESCE(campaign_id, ''), COALESCE(publisher_id, ''), COALESCE(target_id, ''), " ACTIVE ", 5" ADD_TOTALS,
		ACTIVE_BY("CAST('' AS TEXT)", "CAST('' AS TEXT)"),
		ACTIVE_BY("CAST('campaign' AS TEXT)", "COALESCE(campaign_id, '')"),
		ACTIVE_BY("CAST('publisher' AS TEXT)", "COALESCE(publisher_id, '')"),
		ACTIVE_BY("CAST('target' AS TEXT)", "COALESCE(target_id, '')"),
		INTO_SUMS "SELECT c.organization_id, c.started_at / $1, t.tag_id, SUBSTR(t.value, 1, 64), COUNT(*), SUM(CASE WHEN c.connected_at IS NULL THEN 0 ELSE 1 END), SUM(c.converted), 0, SUM(c.revenue + c.revenue_added), SUM(c.payout + c.payout_added), SUM(c.cost) "
			  "FROM calls c JOIN call_tags t ON t.call_id = c.id AND t.sensitive = 0 JOIN resources r ON r.id = t.tag_id AND r.kind = 'custom_tag' AND r.doc LIKE '%\"report\":true%' WHERE c.status = 'active' AND COALESCE(c.node, '') = $2 GROUP BY 1, 2, 3, 4" ADD_SUMS,
	};
	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		if (!store_exec(conn, statements[i], "is", TOTALS_HALF_HOUR_MS, node))
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
