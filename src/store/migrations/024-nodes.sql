-- When each server that has calls was last seen, so that calls of one that dies have an end.
CREATE TABLE nodes (
  id TEXT PRIMARY KEY,
  seen_at BIGINT NOT NULL
);

-- Until now the end of an interrupted call was the next start, and its duration was in no sum.
UPDATE calls SET ended_at = COALESCE(answered_at, started_at) WHERE status = 'interrupted';
