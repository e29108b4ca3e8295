"""The patrol of a large catalog: memory, and what it adds to the index. Check and repair of the real lockfile."""
import contextlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

from common import LARDER, TOP, configure, larder, table

ORIGINS = 50000


def bench_patrol(work):
    program = os.path.join(os.path.dirname(LARDER), "tests", "bench_patrol")
    print(f"## One round of the patrol over {ORIGINS:,} origins\n")
    if not os.path.exists(program):
        print("not measured: it is built with the tests (BUILD_TESTING)\n")
        return
    done = subprocess.run([program, str(ORIGINS)], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit("bench: bench_patrol failed")
    told = dict(line.split() for line in done.stdout.decode().splitlines())
    got = {name: int(value) for name, value in told.items()}
    if got["untried"] != 0:
        sys.exit(f"bench: {got['untried']} origins were not asked")
    table(("", "measured"), (
        ("questions in the 30 days", f"{got['asked']:,}"),
        ("time of this machine for all of them", f"{got['round_ms'] / 1000:.1f} s"),
        ("planning all of them at first", f"{got['plan_ms'] / 1000:.1f} s"),
        ("memory before the round, largest in it", f"{got['before_kib'] / 1024:.1f} MiB, {got['peak_kib'] / 1024:.1f} MiB"),
        ("largest in the first hour after a stop of 60 days", f"{got['overdue_peak_kib'] / 1024:.1f} MiB"),
        ("index: learned, planned", f"{got['learned_kib'] / 1024:.1f} MiB, {got['planned_kib'] / 1024:.1f} MiB"),
        ("index after one round, after two", f"{got['round_kib'] / 1024:.1f} MiB, {got['second_round_kib'] / 1024:.1f} MiB"),
        ("counting the archives by state", f"{got['count_ms']} ms")))


# What the index says of the archives that the catalog names: 1 and 4 of enum origin_state, 3 of enum origin_result.
STATES = (
    ("none is stored, nobody was asked", ()),
    ("none is stored, all changed in place", (
        "UPDATE origin SET state = 4, result = 3, tried_at = 1700000000000, served_at = 1690000000000, failures = 3,"
        " failing_since = 1695000000000, detail = '200', etag = '\"moved\"'",
        "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)"
        " SELECT id, randomblob(32), 12345, 1, 1, 'recompressed', '{}', 1700000000000 FROM origin")),
    ("all with a sha256 are stored, all serve", (
        "DELETE FROM drift",
        "UPDATE origin SET state = 1, result = 5, failures = 0, failing_since = 0",
        "INSERT OR IGNORE INTO archive (sha256, md5, sha1, sha512, size, stored_at, inode, change_ns, came_from, used_at, git_commit)"
        " SELECT sha256, ifnull(md5, randomblob(16)), ifnull(sha1, randomblob(20)), ifnull(sha512, randomblob(64)), 12345, 1700000000000,"
        " 1, 1, '', 1700000000000, '' FROM entry WHERE sha256 IS NOT NULL")),
)


def milliseconds(config, command, source):
    """The median of seven."""
    took = []
    for _ in range(7):
        begin = time.monotonic()
        done = subprocess.run([LARDER, command, "-c", config, source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        took.append(1000 * (time.monotonic() - begin))
        if done.returncode not in (0, 1):
            sys.exit(f"bench: larder {command} failed")
    return statistics.median(took), (done.stdout.decode().splitlines() or [""])[-1]


def bench_check(work):
    print("## Check and repair of the real lockfile (1,245 archives) against the whole catalog\n")
    data = os.path.join(TOP, "..", "shared", "data")
    lockfile = os.path.join(data, "monorepo-bench.opam.locked")
    if not os.path.exists(lockfile):
        print("not measured: no ../shared/data\n")
        return
    config, rows = configure(work), []
    larder(config, "import", os.path.join(data, "opam-repository.tar.gz"))
    subprocess.run([LARDER, "import", "-q", "-c", config, "--history", os.path.join(data, "opam-repository-history.bundle")],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    for name, statements in STATES:
        with contextlib.closing(sqlite3.connect(os.path.join(work, "store", "index.db"))) as index, index:
            for statement in statements:
                index.execute(statement)
        check, said = milliseconds(config, "check", lockfile)
        repair, _ = milliseconds(config, "repair", lockfile)
        rows.append((name, f"{check:.0f} ms", f"{repair:.0f} ms", said.partition(": ")[2]))
    shutil.rmtree(os.path.join(work, "store"))
    print("Elapsed, the program's start and end among it; the median of 7. Goal of check: 100 ms.\n")
    table(("the index says", "check", "repair", "its figures"), rows)
