-- One-time passwords of users (RFC 6238). A session that is limited may only set one up.
CREATE TABLE user_totp (
  user_id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  secret TEXT NOT NULL,            -- sealed
  confirmed BIGINT NOT NULL,       -- 0: it was shown, and no code of it was given yet
  last_step BIGINT NOT NULL,       -- of the last code that was taken: each is taken once
  recovery TEXT NOT NULL           -- JSON: keyed hashes of the codes that are left
);
ALTER TABLE sessions ADD COLUMN limited BIGINT NOT NULL DEFAULT 0;
