#!/usr/bin/env python3
"""notice.py STORE LEVEL|SUBJECT|DETAIL[|AT_MS]...: events as the watch would have written them, into the index of a store that nobody serves.
more|ID|DETAIL[|AT_MS]: this one grew, and receivers are to be told. DATA in the environment: its data."""
import os
import sqlite3
import sys
import time

index = sqlite3.connect(sys.argv[1] + "/index.db")
rows = [row.split("|") for row in sys.argv[2:]]
for row in rows:
    level, subject, detail = row[:3]
    at = int(row[3]) if len(row) > 3 else int(time.time() * 1000)
    last = index.execute("SELECT ifnull(max(max(revision), max(telling)), 0) FROM event").fetchone()[0]
    if level == "more":
        index.execute("UPDATE event SET subject = 'more', detail = ?, changed_at = ?, told_at = ?, revision = ?, telling = ? WHERE id = ?",
                      (detail, at, at, last + 1, last + 1, subject))
        continue
    order = 0 if level == "audit" else last + 1
    index.execute("INSERT INTO event (at, kind, subject, who, came_from, result, detail, level, data, changed_at, revision, telling, told_at)"
                  " VALUES (?, ?, ?, 'larder', '', ?, ?, ?, ?, ?, ?, ?, ?)",
                  (at, "vanished", subject, "vanished", detail, level, os.environ.get("DATA", '{"site": "h/a", "count": 1}'), at, order, order, at))
index.commit()
index.close()
