-- From schema 4 to 5: where the scrub is. What the columns are for is said in schema.sql.

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

PRAGMA user_version = 5;
