-- Times are microseconds since 1970.

-- What runs found out about commits. The body is compressed, and comes last: what does not need it does not read it.
CREATE TABLE pipelines_reports (
	id         INTEGER PRIMARY KEY,
	repository TEXT NOT NULL,
	kind       TEXT NOT NULL,
	commit_id  TEXT NOT NULL,
	flag       TEXT NOT NULL,
	branch     TEXT NOT NULL,
	run        TEXT NOT NULL,
	at         INTEGER NOT NULL,
	taken      INTEGER NOT NULL,
	covered    INTEGER NOT NULL,
	total      INTEGER NOT NULL,
	failed     INTEGER NOT NULL,
	size       INTEGER NOT NULL, -- of the body, before it was compressed
	body       BLOB NOT NULL,
	UNIQUE (repository, kind, commit_id, flag)
) STRICT;
CREATE INDEX pipelines_reports_branch ON pipelines_reports (repository, kind, branch, at, commit_id, flag);
CREATE INDEX pipelines_reports_flag ON pipelines_reports (repository, kind, branch, flag, at, commit_id);
CREATE INDEX pipelines_reports_taken ON pipelines_reports (taken);

-- What people asked for. A row changes once, from pending to how it ended.
CREATE TABLE pipelines_actions (
	id        TEXT PRIMARY KEY,
	key       TEXT NOT NULL, -- empty for none
	principal TEXT NOT NULL,
	kind      TEXT NOT NULL,
	target    TEXT NOT NULL,
	at        INTEGER NOT NULL,
	details   TEXT NOT NULL,
	state     TEXT NOT NULL,
	result    TEXT NOT NULL,
	ended     INTEGER -- NULL while it is pending
) STRICT;
CREATE INDEX pipelines_actions_key ON pipelines_actions (principal, key, at) WHERE key <> '';
CREATE INDEX pipelines_actions_principal ON pipelines_actions (principal, at, id);
CREATE INDEX pipelines_actions_target ON pipelines_actions (target, at, id);
CREATE INDEX pipelines_actions_at ON pipelines_actions (at, id);

-- What was posted on pull requests, and who is about to.
CREATE TABLE pipelines_announcements (
	name      TEXT PRIMARY KEY,
	reference TEXT NOT NULL,
	digest    TEXT NOT NULL,
	at        INTEGER, -- NULL where nothing was posted
	lease     TEXT NOT NULL,
	until     INTEGER -- when the lease ends, NULL where nobody has it
) STRICT, WITHOUT ROWID;
