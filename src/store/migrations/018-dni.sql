-- Numbers that were lent to visitors of landing pages.
CREATE TABLE dni_leases (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  pool_id TEXT NOT NULL,
  snippet_id TEXT NOT NULL,
  number TEXT NOT NULL,
  visitor TEXT NOT NULL,
  client TEXT NOT NULL,           -- the address that asked
  origin TEXT,                    -- of the page
  started_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,     -- brought up to date from time to time while the visitor is there
  grace_ms BIGINT NOT NULL,
  calls BIGINT NOT NULL,
  call_id TEXT,                   -- the last
  tags TEXT NOT NULL,             -- what calls get
  doc TEXT NOT NULL               -- what the page told
);
CREATE INDEX dni_leases_pool ON dni_leases (pool_id, id);
CREATE INDEX dni_leases_snippet ON dni_leases (snippet_id, id);
CREATE INDEX dni_leases_organization ON dni_leases (organization_id, id);
CREATE INDEX dni_leases_expires ON dni_leases (expires_at);

-- How much of each pool was used, by hour.
CREATE TABLE pool_hours (
  pool_id TEXT NOT NULL,
  hour BIGINT NOT NULL,           -- since the Unix epoch
  organization_id TEXT NOT NULL,
  peak BIGINT NOT NULL,           -- numbers that were lent at the same time, those that cool down included
  leases BIGINT NOT NULL,
  dry BIGINT NOT NULL,            -- visitors for whom there was none
  PRIMARY KEY (pool_id, hour)
);
