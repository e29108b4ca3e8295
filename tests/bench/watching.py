"""The patrol of a large catalog: memory, and what it adds to the index."""
import os
import subprocess
import sys

from common import LARDER, table

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
