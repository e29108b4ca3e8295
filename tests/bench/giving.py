"""Giving archives to a larder: a push of a tree, and single uploads, beside what else could take the files."""
import hashlib
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

from common import HERE, LARDER, NGINX, REPEATS, SECONDS, TOP, Server, configure, disk_seconds, free_port, load, table

SIZE = 60000
FILES = 1000
DISK_FILES = 2500
UPLOAD_RUNS = min(REPEATS, 3)
DAV = "server {{ listen 127.0.0.1:{port} reuseport; root {work}/dav; client_max_body_size 0; client_body_buffer_size 1m;" \
      " location / {{ dav_methods PUT; create_full_put_path on; }} }}"
RSYNCD = """use chroot = no
log file = {work}/rsyncd.log
pid file = {work}/rsyncd.pid
[in]
path = {work}/rsynced
read only = no
"""


def make_tree(work):
    """Files of random bytes, called by their digests as a download cache calls them."""
    tree, rng = os.path.join(work, "made"), random.Random(7)
    for _ in range(FILES):
        body = rng.randbytes(SIZE)
        name = hashlib.sha256(body).hexdigest()
        os.makedirs(os.path.join(tree, "sha256", name[:2]), exist_ok=True)
        with open(os.path.join(tree, "sha256", name[:2], name), "wb") as file:
            file.write(body)
    return tree


def files_of(tree):
    return [os.path.join(folder, name) for folder, _, names in os.walk(tree) for name in sorted(names)]


def serve_larder(work):
    """A daemon on an empty store, and a token for it."""
    shutil.rmtree(os.path.join(work, "store"), ignore_errors=True)
    server = Server([LARDER, "serve", "-c", configure(work)], os.path.join(work, "larder.log"))
    host, port = server.address()
    token = subprocess.run([LARDER, "token", "add", "bench", "--may", "upload", "-c", configure(work)], check=True,
                           capture_output=True, text=True).stdout.strip()
    return server, f"http://{host}:{port}", token


def timed(command, **more):
    begin = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **more)
    if done.returncode != 0:
        sys.exit(f"bench: {command[0]} failed: {done.stderr.decode()}")
    return time.monotonic() - begin


def push(work, tree, _):
    server, url, token = serve_larder(work)
    seconds = timed([LARDER, "push", "-q", url, tree], env={**os.environ, "LARDER_TOKEN": token})
    again = timed([LARDER, "push", "-q", url, tree], env={**os.environ, "LARDER_TOKEN": token})
    server.stop()
    return seconds, again


