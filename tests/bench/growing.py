"""What grows with the number of archives: made indexes, and a made tree."""
import contextlib
import hashlib
import http.client
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import time

from common import LARDER, SHORT, TOP, Server, configure, free_port, larder, load, memory, program, table

DIGESTS = (10000, 1000000) if SHORT else (10000, 1000000, 10000000)
BARE_MAX = 1000000  # what the bare table is made for: ten times as many take a minute
ASKED = 20000
RUNS = 5
REAL = 64  # archives that are there, beside the rows of the made ones
MAKE = """WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO archive (sha256, md5, sha1, sha512, size, stored_at, inode, change_ns, came_from, used_at, git_commit)
SELECT randomblob(32), randomblob(16), randomblob(20), randomblob(64), 1000 + abs(random()) % 200000, 1700000000000 + n, 1000000 + n,
    1700000000000000000 + n * 1000, 'https://github.com/owner' || n % 9973 || '/project/archive/v' || n % 97 || '.tar.gz', 1700000000000 + n, ''
FROM number"""


def make_index(path, archives):
    """Rows without blobs, entered as they come, so that the pages are as full as those of a larder that grew."""
    with contextlib.closing(sqlite3.connect(path)) as index:
        index.execute("PRAGMA synchronous = OFF")
        index.execute("PRAGMA cache_size = -2000000")
        with index:
            index.execute(MAKE, (archives,))
            index.execute("UPDATE figure SET archives = archives + ?, bytes = bytes + (SELECT sum(size) FROM archive)", (archives,))
        index.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def some_digests(path):
    with contextlib.closing(sqlite3.connect(path)) as index:
        most, chance, lines = index.execute("SELECT max(id) FROM archive").fetchone()[0], random.Random(4), []
        while len(lines) < ASKED:
            row = index.execute("SELECT hex(md5), hex(sha1), hex(sha256), hex(sha512) FROM archive WHERE id = ?",
                                (chance.randint(1, most),)).fetchone()
            algo = len(lines) % 4
            if row:
                lines.append(f"{('md5', 'sha1', 'sha256', 'sha512')[algo]}:{row[algo].lower()}")
    return "\n".join(lines) + "\n"


def make_bare(path, index):
    """The least that leads from a digest to its archive: what the goals were measured with."""
    with contextlib.closing(sqlite3.connect(path)) as bare:
        for setting in ("journal_mode = WAL", "synchronous = OFF", "cache_size = -2000000"):
            bare.execute(f"PRAGMA {setting}")
        bare.execute("ATTACH ? AS larder", (index,))
        with bare:
            bare.execute("CREATE TABLE name (digest BLOB PRIMARY KEY, archive INTEGER) WITHOUT ROWID")
            for algo in ("md5", "sha1", "sha256", "sha512"):
                bare.execute(f"INSERT INTO name SELECT {algo}, id FROM larder.archive")
        bare.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def lookup(digests, *arguments):
    """Microseconds a question: in a transaction of its own, inside one."""
    out = subprocess.run([program("lookup"), *arguments], input=digests, check=True, capture_output=True, text=True).stdout
    return [int(line) / 1000 for line in out.split()]


def forget_pages(store):
    """As after a start of the machine: nothing of the index is in memory."""
    for name in os.listdir(store):
        if name.startswith("index.db"):
            fd = os.open(os.path.join(store, name), os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def ask(port, path):
    peer = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(peer):
        peer.request("GET", path)
        answer = peer.getresponse()
        answer.read()
        return answer.status


def start(config, port, log, path):
    """The daemon, and the milliseconds from its start to its first archive."""
    begin = time.monotonic()
    server = Server([LARDER, "serve", "-c", config], log)
    while True:
        try:
            status = ask(port, path)
            break
        except OSError:
            time.sleep(0.0005)
            if server.process.poll() is not None or time.monotonic() > begin + 300:
                sys.exit("bench: larder does not start")
    if status != 200:
        sys.exit(f"bench: {path} is not served")
    return server, 1000 * (time.monotonic() - begin)


def milliseconds(act):
    took = []
    for _ in range(RUNS):
        begin = time.monotonic()
        act()
        took.append(1000 * (time.monotonic() - begin))
    return statistics.median(took)


def run_quietly(command):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"bench: {' '.join(command)} failed")


def add_real(work, config):
    """A few archives that are there. The path of one."""
    tree = os.path.join(work, "real")
    os.makedirs(tree)
    for number in range(REAL):
        body = random.Random(number).randbytes(20000)
        with open(os.path.join(tree, str(number)), "wb") as file:
            file.write(body)
    larder(config, "add", tree)
    return f"/sha256/{hashlib.sha256(body).hexdigest()}"


