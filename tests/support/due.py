#!/usr/bin/env python3
"""due.py STORE CLOCK: how many origins the patrol of a daemon with a turned clock still has to ask: those that are due, or not planned yet."""
import sqlite3
import struct
import sys
import time

with open(sys.argv[2], "rb") as clock:
    now = int(time.time() * 1000) + struct.unpack("<q", clock.read(8))[0]
index = sqlite3.connect(f"file:{sys.argv[1]}/index.db?mode=ro", uri=True)
print(index.execute("SELECT count(*) FROM origin WHERE last_named IS NOT NULL AND check_at <= ?", (now,)).fetchone()[0])
