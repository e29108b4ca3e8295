"""A crowd on one miss."""
import hashlib
import os
import random
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time

from common import LARDER, TOP, Server, configure, larder, table, wait_for


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
