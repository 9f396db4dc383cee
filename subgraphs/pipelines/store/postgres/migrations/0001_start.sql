-- Texts are compared byte by byte, whatever the database's language, so that every store sorts alike.

-- What runs found out about commits. Bodies are compressed already.
CREATE TABLE pipelines_reports (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	repository text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	commit_id  text COLLATE "C" NOT NULL,
	flag       text COLLATE "C" NOT NULL,
	branch     text COLLATE "C" NOT NULL,
	run        text COLLATE "C" NOT NULL,
	at         timestamptz NOT NULL,
	taken      timestamptz NOT NULL,
	covered    bigint NOT NULL,
	total      bigint NOT NULL,
	failed     bigint NOT NULL,
	size       bigint NOT NULL, -- of the body, before it was compressed
	body       bytea NOT NULL,
	UNIQUE (repository, kind, commit_id, flag)
);
ALTER TABLE pipelines_reports ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX pipelines_reports_branch ON pipelines_reports (repository, kind, branch, at, commit_id, flag);
CREATE INDEX pipelines_reports_flag ON pipelines_reports (repository, kind, branch, flag, at, commit_id);
CREATE INDEX pipelines_reports_taken ON pipelines_reports (taken, id);

-- What people asked for. A row changes once, from pending to how it ended.
CREATE TABLE pipelines_actions (
	id        text COLLATE "C" PRIMARY KEY,
	key       text COLLATE "C" NOT NULL, -- empty for none
	principal text COLLATE "C" NOT NULL,
	kind      text COLLATE "C" NOT NULL,
	target    text COLLATE "C" NOT NULL,
	at        timestamptz NOT NULL,
	details   text NOT NULL,
	state     text NOT NULL,
	result    text NOT NULL,
	ended     timestamptz -- NULL while it is pending
);
CREATE INDEX pipelines_actions_key ON pipelines_actions (principal, key, at) WHERE key <> '';
CREATE INDEX pipelines_actions_principal ON pipelines_actions (principal, at, id);
CREATE INDEX pipelines_actions_target ON pipelines_actions (target, at, id);
CREATE INDEX pipelines_actions_at ON pipelines_actions (at, id);

-- What was posted on pull requests, and who is about to.
CREATE TABLE pipelines_announcements (
	name      text COLLATE "C" PRIMARY KEY,
	reference text NOT NULL,
	digest    text NOT NULL,
	at        timestamptz, -- NULL where nothing was posted
	lease     text NOT NULL,
	until     timestamptz -- when the lease ends, NULL where nobody has it
);
