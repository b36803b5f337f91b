-- When and from where each API key was used last, to a minute.
CREATE TABLE api_key_uses (
  key_id TEXT PRIMARY KEY,
  at_ms BIGINT NOT NULL,
  address TEXT NOT NULL
);
