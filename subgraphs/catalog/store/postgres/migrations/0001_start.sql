-- One row, whose number every change makes larger.
CREATE TABLE catalog_revision (
	one      integer PRIMARY KEY CHECK (one = 1),
	revision bigint NOT NULL
);
INSERT INTO catalog_revision VALUES (1, 1);

-- The locations that clients registered. Their texts may be too long for an index, so it holds their SHA-256.
CREATE TABLE catalog_locations (
	id     bytea PRIMARY KEY,
	target text NOT NULL
);

-- How the origins of remote files do.
CREATE TABLE catalog_origins (
	name     text PRIMARY KEY,
	searched timestamptz,
	error    text NOT NULL,
	since    timestamptz
);

-- The remote files.
CREATE TABLE catalog_files (
	origin    text NOT NULL,
	id        bytea NOT NULL,
	url       text NOT NULL,
	root      text NOT NULL,
	found     boolean NOT NULL,
	missing   boolean NOT NULL,
	text      bytea NOT NULL,
	good      bytea,
	validator text NOT NULL,
	asked     timestamptz NOT NULL,
	error     text NOT NULL,
	since     timestamptz,
	revision  bigint NOT NULL,
	PRIMARY KEY (origin, id)
);
CREATE INDEX catalog_files_changed ON catalog_files (origin, revision);
