#!/usr/bin/env python3
"""bench.py import|hits|misses...: prints the figures as Markdown. See README.md."""
import hashlib
import os
import platform
import random
import re
import resource
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
LARDER = os.environ["LARDER"]
SECONDS = int(os.environ.get("LARDER_BENCH_SECONDS", "3"))
REPEATS = 5
HERTZ = os.sysconf("SC_CLK_TCK")
CONFIG = """store = "{work}/store"
listen = {{"127.0.0.1:0"}}
workers = 2
default_mirrors = no
log {{ access = no }}
{more}
"""
NGINX = """worker_processes 2;
pid {work}/nginx.pid;
error_log {work}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10000 inactive=60s;
  open_file_cache_valid 60s;
  keepalive_requests 100000000;
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work}; uwsgi_temp_path {work}; scgi_temp_path {work};
  default_type application/octet-stream;
  server {{ listen 127.0.0.1:{port} reuseport; root {work}/exported; }}
}}
"""


def table(heading, rows):
    print("| " + " | ".join(heading) + " |")
    print("|" + "---|" * len(heading))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def wait_for(found, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.005)
    sys.exit("bench: waited in vain")


def configure(work, more=""):
    path = os.path.join(work, "larder.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(work=work, more=more))
    return path


def larder(config, command, *args):
    subprocess.run([LARDER, command, "-c", config, *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Server:
    """A process and its children, and the CPU seconds they have used."""

    def __init__(self, command, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    def address(self):
        def found():
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return re.search(r"listening on http://([0-9.:]+)", file.read())
        host, _, port = wait_for(found).group(1).partition(":")
        return host, int(port)

    def cpu(self):
        pids, seconds = [self.process.pid], 0
        while pids:
            pid = pids.pop()
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
            seconds += (int(fields[11]) + int(fields[12])) / HERTZ
            with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
                pids += map(int, file.read().split())
        return seconds

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bench_import(work):
    source = os.path.join(TOP, "..", "shared", "data", "opam-repository.tar.gz")
    print("## Import of the whole opam repository (18,793 files)\n")
    if not os.path.exists(source):
        print("not measured: no ../shared/data/opam-repository.tar.gz\n")
        return
    times, memory = [], 0
    for number in range(REPEATS):
        config = configure(os.path.join(work))
        shutil.rmtree(os.path.join(work, "store"), ignore_errors=True)
        begin = time.monotonic()
        child = subprocess.Popen([LARDER, "import", "-c", config, source], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit("bench: larder import failed")
        times.append(time.monotonic() - begin)
        memory = max(memory, usage.ru_maxrss)
    table(("", "median", "goal"), (("elapsed", f"{statistics.median(times):.2f} s", "< 1 s"),
                                   ("largest memory", f"{memory / 1024:.0f} MiB", "< 100 MiB")))


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


def download(address, path, clients):
    """All clients at once; the bytes are counted and thrown away. Returns the seconds to the first byte and to the end of the last."""
    select, room, got, first = selectors.DefaultSelector(), bytearray(1 << 20), {}, None
    begin = time.monotonic()
    for _ in range(clients):
        peer = socket.create_connection(address)
        peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        select.register(peer, selectors.EVENT_READ)
        got[peer] = 0
    left = clients
    while left:
        for key, _ in select.select():
            size = key.fileobj.recv_into(room, len(room), socket.MSG_TRUNC)
            first = first or time.monotonic() - begin
            got[key.fileobj] += size
            if size == 0:
                select.unregister(key.fileobj)
                key.fileobj.close()
                left -= 1
    return first, time.monotonic() - begin, min(got.values())


def bench_misses(work):
    print("## 300 clients on one 8 MB miss, from an origin that sends 4 MB/s\n")
    size, rate, files = 8 << 20, 4 << 20, os.path.join(work, "origin", "files")
    os.makedirs(files)
    origin = subprocess.Popen([sys.executable, os.path.join(TOP, "tests", "support", "origin.py"), os.path.join(work, "origin")])
    port_file = os.path.join(work, "origin", "port")
    wait_for(lambda: os.path.exists(port_file))
    with open(port_file, encoding="utf-8") as file:
        port = int(file.read())
    config = configure(work, f'fetch {{ allow_private = {{"127.0.0.0/8"}} allow_ports = {{{port}}} }} limits {{ connections_per_address = 0 }}')
    shutil.rmtree(os.path.join(work, "store"), ignore_errors=True)
    totals, alone, firsts, cpus, asked = [], [], [], [], 0
    names = []
    for number in range(3):
        body = random.Random(f"miss {number}").randbytes(size)
        names.append((f"miss{number}", hashlib.sha256(body).hexdigest()))
        with open(os.path.join(files, names[-1][0]), "wb") as file:
            file.write(body)
    listed = os.path.join(work, "origins.list")
    with open(listed, "w", encoding="utf-8") as file:
        for name, digest in names:
            file.write(f"http://127.0.0.1:{port}/rate={rate}/{name} sha256={digest}\n")
    larder(config, "import", listed)
    server = Server([LARDER, "serve", "-c", config], os.path.join(work, "larder.log"))
    address = server.address()
    for name, digest in names:
        alone.append(download(("127.0.0.1", port), f"/rate={rate}/{name}", 1)[1])
        before = server.cpu()
        first, total, least = download(address, f"/sha256/{digest}", 300)
        if least < size:
            sys.exit("bench: a client did not get all of it")
        firsts.append(first)
        totals.append(total)
        cpus.append(server.cpu() - before)
    server.stop()
    origin.kill()
    with open(os.path.join(work, "origin", "log"), encoding="utf-8") as file:
        asked = len(file.read().splitlines()) - len(names)
    middle, base = statistics.median(totals), statistics.median(alone)
    table(("", "median of 3", "goal"), (
        ("requests the origin saw, a miss", f"{asked / len(names):g}", "1"),
        ("first byte", f"{statistics.median(firsts):.3f} s", ""),
        ("all 300 done", f"{middle:.3f} s", f"≤ {base * 1.03:.3f} s"),
        ("the origin alone, one client", f"{base:.3f} s", ""),
        ("more than the origin alone", f"{(middle / base - 1) * 100:.1f} %", "≤ 3 %"),
        ("larder's CPU", f"{statistics.median(cpus):.2f} s", "")))


def main():
    benches = {"import": bench_import, "hits": bench_hits, "misses": bench_misses}
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
