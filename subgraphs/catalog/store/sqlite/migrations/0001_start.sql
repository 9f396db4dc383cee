-- One row, whose number every change makes larger.
CREATE TABLE catalog_revision (
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	revision INTEGER NOT NULL
) STRICT;
INSERT INTO catalog_revision VALUES (1, 1);

-- The locations that clients registered.
CREATE TABLE catalog_locations (
	target TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- How the origins of remote files do. Times are microseconds since 1970, NULL for never.
CREATE TABLE catalog_origins (
	name     TEXT PRIMARY KEY,
	searched INTEGER,
	error    TEXT NOT NULL,
	since    INTEGER
) STRICT, WITHOUT ROWID;

-- The remote files.
CREATE TABLE catalog_files (
	origin    TEXT NOT NULL,
	url       TEXT NOT NULL,
	root      TEXT NOT NULL,
	found     INTEGER NOT NULL,
	missing   INTEGER NOT NULL,
	text      BLOB NOT NULL,
	good      BLOB,
	validator TEXT NOT NULL,
	asked     INTEGER NOT NULL,
	error     TEXT NOT NULL,
	since     INTEGER,
	revision  INTEGER NOT NULL,
	PRIMARY KEY (origin, url)
) STRICT;
CREATE INDEX catalog_files_changed ON catalog_files (origin, revision);
