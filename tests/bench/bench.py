#!/usr/bin/env python3
"""bench.py import|history|hits|misses|push|uploads|patrol|check...: prints the figures as Markdown. See README.md."""
import os
import platform
import shutil
import sys
import tempfile
import time

from giving import bench_push, bench_uploads
from hits import bench_hits
from learning import bench_history, bench_import
from misses import bench_misses
from watching import bench_check, bench_patrol


def main():
    benches = {"import": bench_import, "history": bench_history, "hits": bench_hits, "misses": bench_misses, "push": bench_push, "uploads": bench_uploads,
               "patrol": bench_patrol, "check": bench_check}
    chosen = sys.argv[1:]
    if not chosen or not all(name in benches for name in chosen):
        sys.exit(__doc__)
    print("# Measured\n")
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Linux {platform.release()}, load before {os.getloadavg()[0]:.2f}.\n")
    for name in chosen:
        work = tempfile.mkdtemp(prefix="larder-bench.")
        try:
            benches[name](work)
        finally:
            shutil.rmtree(work, ignore_errors=True)


main()
