-- From schema 3 to 4: events that grow have a time and an order of their changes, and receivers are told by that. What the columns are
-- for is said in schema.sql.

DROP INDEX event_by_level;
ALTER TABLE event RENAME TO event_of_3;

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

INSERT INTO event SELECT id, at, kind, subject, who, came_from, result, detail, level, data, iif(level = 'audit', 0, at),
	iif(level = 'audit', 0, id), iif(level = 'audit', 0, id), iif(level = 'audit', 0, at) FROM event_of_3;
-- The numbers of events go on where they were, even when none is left.
DELETE FROM sqlite_sequence WHERE name = 'event';
UPDATE sqlite_sequence SET name = 'event' WHERE name = 'event_of_3';
DROP TABLE event_of_3;

CREATE INDEX event_by_level    ON event (level, id) WHERE level <> 'audit';
CREATE INDEX event_by_revision ON event (revision)  WHERE level <> 'audit';
CREATE INDEX event_by_telling  ON event (telling)   WHERE level <> 'audit';
CREATE INDEX event_behind      ON event (told_at)   WHERE changed_at > told_at;

ALTER TABLE receiver RENAME TO receiver_of_3;

CREATE TABLE receiver (
	name          TEXT PRIMARY KEY,
	told          INTEGER NOT NULL, -- event.telling of the last one delivered or given up
	failing_since INTEGER NOT NULL  -- when the one behind it was tried in vain first; 0: it was not
) STRICT, WITHOUT ROWID;

INSERT INTO receiver SELECT name, event, 0 FROM receiver_of_3;
DROP TABLE receiver_of_3;

PRAGMA user_version = 4;
