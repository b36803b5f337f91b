-- A recording is DIR/recordings/ID.FORMAT, wav or opus; whether it is encrypted stands in the file, too.
ALTER TABLE recordings ADD COLUMN format TEXT NOT NULL DEFAULT 'wav';
ALTER TABLE recordings ADD COLUMN encrypted BIGINT NOT NULL DEFAULT 0;