def rsync(work, tree, options):
    shutil.rmtree(os.path.join(work, "rsynced"), ignore_errors=True)
    os.makedirs(os.path.join(work, "rsynced"))
    with open(os.path.join(work, "rsyncd.conf"), "w", encoding="utf-8") as file:
        file.write(RSYNCD.format(work=work) + ("uid = 0\ngid = 0\n" if os.geteuid() == 0 else ""))
    port = free_port()
    daemon = subprocess.Popen(["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}",
                               f"--config={work}/rsyncd.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    target = f"rsync://127.0.0.1:{port}/in/"
    while subprocess.run(["rsync", "-q", target], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        time.sleep(0.01)
    seconds = timed(["rsync", "-a", *options, tree + "/", target])
    again = timed(["rsync", "-a", *options, tree + "/", target])
    daemon.terminate()
    daemon.wait()
    os.unlink(os.path.join(work, "rsyncd.conf"))
    return seconds, again


def dav(work, tree, _):
    shutil.rmtree(os.path.join(work, "dav"), ignore_errors=True)
    os.makedirs(os.path.join(work, "dav"))
    subprocess.run(["chmod", "-R", "a+rwX", work], check=True)
    port = free_port()
    with open(os.path.join(work, "nginx.conf"), "w", encoding="utf-8") as file:
        head = NGINX.format(work=work, port=port).split("  server {")[0]
        file.write(head + DAV.format(work=work, port=port) + "}\n")
    server = Server(["nginx", "-c", os.path.join(work, "nginx.conf"), "-g", "daemon off;"], os.path.join(work, "nginx.out"))
    while subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/"], check=False).returncode != 0:
        time.sleep(0.01)
    listing = os.path.join(work, "curl.conf")
    with open(listing, "w", encoding="utf-8") as file:
        for path in files_of(tree):
            file.write(f'upload-file = "{path}"\nurl = "http://127.0.0.1:{port}/{os.path.relpath(path, tree)}"\n')
    command = ["curl", "-s", "-f", "--parallel", "--parallel-immediate", "--parallel-max", "8", "-K", listing]
    seconds = timed(command)
    again = timed(command)
    server.stop()
    return seconds, again


WAYS = (("larder push: verified, durable when it ends", push, ()),
        ("rsync -a to its daemon: not durable", rsync, ()),
        ("rsync -a --fsync", rsync, ("--fsync",)),
        ("curl --parallel -T to nginx's dav module: not durable", dav, ()))


def bench_push(work):
    print("## Push over loopback\n")
    missing = [name for name in ("rsync", "nginx", "curl") if not shutil.which(name)]
    if missing:
        print(f"not measured: needs {', '.join(missing)}\n")
        return
    trees = [(f"{FILES} made files of {SIZE // 1000} KB", make_tree(work))]
    real = os.path.join(TOP, "..", "shared", "data", "archives")
    if os.path.isdir(real):
        found = files_of(real)
        size = sum(map(os.path.getsize, found)) / 1e6
        trees.insert(0, (f"{len(found)} real archives, {size:.1f} MB", os.path.abspath(real)))
    for name, tree in trees:
        figures = {way: ([], []) for way, _, _ in WAYS}
        for _ in range(3):
            for way, run, options in WAYS:
                for kept, seconds in zip(figures[way], run(work, tree, options)):
                    kept.append(seconds)
        ours = statistics.median(figures[WAYS[0][0]][0])
        print(f"{name}; all ways in turns, 3 runs each, medians.\n")
        table(("way", "all new", "larder's time to it", "run again"),
              [(way, f"{statistics.median(first):.2f} s", f"{ours / statistics.median(first):.2f}", f"{statistics.median(again):.2f} s")
               for way, (first, again) in figures.items()])


def upload_rate(url, token, clients, run):
    out = subprocess.run(["wrk", "-t", "1", "-c", str(clients), "-d", f"{SECONDS}s", "-s", os.path.join(HERE, "upload.lua"), url],
                         check=True, capture_output=True, text=True,
                         env={**os.environ, "LARDER_TOKEN": token, "BENCH_SIZE": str(SIZE), "BENCH_RUN": run}).stdout
    if "Non-2xx" in out:
        sys.exit("bench: wrk got errors: " + out)
    return float(re.search(r"Requests/sec:\s*([0-9.]+)", out).group(1))


def bench_uploads(work):
    print(f"## Acknowledged uploads a second, {SIZE // 1000} KB each\n")
    if not shutil.which("wrk"):
        print("not measured: needs wrk\n")
        return
    server, url, token = serve_larder(work)
    rows = []
    for clients in (1, 8, 32):
        disk, ours = [], []
        for number in range(UPLOAD_RUNS):
            disk.append(DISK_FILES / disk_seconds(os.path.join(work, f"disk-{clients}-{number}"), clients, DISK_FILES, SIZE))
            ours.append(upload_rate(url + "/api/v1/archives", token, clients, f"{clients}.{number}"))
        middle, base = statistics.median(ours), statistics.median(disk)
        rows.append((str(clients), f"{middle:.0f}", f"{base:.0f}", f"{middle / base:.2f}"))
    server.stop()
    print(f"The disk's own rate: as many threads that write a file of that size, fdatasync, rename, fsync the directory. In turns, "
          f"{SECONDS} s a run, {UPLOAD_RUNS} runs each, medians. An upload is hashed four ways, verified, and has its row in the index. {load()}\n")
    table(("clients", "uploads a second", "the disk's own rate", "ratio"), rows)
