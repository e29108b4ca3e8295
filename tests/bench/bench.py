#!/usr/bin/env python3
"""bench.py [hits|misses|in|growth|BENCH]...: prints the figures as Markdown; all but the extras without a name. See README.md."""
import multiprocessing
import os
import platform
import sys
import tempfile
import time

from common import SHORT
from fetching import bench_add, bench_fetch, bench_hashing
from giving import bench_push, bench_uploads
from growing import bench_growth, bench_tree
from hits import bench_hits
from learning import bench_history, bench_import
from misses import bench_misses
from watching import bench_check, bench_patrol

BENCHES = {"hits": bench_hits, "misses": bench_misses, "fetch": bench_fetch, "add": bench_add, "hashing": bench_hashing, "import": bench_import,
           "history": bench_history, "push": bench_push, "uploads": bench_uploads, "growth": bench_growth, "check": bench_check,
           "patrol": bench_patrol, "tree": bench_tree}
GROUPS = {"in": ("fetch", "add", "hashing", "import", "history", "push", "uploads"), "growth": ("growth", "check", "patrol")}
# What is measured by name only; and what takes too long for the short form.
EXTRAS = ("tree",)
LONG = ("history", "push", "uploads", "check", "patrol")


def chosen(words):
    names = [name for word in words or [name for name in BENCHES if name not in EXTRAS] for name in GROUPS.get(word, (word,))]
    if not all(name in BENCHES for name in names):
        sys.exit(__doc__)
    return [name for name in dict.fromkeys(names) if not SHORT or name in words or name not in LONG]


def run(bench, work):
    """In a process of its own: to what somebody starts the system counts, as its largest memory, his own at that time."""
    child = multiprocessing.get_context("fork").Process(target=bench, args=(work,))
    child.start()
    child.join()
    if child.exitcode != 0:
        sys.exit(1)


def main():
    names = chosen(sys.argv[1:])
    print("# Measured\n")
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}, in {os.environ.get('LARDER_BENCH_NETWORK', 'the host’s network')}, "
          f"load before {os.getloadavg()[0]:.2f}.\n")
    # All of it goes at the very end: for minutes after a mass unlinking ext4 makes new files several times dearer.
    with tempfile.TemporaryDirectory(prefix="larder-bench.", ignore_cleanup_errors=True) as work:
        os.chmod(work, 0o755)  # nginx's workers give up root
        for name in names:
            os.makedirs(os.path.join(work, name))
            sys.stdout.flush()
            run(BENCHES[name], os.path.join(work, name))


main()
