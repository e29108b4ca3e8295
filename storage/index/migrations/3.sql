-- From schema 2 to 3: what is remembered of the contacts with origins, what larder noticed, and where archives come from. What the
-- tables are for is said in schema.sql; the text of each statement is the same here and there, so that nobody can tell an old
-- index from a new one.

DROP INDEX archive_by_md5;
DROP INDEX archive_by_sha1;
DROP INDEX archive_by_sha512;
DROP INDEX archive_by_use;
ALTER TABLE archive RENAME TO archive_of_2;

CREATE TABLE archive (
	id         INTEGER PRIMARY KEY,
	sha256     BLOB NOT NULL UNIQUE,
	md5        BLOB NOT NULL,
	sha1       BLOB NOT NULL,
	sha512     BLOB NOT NULL,
	size       INTEGER NOT NULL,
	stored_at  INTEGER NOT NULL,
	inode      INTEGER NOT NULL,
	change_ns  INTEGER NOT NULL,
	came_from  TEXT NOT NULL,
	used_at    INTEGER NOT NULL, -- last asked for, to within an hour; never before stored_at
	git_commit TEXT NOT NULL     -- which a tarball made by git says it is of, in hexadecimal; '': none, or not looked for
) STRICT;

INSERT INTO archive SELECT id, sha256, md5, sha1, sha512, size, stored_at, inode, change_ns, came_from, used_at, '' FROM archive_of_2;
DROP TABLE archive_of_2;

CREATE INDEX archive_by_md5    ON archive (substr(md5, 1, 8));
CREATE INDEX archive_by_sha1   ON archive (substr(sha1, 1, 8));
CREATE INDEX archive_by_sha512 ON archive (substr(sha512, 1, 8));
CREATE INDEX archive_by_use    ON archive (used_at);

CREATE INDEX entry_by_within ON entry (within) WHERE within IS NOT NULL;

ALTER TABLE origin RENAME TO origin_of_2;

CREATE TABLE origin (
	id            INTEGER PRIMARY KEY,
	entry         INTEGER NOT NULL REFERENCES entry (id),
	url           TEXT NOT NULL,
	site          TEXT NOT NULL,    -- whose it is: "github.com/kodwx" (storage/catalog/site.h)
	rank          INTEGER NOT NULL, -- the place in the source's order, from 0
	first_named   INTEGER REFERENCES import (id), -- NULL: a mirror's
	last_named    INTEGER REFERENCES import (id),
	first_at      INTEGER NOT NULL, -- when a source first and last named it: the import's time or, from a history, the commit's
	last_at       INTEGER NOT NULL,
	past          INTEGER NOT NULL, -- 1: only a history named it, and does not any more
	result        INTEGER NOT NULL DEFAULT 0, -- enum origin_result, of the last contact
	detail        TEXT NOT NULL DEFAULT '',
	tried_at      INTEGER NOT NULL DEFAULT 0,
	took_ms       INTEGER NOT NULL DEFAULT 0,
	failures      INTEGER NOT NULL DEFAULT 0, -- in a row, and when the first of them was
	failing_since INTEGER NOT NULL DEFAULT 0,
	served_at     INTEGER NOT NULL DEFAULT 0, -- the last time it served it, as far as the contact could tell
	proved_at     INTEGER NOT NULL DEFAULT 0, -- the last time all its bytes came and were right
	etag          TEXT NOT NULL DEFAULT '',   -- these three: as it was last told
	modified      TEXT NOT NULL DEFAULT '',
	length        INTEGER NOT NULL DEFAULT -1,
	state         INTEGER NOT NULL DEFAULT 0, -- enum origin_state, and what it is judged by (storage/catalog/verdict.h)
	counted       INTEGER NOT NULL DEFAULT 0,
	counted_since INTEGER NOT NULL DEFAULT 0,
	gone          INTEGER NOT NULL DEFAULT 0,
	gone_since    INTEGER NOT NULL DEFAULT 0,
	counted_at    INTEGER NOT NULL DEFAULT 0,
	check_at      INTEGER NOT NULL DEFAULT 0, -- when the patrol asks it next; 0: that is not planned yet
	UNIQUE (entry, url)
) STRICT;

