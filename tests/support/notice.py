#!/usr/bin/env python3
"""notice.py STORE [LEVEL SUBJECT DETAIL [AT_MS]]...: events as the watch would have written them, into the index of a store that nobody serves."""
import sqlite3
import sys
import time

index = sqlite3.connect(sys.argv[1] + "/index.db")
rows = [row.split("|") for row in sys.argv[2:]]
for row in rows:
    level, subject, detail = row[:3]
    at = int(row[3]) if len(row) > 3 else int(time.time() * 1000)
    index.execute("INSERT INTO event (at, kind, subject, who, came_from, result, detail, level, data) VALUES (?, ?, ?, 'larder', '', ?, ?, ?, ?)",
                  (at, "vanished", subject, "vanished", detail, level, '{"site": "h/a", "count": 1}'))
index.commit()
index.close()
