-- The index of a store: which archives are kept, and the catalog of where archives live elsewhere. Written by one
-- connection only. It is never the proof of anything: the blobs are, and it is made again from them when it is lost
-- (the catalog then has to be imported again; what people decided is copied from the damaged one as far as it can be read).
--
-- Digests are blobs of their full length. Except for sha256 they are found through an index on their first eight bytes,
-- which costs 14 bytes a digest where an index on all of a sha512 would cost 70; the whole value is compared afterwards.
-- Times are milliseconds since 1970, UTC.

PRAGMA application_id = 1279349316; -- "LARD"
PRAGMA user_version = 2;

-- One stored archive. The row is written after its file lies durable under its name, and deleted before the file goes.
-- inode and change_ns are those of the file when its bytes were last known to be right.
CREATE TABLE archive (
	id        INTEGER PRIMARY KEY,
	sha256    BLOB NOT NULL UNIQUE,
	md5       BLOB NOT NULL,
	sha1      BLOB NOT NULL,
	sha512    BLOB NOT NULL,
	size      INTEGER NOT NULL,
	stored_at INTEGER NOT NULL,
	inode     INTEGER NOT NULL,
	change_ns INTEGER NOT NULL,
	came_from TEXT NOT NULL,
	used_at   INTEGER NOT NULL -- last asked for, to within an hour; never before stored_at
) STRICT;

CREATE INDEX archive_by_md5    ON archive (substr(md5, 1, 8));
CREATE INDEX archive_by_sha1   ON archive (substr(sha1, 1, 8));
CREATE INDEX archive_by_sha512 ON archive (substr(sha512, 1, 8));
CREATE INDEX archive_by_use    ON archive (used_at);

-- One set of digests that some source lists together for one archive; no two rows hold the same set. within: an entry that
-- lists all of these and more, so that this one names no archive of its own.
CREATE TABLE entry (
	id     INTEGER PRIMARY KEY,
	md5    BLOB,
	sha1   BLOB,
	sha256 BLOB,
	sha512 BLOB,
	within INTEGER REFERENCES entry (id)
) STRICT;

CREATE INDEX entry_by_md5    ON entry (substr(md5, 1, 8))    WHERE md5 IS NOT NULL;
CREATE INDEX entry_by_sha1   ON entry (substr(sha1, 1, 8))   WHERE sha1 IS NOT NULL;
CREATE INDEX entry_by_sha256 ON entry (substr(sha256, 1, 8)) WHERE sha256 IS NOT NULL;
CREATE INDEX entry_by_sha512 ON entry (substr(sha512, 1, 8)) WHERE sha512 IS NOT NULL;

-- One reading of one source, numbered in the order of time.
CREATE TABLE import (
	id     INTEGER PRIMARY KEY,
	source TEXT NOT NULL,
	at     INTEGER NOT NULL
) STRICT;

-- One place where the archive of an entry may be had, and how the last contact ended. Never deleted by an import: a place
-- that today's metadata no longer names has an old last_named. rank: the place in the source's order, from 0. result: enum
-- origin_result.
CREATE TABLE origin (
	id          INTEGER PRIMARY KEY,
	entry       INTEGER NOT NULL REFERENCES entry (id),
	url         TEXT NOT NULL,
	rank        INTEGER NOT NULL,
	first_named INTEGER NOT NULL REFERENCES import (id),
	last_named  INTEGER NOT NULL REFERENCES import (id),
	result      INTEGER NOT NULL DEFAULT 0,
	failures    INTEGER NOT NULL DEFAULT 0,
	tried_at    INTEGER NOT NULL DEFAULT 0,
	served_at   INTEGER NOT NULL DEFAULT 0,
	detail      TEXT NOT NULL DEFAULT '',
	UNIQUE (entry, url)
) STRICT;

-- A package ("rosa.0.2.0") and the archives that it uses.
CREATE TABLE package (
	name  TEXT NOT NULL,
	entry INTEGER NOT NULL REFERENCES entry (id),
	PRIMARY KEY (name, entry)
) STRICT, WITHOUT ROWID;

CREATE INDEX package_by_entry ON package (entry);

-- Figures kept as the tables grow, so that nobody counts rows; the last is 1 only between a clean stop and the next start.
CREATE TABLE figure (
	id       INTEGER PRIMARY KEY CHECK (id = 1),
	archives INTEGER NOT NULL,
	bytes    INTEGER NOT NULL,
	entries  INTEGER NOT NULL,
	digests  INTEGER NOT NULL,
	origins  INTEGER NOT NULL,
	packages INTEGER NOT NULL,
	clean    INTEGER NOT NULL
) STRICT;

INSERT INTO figure VALUES (1, 0, 0, 0, 0, 0, 0, 0);

-- What people decided, and what was done.

-- An archive that shall stay whatever happens to the limit of the store's size. It may be pinned while its file is being mended.
CREATE TABLE pin (
	sha256 BLOB PRIMARY KEY,
	who    TEXT NOT NULL,
	at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An archive that somebody removed: it is not fetched again until the row is deleted. Any of its digests is refused.
CREATE TABLE tombstone (
	id     INTEGER PRIMARY KEY,
	md5    BLOB,
	sha1   BLOB,
	sha256 BLOB,
	sha512 BLOB,
	who    TEXT NOT NULL,
	at     INTEGER NOT NULL
) STRICT;

CREATE INDEX tombstone_by_md5    ON tombstone (substr(md5, 1, 8))    WHERE md5 IS NOT NULL;
CREATE INDEX tombstone_by_sha1   ON tombstone (substr(sha1, 1, 8))   WHERE sha1 IS NOT NULL;
CREATE INDEX tombstone_by_sha256 ON tombstone (substr(sha256, 1, 8)) WHERE sha256 IS NOT NULL;
CREATE INDEX tombstone_by_sha512 ON tombstone (substr(sha512, 1, 8)) WHERE sha512 IS NOT NULL;

-- Who may change this larder over HTTP. hash: the SHA-256 of the token, which itself is kept nowhere. rights: bits of enum right.
CREATE TABLE token (
	id         INTEGER PRIMARY KEY,
	name       TEXT NOT NULL UNIQUE,
	hash       BLOB NOT NULL UNIQUE,
	rights     INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL, -- 0: never
	used_at    INTEGER NOT NULL  -- 0: never; to within a minute
) STRICT;

-- What was done and by whom; the oldest make room. came_from: the address, or "control socket".
CREATE TABLE event (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	at        INTEGER NOT NULL,
	kind      TEXT NOT NULL,
	subject   TEXT NOT NULL,
	who       TEXT NOT NULL,
	came_from TEXT NOT NULL,
	result    TEXT NOT NULL,
	detail    TEXT NOT NULL
) STRICT;

-- Long work that somebody asked for: it goes on after a restart. asked and result are JSON; body: a file in spool/, or ''. state:
-- enum job_state.
CREATE TABLE job (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	kind       TEXT NOT NULL,
	asked      TEXT NOT NULL,
	body       TEXT NOT NULL,
	who        TEXT NOT NULL,
	state      INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	ended_at   INTEGER NOT NULL, -- 0: not yet
	result     TEXT NOT NULL
) STRICT;
