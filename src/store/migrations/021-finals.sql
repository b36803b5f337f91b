-- Calls that are over, and whose call.final is still to come.
CREATE TABLE call_finals (
  call_id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  due_at BIGINT NOT NULL,     -- when the call is looked at next
  waits_until BIGINT NOT NULL -- how long it waits for a recording; 0: its campaign was not asked yet when it is due
);
CREATE INDEX call_finals_due ON call_finals (due_at);
