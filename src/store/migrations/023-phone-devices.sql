-- Devices that are registered: a target's phone may be several.
CREATE TABLE phone_devices (
  target_id TEXT NOT NULL,
  contact TEXT NOT NULL,       -- the URI to be called
  organization_id TEXT NOT NULL,
  route TEXT NOT NULL,         -- where requests to it go; '': to the contact
  address TEXT NOT NULL,       -- where it registered from
  user_agent TEXT NOT NULL,
  instance TEXT NOT NULL,      -- its +sip.instance (RFC 5626); '': it names none
  call_id TEXT NOT NULL,       -- of its REGISTER
  registered_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (target_id, contact)
);
INSERT INTO phone_devices
  SELECT target_id, contact, organization_id, route, address, user_agent, '', '', registered_at, expires_at FROM phones;
DROP TABLE phones;
