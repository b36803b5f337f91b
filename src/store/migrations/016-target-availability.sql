-- What agents, or programs for them, said of their targets last.
CREATE TABLE target_availability (
  target_id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  available BIGINT NOT NULL,
  changed_at BIGINT NOT NULL
);
