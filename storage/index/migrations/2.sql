-- From schema 1 to 2: when an archive was last asked for, and what people decided. What the tables are for is said in
-- schema.sql; the text of each statement is the same here and there, so that nobody can tell an old index from a new one.

DROP INDEX archive_by_md5;
DROP INDEX archive_by_sha1;
DROP INDEX archive_by_sha512;
ALTER TABLE archive RENAME TO archive_of_1;

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

INSERT INTO archive SELECT id, sha256, md5, sha1, sha512, size, stored_at, inode, change_ns, came_from, stored_at FROM archive_of_1;
DROP TABLE archive_of_1;

CREATE INDEX archive_by_md5    ON archive (substr(md5, 1, 8));
CREATE INDEX archive_by_sha1   ON archive (substr(sha1, 1, 8));
CREATE INDEX archive_by_sha512 ON archive (substr(sha512, 1, 8));
CREATE INDEX archive_by_use    ON archive (used_at);

CREATE TABLE pin (
	sha256 BLOB PRIMARY KEY,
	who    TEXT NOT NULL,
	at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE token (
	id         INTEGER PRIMARY KEY,
	name       TEXT NOT NULL UNIQUE,
	hash       BLOB NOT NULL UNIQUE,
	rights     INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL, -- 0: never
	used_at    INTEGER NOT NULL  -- 0: never; to within a minute
) STRICT;

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

PRAGMA user_version = 2;
