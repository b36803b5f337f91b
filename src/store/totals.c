#include "store/totals.h"
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

/* One call's: $1 is the half hour's milliseconds, $2 the sign, $3 the call, $4 its organization. */
#define SIGNED(n) "CAST($2 AS BIGINT) * (" n ")"
#define OF_CALL SIGNED("1") ", " SIGNED("CASE WHEN c.connected_at IS NULL THEN 0 ELSE 1 END") ", " SIGNED("c.converted") ", " \
		SIGNED("CASE WHEN c.answered_at IS NULL OR c.ended_at IS NULL THEN 0 ELSE c.ended_at - c.answered_at END") ", " SIGNED("c.revenue + c.revenue_added") ", " SIGNED("c.payout + c.payout_added") ", " SIGNED("c.cost")
#define THIS_CALL "c.id = $3 AND c.organization_id = $4"
#define EACH_DIMENSION "(SELECT CAST('' AS TEXT) AS name UNION ALL SELECT 'campaign' UNION ALL SELECT 'publisher' UNION ALL SELECT 'target') d"

void totals_add(struct store_batch *batch, const char *organization_id, const char *call_id, const struct tag_set *tags, int sign)
{
	store_batch_add(batch, INTO_TOTALS "SELECT c.organization_id, c.started_at / CAST($1 AS BIGINT), COALESCE(c.campaign_id, ''), COALESCE(c.publisher_id, ''), COALESCE(c.target_id, ''), " OF_CALL " FROM calls c WHERE " THIS_CALL ADD_TOTALS,
			"iiss", TOTALS_HALF_HOUR_MS, (int64_t)sign, call_id, organization_id);
	store_batch_add(batch, INTO_SUMS "SELECT c.organization_id, c.started_at / CAST($1 AS BIGINT), d.name, CASE d.name WHEN 'campaign' THEN COALESCE(c.campaign_id, '') WHEN 'publisher' THEN COALESCE(c.publisher_id, '') WHEN 'target' THEN COALESCE(c.target_id, '') ELSE '' END, "
			OF_CALL " FROM calls c CROSS JOIN " EACH_DIMENSION " WHERE " THIS_CALL ADD_SUMS, "iiss", TOTALS_HALF_HOUR_MS, (int64_t)sign, call_id, organization_id);
	for (size_t i = 0; i < tag_set_count(tags); i++) {
		const struct tag_def *def = tag_set_get(tags, i);
		if (def->report)
			store_batch_add(batch, INTO_SUMS "SELECT c.organization_id, c.started_at / CAST($1 AS BIGINT), t.tag_id, SUBSTR(t.value, 1, 64), " OF_CALL " FROM calls c JOIN call_tags t ON t.call_id = c.id AND t.tag_id = $5 AND t.sensitive = 0 WHERE " THIS_CALL ADD_SUMS,
					"iisss", TOTALS_HALF_HOUR_MS, (int64_t)sign, call_id, organization_id, def->id);
	}
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