def measure(work, digests):
    port, lockfile = free_port(), os.path.join(TOP, "..", "shared", "data", "monorepo-bench.opam.locked")
    config, log, store = configure(work), os.path.join(work, "larder.log"), os.path.join(work, "store")
    index, bare = os.path.join(store, "index.db"), os.path.join(work, "bare.db")
    with open(config, encoding="utf-8") as file:
        text = file.read().replace("127.0.0.1:0", f"127.0.0.1:{port}")
    with open(config, "w", encoding="utf-8") as file:
        file.write(text)
    path = add_real(work, config)
    begin = time.monotonic()
    make_index(index, digests // 4)
    print(f"bench: made {digests:,} digests in {time.monotonic() - begin:.0f} s", file=sys.stderr)
    got = {"size": os.path.getsize(index)}
    asked = some_digests(index)
    got["own"], got["inside"] = lookup(asked, index)
    if digests <= BARE_MAX:
        make_bare(bare, index)
        got["bare size"] = os.path.getsize(bare)
        got["bare own"], got["bare inside"] = lookup(asked, "--bare", bare)
        os.unlink(bare)
    starts = {True: [], False: []}
    for _ in range(RUNS):
        for cold in (True, False):
            if cold:
                forget_pages(store)
            server, took = start(config, port, log, path)
            starts[cold].append(took)
            server.stop()
    got["cold"], got["warm"] = statistics.median(starts[True]), statistics.median(starts[False])
    server, _ = start(config, port, log, path)
    got["started"] = memory(server.process.pid, "VmRSS")
    for number in range(2000):
        ask(port, f"/sha256/{hashlib.sha256(str(number).encode()).hexdigest()}")
    got["asked"] = memory(server.process.pid, "VmRSS")
    got["metrics"] = milliseconds(lambda: ask(port, "/metrics"))
    got["stat"] = milliseconds(lambda: run_quietly([LARDER, "stat", "-c", config]))
    got["check"] = milliseconds(lambda: run_quietly([LARDER, "check", "-c", config, lockfile])) if os.path.exists(lockfile) else None
    server.process.kill()
    server.process.wait()
    forget_pages(store)
    server, got["killed"] = start(config, port, log, path)
    server.process.kill()
    server.process.wait()
    return got


def bench_growth(work):
    print("## Growing\n")
    print(f"Indexes of made archives, four digests each, and {REAL} real ones. Lookup: the archive of a digest, any of the four algorithms, {ASKED:,} of "
          f"them, what they need in memory. Start: from the start of the process to the end of the first archive, medians of {RUNS}; cold: nothing of the "
          f"index in memory. A bare table: SQLite and nothing but digest and number of the archive, WITHOUT ROWID; no size, no time, no origin, none of "
          f"the other digests. {load()}\n")
    columns = []
    for digests in DIGESTS:
        base = os.path.join(work, str(digests))
        os.makedirs(base)
        columns.append(measure(base, digests))
    rows = (("index file", lambda got, n: f"{got['size'] / 1e6:.1f} MB", "48 MB, 485 MB"),
            ("bytes a digest", lambda got, n: f"{got['size'] / n:.0f}", "50"),
            ("the same of a bare table", lambda got, n: f"{got['bare size'] / n:.0f}" if "bare size" in got else "", ""),
            ("lookup, own transaction", lambda got, n: f"{got['own']:.1f} µs", "4.7 µs, 5.5 µs"),
            ("the same of a bare table", lambda got, n: f"{got['bare own']:.1f} µs" if "bare own" in got else "", ""),
            ("lookup inside one", lambda got, n: f"{got['inside']:.1f} µs", "2.0 µs, 2.8 µs"),
            ("the same of a bare table", lambda got, n: f"{got['bare inside']:.1f} µs" if "bare inside" in got else "", ""),
            ("start to first answer, cold", lambda got, n: f"{got['cold']:.0f} ms", "< 50 ms, < 100 ms"),
            ("the same, warm", lambda got, n: f"{got['warm']:.0f} ms", ""),
            ("the same after kill -9, cold", lambda got, n: f"{got['killed']:.0f} ms", ""),
            ("memory after the start", lambda got, n: f"{got['started']:.0f} MiB", ""),
            ("memory after 2,000 different questions", lambda got, n: f"{got['asked']:.0f} MiB", ""),
            ("/metrics", lambda got, n: f"{got['metrics']:.1f} ms", ""),
            ("larder stat beside the daemon", lambda got, n: f"{got['stat']:.0f} ms", ""),
            ("larder check of the real lockfile (1,245 archives)", lambda got, n: f"{got['check']:.0f} ms" if got["check"] else "", "100 ms"))
    table(("digests", *(f"{digests:,}" for digests in DIGESTS), "goal at 1 M, 10 M"),
          [(name, *(tell(got, digests) for got, digests in zip(columns, DIGESTS)), goal) for name, tell, goal in rows])


def bench_tree(work):
    """By name only: needs room for the files and many minutes."""
    blobs = int(os.environ.get("LARDER_BENCH_BLOBS", "4000000"))
    print(f"## A tree of {blobs:,} blobs\n")
    config = configure(work)
    add_real(work, config)
    shards = os.path.join(work, "store", "blobs", "sha256")
    begin, chance = time.monotonic(), random.Random(8)
    for _ in range(blobs):
        name = chance.randbytes(32).hex()
        os.close(os.open(os.path.join(shards, name[:2], name), os.O_WRONLY | os.O_CREAT, 0o400))
    made = time.monotonic() - begin
    begin = time.monotonic()
    count = sum(len(os.listdir(os.path.join(shards, shard))) for shard in os.listdir(shards))
    walked = time.monotonic() - begin
    tree = os.path.join(work, "tree")
    os.makedirs(tree)
    for number in range(2500):
        with open(os.path.join(tree, str(number)), "wb") as file:
            file.write(chance.randbytes(60000))
    rates = []
    for store in (os.path.join(work, "empty"), os.path.join(work, "store")):
        begin = time.monotonic()
        subprocess.run([LARDER, "add", "-q", "-s", store, tree], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rates.append(2500 / (time.monotonic() - begin))
    table(("", "measured"), (("making the files, not durable", f"{made:.0f} s"), (f"walking all {count:,}", f"{walked:.1f} s"),
                             ("larder add of 2,500 archives of 60 KB: into an empty store", f"{rates[0]:.0f} a second"),
                             ("the same into this tree", f"{rates[1]:.0f} a second")))
