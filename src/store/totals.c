#include "store/totals.h"
#include <string.h>

#define FIGURES "calls, connected, converted, duration_ms, revenue, payout"
#define ADD(table) \
	" DO UPDATE SET calls = " table ".calls + excluded.calls, connected = " table ".connected + excluded.connected, converted = " table ".converted + excluded.converted, " \
	"duration_ms = " table ".duration_ms + excluded.duration_ms, revenue = " table ".revenue + excluded.revenue, payout = " table ".payout + excluded.payout"
#define INTO_TOTALS "INSERT INTO call_totals (organization_id, half_hour, campaign_id, publisher_id, target_id, " FIGURES ") "
#define ADD_TOTALS " ON CONFLICT (organization_id, half_hour, campaign_id, publisher_id, target_id)" ADD("call_totals")
#define INTO_SUMS "INSERT INTO call_sums (organization_id, half_hour, dimension, key, " FIGURES ") "
#define ADD_SUMS " ON CONFLICT (organization_id, dimension, half_hour, key)" ADD("call_sums")

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

struct figures {
	int64_t half_hour, connected, converted, duration_ms;
};

static struct figures figures_of(const struct call_log *c)
{
	return (struct figures){c->started_ms / TOTALS_HALF_HOUR_MS, c->connected_ms != 0, c->converted, c->answered_ms && c->ended_ms ? c->ended_ms - c->answered_ms : 0};
}

void totals_add(struct store_batch *batch, const struct call_log *c, const struct tag_set *tags)
{
	const struct figures f = figures_of(c);
	store_batch_add(batch, INTO_TOTALS "VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10)" ADD_TOTALS, "sisssiiiii",
			c->organization_id, f.half_hour, or_empty(c->campaign_id), or_empty(c->publisher_id), or_empty(c->target_id), f.connected, f.converted, f.duration_ms, c->revenue_micros, c->payout_micros);
	store_batch_add(batch, INTO_SUMS "VALUES ($1, $2, '', '', 1, $6, $7, $8, $9, $10), ($1, $2, 'campaign', $3, 1, $6, $7, $8, $9, $10), ($1, $2, 'publisher', $4, 1, $6, $7, $8, $9, $10), ($1, $2, 'target', $5, 1, $6, $7, $8, $9, $10)" ADD_SUMS, "sisssiiiii",
			c->organization_id, f.half_hour, or_empty(c->campaign_id), or_empty(c->publisher_id), or_empty(c->target_id), f.connected, f.converted, f.duration_ms, c->revenue_micros, c->payout_micros);
	for (size_t i = 0; i < tag_set_count(tags); i++) {
		const struct tag_def *def = tag_set_get(tags, i);
		if (def->report)
			store_batch_add(batch, INTO_SUMS "SELECT organization_id, CAST($1 AS BIGINT), tag_id, SUBSTR(value, 1, 64), 1, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT) "
					"FROM call_tags WHERE call_id = $7 AND tag_id = $8 AND organization_id = $9 AND sensitive = 0" ADD_SUMS, "iiiiiisss",
					f.half_hour, f.connected, f.converted, f.duration_ms, c->revenue_micros, c->payout_micros, c->id, def->id, c->organization_id);
	}
}

/* Of calls that no process has any more; $1 is the half hour's milliseconds. */
#define ACTIVE "COUNT(*), SUM(CASE WHEN connected_at IS NULL THEN 0 ELSE 1 END), SUM(converted), 0, SUM(revenue), SUM(payout) FROM calls WHERE status = 'active' GROUP BY 1, 2, 3, 4"
#define ACTIVE_BY(dimension, key) INTO_SUMS "SELECT organization_id, started_at / $1, " dimension ", " key ", " ACTIVE ADD_SUMS

bool totals_add_active(struct store_conn *conn)
{
	static const char *const statements[] = {
		INTO_TOTALS "SELECT organization_id, started_at / $1, COALESCE(campaign_id, ''), COALESCE(publisher_id, ''), COALESCE(target_id, ''), " ACTIVE ", 5" ADD_TOTALS,
		ACTIVE_BY("CAST('' AS TEXT)", "CAST('' AS TEXT)"),
		ACTIVE_BY("CAST('campaign' AS TEXT)", "COALESCE(campaign_id, '')"),
		ACTIVE_BY("CAST('publisher' AS TEXT)", "COALESCE(publisher_id, '')"),
		ACTIVE_BY("CAST('target' AS TEXT)", "COALESCE(target_id, '')"),
		INTO_SUMS "SELECT c.organization_id, c.started_at / $1, t.tag_id, SUBSTR(t.value, 1, 64), COUNT(*), SUM(CASE WHEN c.connected_at IS NULL THEN 0 ELSE 1 END), SUM(c.converted), 0, SUM(c.revenue), SUM(c.payout) "
			  "FROM calls c JOIN call_tags t ON t.call_id = c.id AND t.sensitive = 0 JOIN resources r ON r.id = t.tag_id AND r.kind = 'custom_tag' AND r.doc LIKE '%\"report\":true%' WHERE c.status = 'active' GROUP BY 1, 2, 3, 4" ADD_SUMS,
	};
	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		if (!store_exec(conn, statements[i], "i", TOTALS_HALF_HOUR_MS))
			return false;
	return true;
}

/* Add the call to the tag's sum, or with sign -1 take it away. */
static bool add_tag(struct store_conn *conn, const struct call_log *c, const struct tag_def *tag, const char *value, int64_t sign)
{
	const struct figures f = figures_of(c);
	return !value || store_exec(conn, INTO_SUMS "VALUES ($1, $2, $3, SUBSTR($4, 1, 64), $5, $6, $7, $8, $9, $10)" ADD_SUMS, "sissiiiiii", c->organization_id, f.half_hour, tag->id, value,
				    sign, sign * f.connected, sign * f.converted, sign * f.duration_ms, sign * c->revenue_micros, sign * c->payout_micros);
}

bool totals_move(struct store_conn *conn, const struct call_log *c, const struct tag_def *tag, const char *from, const char *to)
{
	if (from && to && strcmp(from, to) == 0)
		return true;
	return add_tag(conn, c, tag, from, -1) && add_tag(conn, c, tag, to, 1);
}
