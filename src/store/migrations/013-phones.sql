-- Phones that are registered, each as a target's destination.
CREATE TABLE phones (
  target_id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  contact TEXT NOT NULL,       -- the URI to be called
  route TEXT NOT NULL,         -- where requests to it go; '': to the contact
  address TEXT NOT NULL,       -- where it registered from
  user_agent TEXT NOT NULL,
  registered_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
