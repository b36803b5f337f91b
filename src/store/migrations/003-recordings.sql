-- What was recorded of calls; the files are in the data directory, DIR/recordings/ID.wav.
CREATE TABLE recordings (
	id TEXT PRIMARY KEY,
	organization_id TEXT NOT NULL,
	call_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	status TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	duration_ms BIGINT NOT NULL DEFAULT 0,
	bytes BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX recordings_call ON recordings (call_id, id);
