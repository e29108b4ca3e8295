"""Hits beside nginx."""
import hashlib
import math
import os
import random
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request

from common import HERE, LARDER, NGINX, REPEATS, SECONDS, SHORT, Server, configure, free_port, larder, load, program, table, threads

# Name, sizes of the archives, a connection a request, the goal: server CPU a request relative to nginx.
ROWS = (
    ("4 KB", "4 KB", False, 0.65),
    ("mix up to 100 KB, mean 11 KB", "mix", False, 0.75),
    ("76 KB", "76 KB", False, 0.95),
    ("1 MB", "1 MB", False, 0.98),
    ("50 MB", "50 MB", False, 1.05),
    ("1,927 archives, mean 100 KB, uniform", "many", False, 0.85),
    ("4 KB, a connection a request", "4 KB", True, 0.97),
    ("6,000 archives up to 32 KB, uniform: more than have room in hot.memory", "more", False, 1.00),
)
if SHORT:
    ROWS = [row for row in ROWS if row[1] in ("4 KB", "76 KB", "many")]
SIZES = {"4 KB": 4096, "76 KB": 76000, "1 MB": 1 << 20, "50 MB": 50 << 20}  # of rows with one archive


def sizes_like(count, mean, largest, seed):
    """Sizes as archives have them: most are small, few are large."""
    chance, spread = random.Random(seed), 1.4
    middle = math.log(mean) - spread ** 2 / 2
    return [min(largest, max(200, int(chance.lognormvariate(middle, spread)))) for _ in range(count)]


def make_archives(directory):
    """Files, and for each row's sizes the paths of theirs."""
    wanted = {name: [size] for name, size in SIZES.items()}
    wanted |= {"mix": sizes_like(300, 13000, 100000, 1), "many": sizes_like(1927, 110000, 4 << 20, 2)}
    wanted["more"] = [random.Random(f"more {number}").randint(1000, 32000) for number in range(6000)]
    wanted = {name: wanted[name] for _, name, _, _ in ROWS}
    paths = {}
    os.makedirs(directory)
    for name, sizes in wanted.items():
        paths[name] = []
        for number, size in enumerate(sizes):
            body = random.Random(f"{name} {number}").randbytes(size)
            with open(os.path.join(directory, f"{name.replace(' ', '')}-{number}"), "wb") as file:
                file.write(body)
            digest = hashlib.sha256(body).hexdigest()
            paths[name].append(f"/sha256/{digest[:2]}/{digest}")
    return paths


UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
LARGE = 1 << 20


def wrk(url, paths, close, size=0, seconds=SECONDS):
    """
    Answers, the CPU seconds of wrk, answers a second, the 99th percentile in ms. Of large ones many are under way at the end, so they are
    counted by the bytes that came.
    """
    command = ["wrk", "--latency", "-t", "1", "-c", "64", "-d", f"{seconds}s", "-s", os.path.join(HERE, "paths.lua")]
    if close:
        command += ["-H", "Connection: close"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command + [url, "--", paths], check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    failed = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+)", out)
    # wrk calls it a timeout when a large one takes two seconds, and an error to read when the server closes as it was asked to.
    if "Non-2xx" in out or (failed and any(map(int, failed.groups())) and not close):
        sys.exit("bench: wrk got errors: " + out)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    value, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)", out).groups()
    slowest = float(value) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]
    answers, took, read, unit = re.search(r"(\d+) requests in ([0-9.]+)s, ([0-9.]+)([KMGT]?B) read", out).groups()
    answers = float(read) * UNITS[unit] / size if size >= LARGE else int(answers)
    return answers, used, answers / float(took), slowest


