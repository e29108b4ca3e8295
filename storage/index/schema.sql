-- The index of a store: which archives are kept, and the catalog of where archives live elsewhere. Written by one
-- connection only. It is never the proof of anything: the blobs are, and it is made again from them when it is lost
-- (the catalog then has to be imported again; what people decided is copied from the damaged one as far as it can be read).
--
-- Digests are blobs of their full length. Except for sha256 they are found through an index on their first eight bytes,
-- which costs 14 bytes a digest where an index on all of a sha512 would cost 70; the whole value is compared afterwards.
-- Times are milliseconds since 1970, UTC.

PRAGMA application_id = 1279349316; -- "LARD"
PRAGMA user_version = 5;

-- One stored archive. The row is written after its file lies durable under its name, and deleted before the file goes.
-- inode and change_ns are those of the file when its bytes were last known to be right.
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
CREATE INDEX entry_by_within ON entry (within) WHERE within IS NOT NULL;

-- One reading of one source, numbered in the order of time.
CREATE TABLE import (
	id     INTEGER PRIMARY KEY,
	source TEXT NOT NULL,
	at     INTEGER NOT NULL
) STRICT;

-- One place where the archive of an entry may be had, and what is remembered of the contacts with it. Never deleted by an import: a
-- place that today's metadata no longer names has an old last_at. Mirrors that were asked are places too; no source names those.
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

CREATE INDEX origin_by_check ON origin (check_at);
CREATE INDEX origin_by_site  ON origin (site, url);

-- What an origin served instead of the archive.
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

-- A change of an origin's state of which nobody was told yet: those of one cause become one event.
CREATE TABLE news (
	id     INTEGER PRIMARY KEY,
	origin INTEGER NOT NULL REFERENCES origin (id),
	was    INTEGER NOT NULL, -- enum origin_state
	is_now INTEGER NOT NULL,
	at     INTEGER NOT NULL
) STRICT;

-- A cause that was told of and goes on: what comes under it later joins its event. what: "github.com/kodwx vanished".
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

-- Up to which commits histories were read.
CREATE TABLE history (
	tip TEXT PRIMARY KEY,
	at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Hosts that asked to be left alone by the patrol.
CREATE TABLE host (
	name        TEXT PRIMARY KEY,
	rests_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each receiver of events (a webhook of the configuration, by its title) was told.
CREATE TABLE receiver (
	name          TEXT PRIMARY KEY,
	told          INTEGER NOT NULL, -- event.telling of the last one delivered or given up
	failing_since INTEGER NOT NULL  -- when the one behind it was tried in vain first; 0: it was not
) STRICT, WITHOUT ROWID;

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

-- Where the scrub is, which reads all archives again, one after the other by sha256. Not saved from a damaged index: one that is made
-- again from the archives begins a round of its own.
CREATE TABLE scrub (
	id          INTEGER PRIMARY KEY CHECK (id = 1),
	under_way   INTEGER NOT NULL, -- 1: a round is; 0: it ended, and the next one is waited for
	reached     BLOB NOT NULL,    -- the sha256 up to which it has come; x'': none yet
	began_at    INTEGER NOT NULL, -- 0: no round ever began
	ran_ms      INTEGER NOT NULL, -- for how long larder has run since
	archives    INTEGER NOT NULL, -- read in this round, and their bytes
	bytes       INTEGER NOT NULL,
	wrong       INTEGER NOT NULL, -- found damaged or gone in this round
	ended_at    INTEGER NOT NULL, -- when the last whole round ended; 0: none has
	ended_wrong INTEGER NOT NULL  -- what that one found
) STRICT;

INSERT INTO scrub VALUES (1, 0, x'', 0, 0, 0, 0, 0, 0, 0);

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

-- What was done and by whom, and what larder noticed; the oldest make room. came_from: the address, or "control socket". level:
-- "audit" of what was done; "info", "warning" or "urgent" of what was noticed. data: JSON, or ''. What was noticed may grow: the last
-- four columns are of that, and 0 of what was done.
CREATE TABLE event (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	at         INTEGER NOT NULL,
	kind       TEXT NOT NULL,
	subject    TEXT NOT NULL,
	who        TEXT NOT NULL,
	came_from  TEXT NOT NULL,
	result     TEXT NOT NULL,
	detail     TEXT NOT NULL,
	level      TEXT NOT NULL,
	data       TEXT NOT NULL,
	changed_at INTEGER NOT NULL DEFAULT 0, -- when it grew last; as at: it did not
	revision   INTEGER NOT NULL DEFAULT 0, -- the order in which events came or grew: the greatest is the newest change of any
	telling    INTEGER NOT NULL DEFAULT 0, -- the order in which receivers are told of events, whole as they are then
	told_at    INTEGER NOT NULL DEFAULT 0  -- as of which change; before changed_at: they are to be told of more
) STRICT;

CREATE INDEX event_by_level    ON event (level, id) WHERE level <> 'audit';
CREATE INDEX event_by_revision ON event (revision)  WHERE level <> 'audit';
CREATE INDEX event_by_telling  ON event (telling)   WHERE level <> 'audit';
CREATE INDEX event_behind      ON event (told_at)   WHERE changed_at > told_at;

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
