-- Calls found by a tag's value without regard to case, and live ones, newest first; resources by name.
DROP INDEX call_tags_value;
CREATE INDEX call_tags_value ON call_tags (organization_id, tag_id, LOWER(SUBSTR(value, 1, 64)), call_id);
DROP INDEX calls_active;
CREATE INDEX calls_active ON calls (organization_id, id) WHERE status = 'active';
CREATE INDEX resources_name ON resources (organization_id, kind, LOWER(name), id);
