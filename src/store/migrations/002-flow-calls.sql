-- The calls that ran a version of a call flow, newest first: for its numbers.
CREATE INDEX calls_flow ON calls (call_flow_id, flow_version, id) WHERE call_flow_id IS NOT NULL;
