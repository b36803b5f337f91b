-- The SIP messages of calls, a row for what came within about a second.
CREATE TABLE call_sip (
  organization_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  piece BIGINT NOT NULL,
  messages TEXT NOT NULL,         -- as src/call/ladder.h tells
  PRIMARY KEY (organization_id, call_id, piece)
);
