-- What reports are added up from: ended calls by the half hour they began in. '' where a call has none.
CREATE TABLE call_totals (
  organization_id TEXT NOT NULL,
  half_hour BIGINT NOT NULL,
  campaign_id TEXT NOT NULL,
  publisher_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  calls BIGINT NOT NULL,
  connected BIGINT NOT NULL,
  converted BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  revenue BIGINT NOT NULL,
  payout BIGINT NOT NULL,
  PRIMARY KEY (organization_id, half_hour, campaign_id, publisher_id, target_id)
);
INSERT INTO call_totals (organization_id, half_hour, campaign_id, publisher_id, target_id, calls, connected, converted, duration_ms, revenue, payout)
SELECT organization_id, started_at / 1800000, COALESCE(campaign_id, ''), COALESCE(publisher_id, ''), COALESCE(target_id, ''), COUNT(*),
  SUM(CASE WHEN connected_at IS NULL THEN 0 ELSE 1 END), SUM(converted), SUM(CASE WHEN answered_at IS NULL OR ended_at IS NULL THEN 0 ELSE ended_at - answered_at END), SUM(revenue), SUM(payout)
FROM calls WHERE status <> 'active' GROUP BY 1, 2, 3, 4, 5;
