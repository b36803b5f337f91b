-- Calls found by a tag's value without regard to case, and live ones, newest first; resources by name.
-- The organization is left out of the first: SQLite would take that index for a single call's tags.
DROP INDEX call_tags_value;
CREATE INDEX call_tags_value ON call_tags (tag_id, LOWER(SUBSTR(value, 1, 64)), call_id);
CREATE INDEX calls_live ON calls (organization_id, id) WHERE status = 'active';
CREATE INDEX resources_name ON resources (organization_id, kind, LOWER(name), id);
-- What came in and went out for one call.
CREATE INDEX incoming_requests_call ON incoming_requests (call_id, id) WHERE call_id IS NOT NULL;
CREATE INDEX deliveries_call ON deliveries (call_id, id) WHERE call_id IS NOT NULL;
