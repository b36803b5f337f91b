-- Which server has the call, while it is on. NULL: one of a version that did not say so.
ALTER TABLE calls ADD COLUMN node TEXT;