-- The site is what storage/catalog/site.c makes of a URL without a port or a user name: its host and the first part of its path. One
-- that served the archive last is serving (1), one that served other bytes is changed (4), any other is judged from the start.
INSERT INTO origin (id, entry, url, site, rank, first_named, last_named, first_at, last_at, past, result, detail, tried_at,
	failures, failing_since, served_at, proved_at, state)
SELECT o.id, o.entry, o.url, lower(substr(o.rest, 1, o.host)) || '/' || substr(o.rest, o.host + 2, instr(substr(o.rest, o.host + 2) || '/', '/') - 1),
	o.rank, o.first_named, o.last_named, f.at, l.at, 0, o.result, o.detail, o.tried_at, o.failures,
	CASE WHEN o.failures > 0 THEN o.tried_at ELSE 0 END, o.served_at, o.served_at, CASE o.result WHEN 1 THEN 1 WHEN 3 THEN 4 ELSE 0 END
FROM (SELECT *, instr(rest || '/', '/') - 1 AS host FROM (SELECT *, substr(url, instr(url, '://') + 3) AS rest FROM origin_of_2)) o
JOIN import f ON f.id = o.first_named JOIN import l ON l.id = o.last_named;
DROP TABLE origin_of_2;

CREATE INDEX origin_by_check ON origin (check_at);
CREATE INDEX origin_by_site  ON origin (site, url);

CREATE TABLE drift (
	id       INTEGER PRIMARY KEY,
	origin   INTEGER NOT NULL REFERENCES origin (id),
	sha256   BLOB NOT NULL, -- of those bytes
	size     INTEGER NOT NULL,
	kept     INTEGER NOT NULL, -- 1: they were stored
	compared INTEGER NOT NULL, -- 0: the archive itself was not there to compare them with
	kind     TEXT NOT NULL,    -- "recompressed", "metadata", "content", "no archive", "unknown"
	detail   TEXT NOT NULL,    -- JSON
	at       INTEGER NOT NULL, -- first seen
	UNIQUE (origin, sha256)
) STRICT;

CREATE TABLE news (
	id     INTEGER PRIMARY KEY,
	origin INTEGER NOT NULL REFERENCES origin (id),
	was    INTEGER NOT NULL, -- enum origin_state
	is_now INTEGER NOT NULL,
	at     INTEGER NOT NULL
) STRICT;

CREATE TABLE cause (
	what    TEXT PRIMARY KEY,
	kind    TEXT NOT NULL,    -- of its events: "vanished"
	site    TEXT NOT NULL,    -- or the host: "github.com/kodwx"
	event   INTEGER NOT NULL, -- the newest event of it, and how much that matters
	level   TEXT NOT NULL,
	told_at INTEGER NOT NULL, -- when that was
	last_at INTEGER NOT NULL  -- when something came under it last; 0: it is over, some of it went another way since
) STRICT, WITHOUT ROWID;

CREATE INDEX cause_by_site ON cause (site, kind);

CREATE TABLE history (
	tip TEXT PRIMARY KEY,
	at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE host (
	name        TEXT PRIMARY KEY,
	rests_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE receiver (
	name  TEXT PRIMARY KEY,
	event INTEGER NOT NULL -- the last one delivered or given up
) STRICT, WITHOUT ROWID;

ALTER TABLE event RENAME TO event_of_2;

CREATE TABLE event (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	at        INTEGER NOT NULL,
	kind      TEXT NOT NULL,
	subject   TEXT NOT NULL,
	who       TEXT NOT NULL,
	came_from TEXT NOT NULL,
	result    TEXT NOT NULL,
	detail    TEXT NOT NULL,
	level     TEXT NOT NULL,
	data      TEXT NOT NULL
) STRICT;

INSERT INTO event SELECT id, at, kind, subject, who, came_from, result, detail, 'audit', '' FROM event_of_2;
-- The numbers of events go on where they were, even when none is left.
DELETE FROM sqlite_sequence WHERE name = 'event';
UPDATE sqlite_sequence SET name = 'event' WHERE name = 'event_of_2';
DROP TABLE event_of_2;

CREATE INDEX event_by_level ON event (level, id) WHERE level <> 'audit';

PRAGMA user_version = 3;
