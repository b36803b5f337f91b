-- Publishers who asked whether a caller would be taken (inbound), and buyers who were asked (outbound).
CREATE TABLE rtb_requests (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  direction TEXT NOT NULL,        -- inbound
  resource_id TEXT NOT NULL,      -- the endpoint
  campaign_id TEXT,
  publisher_id TEXT,
  caller_id TEXT,
  number TEXT,                    -- that is kept for the caller
  call_id TEXT,
  status TEXT NOT NULL,           -- bid, called, expired, no_bid, rejected
  reason TEXT,                    -- why there was no bid
  amount BIGINT NOT NULL,         -- millionths
  received_at BIGINT NOT NULL,
  expires_at BIGINT,
  holder TEXT,                    -- whose lease it is
  tags TEXT NOT NULL,             -- what the call gets
  doc TEXT NOT NULL               -- request and answer
);
CREATE INDEX rtb_requests_list ON rtb_requests (organization_id, id);
CREATE INDEX rtb_requests_resource ON rtb_requests (resource_id, id);
CREATE INDEX rtb_requests_caller ON rtb_requests (organization_id, caller_id, id) WHERE caller_id IS NOT NULL;
CREATE INDEX rtb_requests_call ON rtb_requests (call_id, id) WHERE call_id IS NOT NULL;
CREATE INDEX rtb_requests_open ON rtb_requests (status, expires_at) WHERE status = 'bid';
