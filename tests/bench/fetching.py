"""Getting archives in: larder fetch beside curl and aria2c, larder add beside the disk's own rate, hashing."""
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

from common import LARDER, SHORT, TOP, Origin, configure, disk_seconds, larder, load, program, spread, table
from hits import sizes_like

FETCHED = 1700
DELAY_MS = 50
ADDED = 2500
SIZE = 60000
RUNS = 1 if SHORT else 5
IN_FLIGHT = 16
CONFIG = 'fetch {{ allow_private = {{"127.0.0.0/8"}} allow_ports = {{{port}}} transfers = {many} per_host = {many} }}'


def timed(command, **more):
    """Seconds, and of them the CPU of the process and its children."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {command[0]} failed")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime


def make_origin(work):
    """1,700 archives of at most 100 KB, the real ones first. Their names and digests."""
    files, chance, made = os.path.join(work, "files"), random.Random(5), {}
    real = os.path.join(TOP, "..", "shared", "data", "archives")
    os.makedirs(files)
    bodies = []
    for folder, _, names in sorted(os.walk(real)):
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as file:
                bodies.append(file.read())
    bodies = [body for body in bodies if len(body) <= 100000]
    bodies += [chance.randbytes(size) for size in sizes_like(FETCHED - len(bodies), 30000, 100000, 5)]
    for number, body in enumerate(bodies):
        with open(os.path.join(files, f"archive-{number}"), "wb") as file:
            file.write(body)
        made[f"archive-{number}"] = hashlib.sha256(body).hexdigest()
    return files, made, sum(map(len, bodies))


def fetch_by_larder(work, run, port, made, many):
    """Everything that the catalog names, verified by its digest and durable."""
    base = os.path.join(work, f"larder-{run}")
    os.makedirs(base)
    config, listed = configure(base, CONFIG.format(port=port, many=many)), os.path.join(base, "list")
    with open(listed, "w", encoding="utf-8") as file:
        file.writelines(f"http://127.0.0.1:{port}/{DELAY_MS}/0/{name} sha256={digest}\n" for name, digest in made.items())
    larder(config, "import", listed)
    return timed([LARDER, "fetch", "-q", "--all", "-c", config])


def fetch_by_curl(work, run, port, made, many):
    base = os.path.join(work, f"curl-{run}")
    os.makedirs(base)
    with open(os.path.join(base, "config"), "w", encoding="utf-8") as file:
        file.writelines(f'url = "http://127.0.0.1:{port}/{DELAY_MS}/0/{name}"\noutput = "{base}/{name}"\n' for name in made)
    return timed(["curl", "-sS", "-f", "-Z", "--parallel-max", str(many), "-K", os.path.join(base, "config")])


def fetch_by_aria2c(work, run, port, made, many):
    base = os.path.join(work, f"aria2c-{run}")
    os.makedirs(base)
    with open(os.path.join(base, "input"), "w", encoding="utf-8") as file:
        file.writelines(f"http://127.0.0.1:{port}/{DELAY_MS}/0/{name}\n  out={name}\n  checksum=sha-256={digest}\n" for name, digest in made.items())
    return timed(["aria2c", "-q", "-i", os.path.join(base, "input"), "-d", base, "-j", str(many), "-x", "1", "-s", "1", "--file-allocation=none",
                  "--check-integrity=true", "--auto-file-renaming=false", "--disable-ipv6"])


FETCHERS = (("larder fetch: verified four ways, durable, indexed", fetch_by_larder), ("curl -Z: neither", fetch_by_curl),
            ("aria2c: verified by sha256, not durable", fetch_by_aria2c))


def bench_fetch(work):
    print(f"## Fetching {FETCHED:,} archives from an origin with {DELAY_MS} ms delay\n")
    if not shutil.which("curl") or not shutil.which("aria2c"):
        print("not measured: needs curl and aria2c\n")
        return
    files, made, size = make_origin(work)
    origin, rows = Origin(files), []
    print(f"{size / 1e6:.0f} MB, from the start of each program to its end; in turns, {RUNS} runs each, medians (least-most). {load()}\n")
    for many in (64,) if SHORT else (64, 256):
        figures = {name: [] for name, _ in FETCHERS}
        for run in range(RUNS):
            for name, fetch in FETCHERS:
                figures[name].append(fetch(work, f"{many}-{run}", origin.port, made, many))
        base = statistics.median(seconds for seconds, _ in figures[FETCHERS[1][0]])
        first = base if many == 64 else first
        for name, runs in figures.items():
            seconds = [one for one, _ in runs]
            rate = FETCHED / statistics.median(seconds)
            rows.append((f"{many} at once", name, spread(seconds, 2, " s"), f"{rate:.0f}", f"{rate * base / FETCHED:.2f}",
                         f"{rate * first / FETCHED:.2f}", f"{statistics.median(cpu for _, cpu in runs):.2f} s"))
    origin.stop()
    table(("", "", "elapsed", "archives a second", "to curl -Z", "to curl -Z at 64", "CPU"), rows)
    print("Goals: at least curl -Z's pace at 64; with 256 at once at least 3 times that of curl at 64.\n")


def bench_add(work):
    print(f"## Adding {ADDED:,} local archives of {SIZE // 1000} KB\n")
    tree, chance = os.path.join(work, "tree"), random.Random(9)
    os.makedirs(tree)
    for number in range(ADDED):
        with open(os.path.join(tree, f"archive-{number:05d}"), "wb") as file:
            file.write(chance.randbytes(SIZE))
    ways = {"larder add: hashed four ways, durable, indexed": lambda run: timed([LARDER, "add", "-q", "-s", os.path.join(work, f"store-{run}"), tree]),
            f"the disk's own rate, {IN_FLIGHT} in flight": lambda run: disk(run, IN_FLIGHT),
            "the same, and the four digests of each": lambda run: disk(run, IN_FLIGHT, "hashed"),
            "the disk's own rate, one after the other": lambda run: disk(run, 1)}

    def disk(run, threads, *hashed):
        return disk_seconds(os.path.join(work, "-".join(("disk", *hashed, str(threads), str(run)))), threads, ADDED, SIZE, *hashed), 0
    figures = {name: [] for name in ways}
    print(f"The disk's own rate: write, fdatasync, rename, fsync of the folder. In turns, {RUNS} runs each, medians (least-most). {load()}\n")
    for run in range(RUNS):
        for name, way in ways.items():
            figures[name].append(way(run))
    base = statistics.median(seconds for seconds, _ in figures[f"the disk's own rate, {IN_FLIGHT} in flight"])
    table(("", "elapsed", "archives a second", "to the disk's own rate", "CPU"),
          [(name, spread([one for one, _ in runs], 2, " s"), f"{ADDED / statistics.median(one for one, _ in runs):.0f}",
            f"{base / statistics.median(one for one, _ in runs):.2f}",
            f"{statistics.median(cpu for _, cpu in runs):.2f} s" if runs[0][1] else "") for name, runs in figures.items()])
    print("Goal: at least 0.9 of the disk's own rate. What larder cannot do without is the rate with the digests: making digests and making files "
          "durable share the processors.\n")


def bench_hashing(work):
    print("## Hashing: md5, sha1, sha256 and sha512 of the same bytes\n")
    mebibytes, large = 100 if SHORT else 300, os.path.join(work, "large")
    with open(large, "wb") as file:
        for _ in range(mebibytes):
            file.write(random.randbytes(1 << 20))
    one, all_of_them, added, alone = [], [], [], []
    print(f"{mebibytes} MiB; {RUNS} runs, in turns, medians (least-most). {load()}\n")
    for run in range(RUNS):
        for threads, kept in ((1, one), (os.cpu_count(), all_of_them)):
            out = subprocess.run([program("hashing"), str(mebibytes), str(threads)], check=True, capture_output=True, text=True).stdout
            kept.append(float(out))
        added.append((mebibytes << 20) / 1e6 / timed([LARDER, "add", "-q", "-s", os.path.join(work, f"store-{run}"), large])[0])
        alone.append((mebibytes << 20) / 1e6 / disk_seconds(os.path.join(work, f"disk-{run}"), 1, 1, mebibytes << 20))
    base = statistics.median(one)
    table(("", "MB/s", "to one hasher"), (("one hasher", spread(one, 0), "1.00"),
                                          (f"{os.cpu_count()} hashers, a thread each", spread(all_of_them, 0), f"{statistics.median(all_of_them) / base:.2f}"),
                                          ("larder add of one archive: read, hashed, written, durable", spread(added, 0), f"{statistics.median(added) / base:.2f}"),
                                          ("the disk alone: one such file written and durable", spread(alone, 0), f"{statistics.median(alone) / base:.2f}")))
