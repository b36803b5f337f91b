-- How deliveries of an outgoing webhook went, five minutes a row.
CREATE TABLE webhook_statistics (
  webhook_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  at_ms BIGINT NOT NULL,          -- when the five minutes began
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,         -- tries that will come again
  dead BIGINT NOT NULL,
  answered BIGINT NOT NULL,       -- tries with an answer, and of these:
  within_25 BIGINT NOT NULL,      -- within so many milliseconds
  within_50 BIGINT NOT NULL,
  within_100 BIGINT NOT NULL,
  within_250 BIGINT NOT NULL,
  within_500 BIGINT NOT NULL,
  within_1000 BIGINT NOT NULL,
  within_2500 BIGINT NOT NULL,
  within_10000 BIGINT NOT NULL,
  backlog BIGINT NOT NULL,        -- the most that waited
  PRIMARY KEY (webhook_id, at_ms)
);
CREATE INDEX webhook_statistics_age ON webhook_statistics (at_ms);
