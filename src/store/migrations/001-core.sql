-- The same text for SQLite and PostgreSQL. Times are milliseconds since the epoch,
-- money is millionths, documents are JSON text. Every table names its organization.

CREATE TABLE organizations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  doc TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- All configuration: trunks, numbers, campaigns, call flows, tags, webhooks, users, keys …
CREATE TABLE resources (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  lookup TEXT,                    -- unique within the kind, over all organizations
  doc TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX resources_list ON resources (organization_id, kind, id);
CREATE UNIQUE INDEX resources_lookup ON resources (kind, lookup) WHERE lookup IS NOT NULL;

CREATE TABLE flow_versions (
  flow_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  organization_id TEXT NOT NULL,
  note TEXT NOT NULL,
  document TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (flow_id, version)
);

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  csrf TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
  organization_id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status BIGINT NOT NULL,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, key)
);

CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  doc TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX audit_list ON audit (organization_id, id);

CREATE TABLE calls (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  campaign_id TEXT,
  publisher_id TEXT,
  caller_id TEXT NOT NULL,
  number TEXT NOT NULL,
  status TEXT NOT NULL,           -- active, completed, interrupted
  disposition TEXT,
  execution_mode TEXT NOT NULL,
  call_flow_id TEXT,
  flow_version BIGINT,
  target_id TEXT,
  started_at BIGINT NOT NULL,
  answered_at BIGINT,
  connected_at BIGINT,
  ended_at BIGINT,
  converted BIGINT NOT NULL DEFAULT 0,
  revenue BIGINT NOT NULL DEFAULT 0,
  payout BIGINT NOT NULL DEFAULT 0,
  doc TEXT NOT NULL               -- what is only shown: attempts, SIP status, hang-up side …
);
CREATE INDEX calls_list ON calls (organization_id, id);
CREATE INDEX calls_caller ON calls (organization_id, caller_id, id);
CREATE INDEX calls_campaign ON calls (organization_id, campaign_id, id);
CREATE INDEX calls_active ON calls (status) WHERE status = 'active';

CREATE TABLE call_tags (
  call_id TEXT NOT NULL,
  tag_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,            -- sealed when the tag is sensitive
  sensitive BIGINT NOT NULL,
  number DOUBLE PRECISION,        -- for comparing numbers and times
  source TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  PRIMARY KEY (call_id, tag_id)
);
CREATE INDEX call_tags_value ON call_tags (organization_id, tag_id, value);

CREATE TABLE call_events (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  call_id TEXT,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,          -- the event's data, without the call
  created_at BIGINT NOT NULL
);
CREATE INDEX call_events_call ON call_events (call_id, id);

-- What the call's flow was given and did, in pieces, in order.
CREATE TABLE call_trace (
  call_id TEXT NOT NULL,
  piece BIGINT NOT NULL,
  organization_id TEXT NOT NULL,
  entries TEXT NOT NULL,
  PRIMARY KEY (call_id, piece)
);

CREATE TABLE incoming_requests (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  unique_id TEXT,
  caller_id TEXT,
  call_id TEXT,
  status TEXT NOT NULL,           -- matched, pending, expired, rejected
  received_at BIGINT NOT NULL,
  expires_at BIGINT,
  tags TEXT NOT NULL,             -- what was evaluated, as it is applied to a call
  doc TEXT NOT NULL               -- the request and its outcome, for monitoring
);
CREATE INDEX incoming_requests_list ON incoming_requests (organization_id, id);
CREATE UNIQUE INDEX incoming_requests_unique ON incoming_requests (organization_id, webhook_id, unique_id) WHERE unique_id IS NOT NULL;
CREATE INDEX incoming_requests_pending ON incoming_requests (status, expires_at) WHERE status = 'pending';

CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  call_id TEXT,
  payload TEXT NOT NULL,          -- the whole envelope, as the event was
  status TEXT NOT NULL,           -- pending, delivered, failed, dead
  attempt_count BIGINT NOT NULL,
  next_attempt_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX deliveries_list ON deliveries (organization_id, id);
CREATE INDEX deliveries_due ON deliveries (webhook_id, next_attempt_at) WHERE status IN ('pending', 'failed');

CREATE TABLE delivery_attempts (
  delivery_id TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  organization_id TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  doc TEXT NOT NULL,              -- request and response, timings, error
  PRIMARY KEY (delivery_id, attempt)
);