def measure(peers, paths, close, size=0):
    """The medians of each peer: CPU of the server an answer, of both, answers a second, 99th percentile. After a second that counts for nothing."""
    figures = {peer: [] for peer in peers}
    for _, url in peers.values():
        wrk(url, paths, close, size, 1)
    for _ in range(REPEATS):
        for peer, (server, url) in peers.items():
            before = server.cpu()
            answers, used, rate, slowest = wrk(url, paths, close, size)
            if answers == 0:
                sys.exit(f"bench: no request ended within {SECONDS} s; give LARDER_BENCH_SECONDS more")
            own = server.cpu() - before
            figures[peer].append((own / answers * 1e6, (own + used) / answers * 1e6, rate, slowest))
    return {peer: [statistics.median(run[i] for run in runs) for i in range(4)] for peer, runs in figures.items()}


FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
IDLE = min(10000, FILES // 2 - 500)  # larder counts with two descriptors a client
IDLE_PER_ADDRESS = 200
SCRUB_RATE = 5 << 20  # bytes a second: 3 TB in the seven days of a round


def idle_connections(address, path):
    """Kept open, after one hit each, from many addresses of this machine."""
    sockets = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for number in range(IDLE):
        one = socket.socket()
        one.settimeout(20)
        one.bind((f"127.0.7.{1 + number // IDLE_PER_ADDRESS}", 0))
        one.connect(address)
        one.sendall(head)
        while b"\r\n\r\n" not in one.recv(1 << 16):
            pass
        sockets.append(one)
    return sockets


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def started(work, name, more):
    """A larder of its own on the same archives."""
    directory = os.path.join(work, name)
    os.makedirs(directory)
    config = configure(directory, more)
    larder(config, "add", os.path.join(work, "archives"))
    server = Server([LARDER, "serve", "-c", config], os.path.join(directory, "larder.log"))
    host, port = server.address()
    return server, (host, port), f"http://{host}:{port}"


def stored(work):
    """Bytes of all archives."""
    with os.scandir(os.path.join(work, "archives")) as entries:
        return sum(entry.stat().st_size for entry in entries)


def waits_for_locks(server, url, listed):
    """How often its workers called futex while they answered so many hits: each is a lock that another thread had, or one who is woken."""
    tasks = [part for task in threads(server.process.pid, "http") for part in ("-p", task)]
    with tempfile.NamedTemporaryFile("r") as counted:
        tracer = subprocess.Popen(["strace", "-c", "-e", "trace=futex", "-o", counted.name, *tasks], stderr=subprocess.PIPE, text=True)
        for _ in range(len(tasks) // 2):
            tracer.stderr.readline()  # "Process N attached"
        answers = wrk(url, listed, False)[0]
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        calls = re.search(r"(\d+)(?:\s+\d+)? futex$", counted.read(), re.M)
    return answers, int(calls.group(1)) if calls else 0


def bench_variants(work, listed, path, plain):
    """What else a hit of 4 KB may cost, beside the same larder without it."""
    rows = []
    quiet, address, url = started(work, "idle", "hot { files = 64 }")
    with_idle = (quiet, url)
    sockets = idle_connections(address, path)
    memory = resident(quiet.process.pid)
    logged, _, logged_url = started(work, "logged", "log { access = yes }")
    alone, _, alone_url = started(work, "alone", "workers = 1")
    unready, _, unready_url = started(work, "unready", 'hot { memory = "0" }')
    scrubbed, _, scrubbed_url = started(work, "scrubbed", f'space {{ scrub_interval = "{stored(work) // SCRUB_RATE}s" }}')
    peers = {"plain": plain, "idle": with_idle, "logged": (logged, logged_url), "scrubbed": (scrubbed, scrubbed_url), "alone": (alone, alone_url),
             "unready": (unready, unready_url)}
    middle = measure(peers, listed, False)
    with urllib.request.urlopen(scrubbed_url + "/metrics") as answer:
        if not re.search(rb"^larder_scrub_(bytes|ended_timestamp_seconds) [1-9]", answer.read(), re.M):
            sys.exit("bench: the scrub has read nothing")
    base = middle["plain"]
    for name, peer in ((f"{IDLE:,} idle connections beside", "idle"), ("with an access log, to a file", "logged"),
                       (f"while a scrub reads {SCRUB_RATE >> 20} MiB a second (3 TB in a round of 7 days)", "scrubbed"),
                       ("nothing kept ready: each from the index and its file", "unready"), ("one worker", "alone")):
        rows.append((name, f"{middle[peer][0]:.1f} µs", f"{middle[peer][0] / base[0]:.2f}", f"{middle[peer][2] / base[2]:.2f}"))
    for one in sockets:
        one.close()
    for server in (quiet, logged, scrubbed, alone, unready):
        server.stop()
    print(f"A hit of 4 KB ({base[0]:.1f} µs) beside the same with something more, in turns; memory with {IDLE:,} idle connections: {memory:.0f} MiB (goal: < 100). "
          "Goal beside idle connections and a scrub: at most 1.05.\n")
    table(("with", "server CPU", "ratio", "answers a second"), rows)
    if shutil.which("strace"):
        answers, calls = waits_for_locks(*plain, listed)
        print(f"Contention: in {answers:,.0f} hits, traced, the workers called futex {calls:,} times.\n")


def bench_peers(work, peers, paths):
    rows = []
    for name, sizes, close, goal in ROWS:
        listed = list_paths(work, paths[sizes])
        middle = measure(peers, listed, close, SIZES.get(sizes, 0))
        theirs, mine, least = middle["nginx"], middle["larder"], middle["floor"]
        rows.append((name, f"{theirs[0]:.1f} µs", f"{mine[0]:.1f} µs", f"{mine[0] / theirs[0]:.2f}", f"≤ {goal:.2f}",
                     f"{least[0] / theirs[0]:.2f}", f"{mine[1] / theirs[1]:.2f}", f"{mine[2] / theirs[2]:.2f}", f"{mine[3] / theirs[3]:.2f}"))
    print(f"64 connections, {SECONDS} s a run, nginx, larder and the floor in turns, {REPEATS} runs each after a second that does not count, medians; two workers each, no access log. "
          f"The floor (floor.c) is what the kernel alone costs. {load()}\n")
    table(("archive", "nginx", "larder", "ratio", "goal", "the floor's", "server and client CPU", "requests a second", "99th percentile"), rows)


def list_paths(work, paths):
    listed = os.path.join(work, "paths")
    with open(listed, "w", encoding="utf-8") as file:
        file.write("\n".join(random.Random(3).sample(paths, len(paths))) + "\n")
    return listed


def bench_hits(work):
    print("## Hits: server CPU a request\n")
    if not shutil.which("nginx") or not shutil.which("wrk"):
        print("not measured: needs nginx and wrk\n")
        return
    config, paths = configure(work), make_archives(os.path.join(work, "archives"))
    larder(config, "add", os.path.join(work, "archives"))
    larder(config, "export", os.path.join(work, "exported"))
    # nginx's workers give up root; they must be able to read what is exported.
    subprocess.run(["chmod", "-R", "a+rX", work], check=True)
    larder(config, "verify")  # that touched the files: without this each would be read once more when it is asked for
    port = free_port()
    with open(os.path.join(work, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(NGINX.format(work=work, port=port))
    ours = Server([LARDER, "serve", "-c", config], os.path.join(work, "larder.log"))
    nginx = Server(["nginx", "-c", os.path.join(work, "nginx.conf"), "-g", "daemon off;"], os.path.join(work, "nginx.out"))
    host, our_port = ours.address()
    plain = (ours, f"http://{host}:{our_port}")
    floor = Server([program("floor"), os.path.join(work, "exported")], os.path.join(work, "floor.log"))
    peers = {"nginx": (nginx, f"http://127.0.0.1:{port}"), "larder": plain, "floor": (floor, "http://%s:%d" % floor.address())}
    bench_peers(work, peers, paths)
    nginx.stop()
    floor.stop()
    bench_variants(work, list_paths(work, paths["4 KB"]), paths["4 KB"][0], plain)
    ours.stop()
