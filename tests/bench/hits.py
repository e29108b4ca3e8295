"""Hits beside nginx."""
import hashlib
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys

from common import LARDER, NGINX, REPEATS, SECONDS, Server, configure, free_port, larder, table


def wrk(url, close):
    command = ["wrk", "-t", "1", "-c", "64", "-d", f"{SECONDS}s", url]
    if close:
        command[1:1] = ["-H", "Connection: close"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "Non-2xx" in out:
        sys.exit("bench: wrk got errors: " + out)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return int(re.search(r"(\d+) requests in", out).group(1)), used


def bench_hits(work):
    print("## Hits: server CPU a request\n")
    if not shutil.which("nginx") or not shutil.which("wrk"):
        print("not measured: needs nginx and wrk\n")
        return
    config, paths = configure(work), {}
    os.makedirs(os.path.join(work, "archives"))
    for size in (4096, 76000, 1 << 20):
        body = random.Random(size).randbytes(size)
        with open(os.path.join(work, "archives", str(size)), "wb") as file:
            file.write(body)
        digest = hashlib.sha256(body).hexdigest()
        paths[size] = f"/sha256/{digest[:2]}/{digest}"
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
    for size, close, name in ((4096, False, "4 KB"), (76000, False, "76 KB"), (1 << 20, False, "1 MB"),
                              (4096, True, "4 KB, a connection a request")):
        figures = {peer: [] for peer in peers}
        clients = {peer: [] for peer in peers}
        for _ in range(REPEATS):
            for peer, (server, url) in peers.items():
                before = server.cpu()
                requests, used = wrk(url + paths[size], close)
                figures[peer].append((server.cpu() - before) / requests * 1e6)
                clients[peer].append(used / requests * 1e6)
        middle = {peer: statistics.median(values) for peer, values in figures.items()}
        both = {peer: middle[peer] + statistics.median(clients[peer]) for peer in peers}
        rows.append((name, f"{middle['nginx']:.1f} µs", f"{middle['larder']:.1f} µs", f"{middle['larder'] / middle['nginx']:.2f}",
                     f"{both['larder'] / both['nginx']:.2f}"))
    ours.stop()
    nginx.stop()
    print(f"64 connections, {SECONDS} s a run, nginx and larder in turns, {REPEATS} runs each, medians; two workers each, no access log.\n")
    table(("archive", "nginx", "larder", "ratio", "ratio of server and client CPU"), rows)
