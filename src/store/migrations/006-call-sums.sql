-- The same for one thing at a time, so that a long period is few rows: dimension '' (all calls), campaign,
-- publisher, target, or the id of a custom tag that reports are grouped by; key '' where a call has none.
CREATE TABLE call_sums (
  organization_id TEXT NOT NULL,
  dimension TEXT NOT NULL,
  half_hour BIGINT NOT NULL,
  key TEXT NOT NULL,
  calls BIGINT NOT NULL,
  connected BIGINT NOT NULL,
  converted BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  revenue BIGINT NOT NULL,
  payout BIGINT NOT NULL,
  PRIMARY KEY (organization_id, dimension, half_hour, key)
);
INSERT INTO call_sums SELECT organization_id, '', half_hour, '', SUM(calls), SUM(connected), SUM(converted), SUM(duration_ms), SUM(revenue), SUM(payout) FROM call_totals GROUP BY organization_id, half_hour;
INSERT INTO call_sums SELECT organization_id, 'campaign', half_hour, campaign_id, SUM(calls), SUM(connected), SUM(converted), SUM(duration_ms), SUM(revenue), SUM(payout) FROM call_totals GROUP BY organization_id, half_hour, campaign_id;
INSERT INTO call_sums SELECT organization_id, 'publisher', half_hour, publisher_id, SUM(calls), SUM(connected), SUM(converted), SUM(duration_ms), SUM(revenue), SUM(payout) FROM call_totals GROUP BY organization_id, half_hour, publisher_id;
INSERT INTO call_sums SELECT organization_id, 'target', half_hour, target_id, SUM(calls), SUM(connected), SUM(converted), SUM(duration_ms), SUM(revenue), SUM(payout) FROM call_totals GROUP BY organization_id, half_hour, target_id;
