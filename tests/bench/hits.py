"""Hits beside nginx."""
import hashlib
import math
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys

from common import HERE, LARDER, NGINX, REPEATS, SECONDS, Server, configure, free_port, larder, table

# Name, sizes of the archives, a connection a request, the goal: server CPU a request relative to nginx.
ROWS = (
    ("4 KB", "4 KB", False, 0.65),
    ("mix up to 100 KB, mean 11 KB", "mix", False, 0.75),
    ("76 KB", "76 KB", False, 0.95),
    ("1 MB", "1 MB", False, 0.98),
    ("50 MB", "50 MB", False, 1.05),
    ("1,927 archives, mean 100 KB, uniform", "many", False, 0.85),
    ("4 KB, a connection a request", "4 KB", True, 0.97),
)


def sizes_like(count, mean, largest, seed):
    """Sizes as archives have them: most are small, few are large."""
    chance, spread = random.Random(seed), 1.4
    middle = math.log(mean) - spread ** 2 / 2
    return [min(largest, max(200, int(chance.lognormvariate(middle, spread)))) for _ in range(count)]


def make_archives(directory):
    """Files, and for each row's sizes the paths of theirs."""
    wanted = {"4 KB": [4096], "76 KB": [76000], "1 MB": [1 << 20], "50 MB": [50 << 20],
              "mix": sizes_like(300, 13000, 100000, 1), "many": sizes_like(1927, 110000, 4 << 20, 2)}
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


def wrk(url, paths, close):
    """Requests, the CPU seconds of wrk, requests a second, the 99th percentile in ms."""
    command = ["wrk", "--latency", "-t", "1", "-c", "64", "-d", f"{SECONDS}s", "-s", os.path.join(HERE, "paths.lua")]
    if close:
        command += ["-H", "Connection: close"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command + [url, "--", paths], check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "Non-2xx" in out:
        sys.exit("bench: wrk got errors: " + out)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    value, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)", out).groups()
    slowest = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    if requests == 0:
        sys.exit(f"bench: no request ended within {SECONDS} s; give LARDER_BENCH_SECONDS more")
    return requests, used, float(re.search(r"Requests/sec:\s+([0-9.]+)", out).group(1)), slowest


def measure(peers, paths, close):
    """The medians of each peer: CPU of the server a request, of both, requests a second, 99th percentile."""
    figures = {peer: [] for peer in peers}
    for _ in range(REPEATS):
        for peer, (server, url) in peers.items():
            before = server.cpu()
            requests, used, rate, slowest = wrk(url, paths, close)
            own = server.cpu() - before
            figures[peer].append((own / requests * 1e6, (own + used) / requests * 1e6, rate, slowest))
    return {peer: [statistics.median(run[i] for run in runs) for i in range(4)] for peer, runs in figures.items()}


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
    port = free_port()
    with open(os.path.join(work, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(NGINX.format(work=work, port=port))
    ours = Server([LARDER, "serve", "-c", config], os.path.join(work, "larder.log"))
    nginx = Server(["nginx", "-c", os.path.join(work, "nginx.conf"), "-g", "daemon off;"], os.path.join(work, "nginx.out"))
    host, our_port = ours.address()
    peers = {"nginx": (nginx, f"http://127.0.0.1:{port}"), "larder": (ours, f"http://{host}:{our_port}")}
    rows = []
    for name, sizes, close, goal in ROWS:
        listed = os.path.join(work, "paths")
        with open(listed, "w", encoding="utf-8") as file:
            file.write("\n".join(random.Random(3).sample(paths[sizes], len(paths[sizes]))) + "\n")
        middle = measure(peers, listed, close)
        theirs, mine = middle["nginx"], middle["larder"]
        rows.append((name, f"{theirs[0]:.1f} µs", f"{mine[0]:.1f} µs", f"{mine[0] / theirs[0]:.2f}", f"≤ {goal:.2f}",
                     f"{mine[1] / theirs[1]:.2f}", f"{mine[2] / theirs[2]:.2f}", f"{mine[3] / theirs[3]:.2f}"))
    ours.stop()
    nginx.stop()
    print(f"64 connections, {SECONDS} s a run, nginx and larder in turns, {REPEATS} runs each, medians; two workers each, no access log.\n")
    table(("archive", "nginx", "larder", "ratio", "goal", "server and client CPU", "requests a second", "99th percentile"), rows)
