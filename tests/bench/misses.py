"""A crowd on one miss, beside varnish and ATS; many misses at once."""
import hashlib
import os
import random
import statistics
import subprocess
import sys
import time

from common import LARDER, SHORT, Origin, Server, configure, larder, load, memory, program, spread, table, thread_cpu
from peers import ats, missing, varnish

SIZE = 20 << 20
SLOW = 4 << 20
RUNS = 1 if SHORT else 3
# How many clients, the origin's bytes a second (0: as fast as it goes), when the late one joins, in ms.
CROWDS = ((50, SLOW, 2500), (300, SLOW, 2500), (50, 0, 100), (300, 0, 100))
if SHORT:
    CROWDS = [one for one in CROWDS if one[0] == 50]
HOSTS = 20
FLOOD = 1000
FLOOD_SIZE = 60000
CONFIG = 'fetch {{ allow_private = {{"127.0.0.0/8"}} allow_ports = {{{port}}} }} limits {{ connections_per_address = 0 }}'


def make_file(folder, name, size):
    body = random.Random(name).randbytes(size)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(body)
    return hashlib.sha256(body).hexdigest()


def crowd(port, lines):
    """[(delay in ms, path)] → [(status, first byte in ms, end in ms, bytes, length)]."""
    out = subprocess.run([program("crowd"), "127.0.0.1", str(port)], input="".join(f"{delay} {path}\n" for delay, path in lines),
                         check=True, capture_output=True, text=True).stdout
    return [(int(status), float(first), float(total), int(size), int(length))
            for status, first, total, size, length in map(str.split, out.splitlines())]


def start_larder(work, origin_port, names):
    """names: (where an origin has it, its sha256)."""
    config, listed = configure(work, CONFIG.format(port=origin_port)), os.path.join(work, "origins.list")
    with open(listed, "w", encoding="utf-8") as file:
        file.writelines(f"{url} sha256={digest}\n" for url, digest in names)
    larder(config, "import", listed)
    server = Server([LARDER, "serve", "-c", config], os.path.join(work, "larder.log"))
    return server, server.address()[1]


def one_crowd(server, port, path, clients, late_ms, origin):
    origin.asked()
    before = server.cpu()
    answers = crowd(port, [(0, path)] * clients + [(late_ms, path)])
    used = server.cpu() - before
    if any(status != 200 or size != SIZE for status, _, _, size, _ in answers):
        sys.exit(f"bench: a client did not get all of {path}")
    firsts, totals = [answer[1] / 1000 for answer in answers], [answer[2] / 1000 for answer in answers]
    return {"asked": origin.asked(), "first": statistics.median(firsts[:-1]), "total": max(totals[:-1]),
            "late_first": firsts[-1], "late_total": totals[-1], "cpu": used}


def bench_crowds(work):
    files = os.path.join(work, "files")
    os.makedirs(files)
    origin = Origin(files)
    names = {(crowd, run): f"miss-{crowd[0]}-{crowd[1]}-{run}" for crowd in CROWDS for run in range(RUNS)}
    digests = {key: make_file(files, name, SIZE) for key, name in names.items()}
    paths = {key: f"/0/{key[0][1]}/{name}" for key, name in names.items()}
    servers = {"larder": start_larder(work, origin.port,
                                      [(f"http://127.0.0.1:{origin.port}{paths[key]}", digest) for key, digest in digests.items()]),
               "varnish": varnish(work, origin.port), "ATS": ats(work, origin.port)}
    rows, parts = [], []
    print(f"Everybody asks at once, one more joins late (after 2.5 s where the origin is slow, after 0.1 s where it is not). "
          f"In turns, {RUNS} runs each, medians (least-most). First byte: of the body, the median of the clients. {load()}\n")
    for one in CROWDS:
        clients, rate, late_ms = one
        figures, sending = {peer: [] for peer in servers}, []
        for run in range(RUNS):
            for peer, (server, port) in servers.items():
                path = f"/sha256/{digests[one, run]}" if peer == "larder" else paths[one, run]
                figures[peer].append(one_crowd(server, port, path, clients, late_ms, origin))
                if peer == "larder":
                    sending.append(one_crowd(server, port, path, clients, 0, origin)["cpu"])
        theirs = statistics.median(run["cpu"] for run in figures["varnish"])
        for peer, runs in figures.items():
            of = {what: [run[what] for run in runs] for what in runs[0]}
            rows.append((f"{clients}, {'4 MB/s' if rate else 'full speed'}", peer, f"{max(of['asked'])}", spread(of["first"], 3),
                         spread(of["total"], 2), f"{statistics.median(of['late_first']):.3f} / {statistics.median(of['late_total']):.2f}",
                         spread(of["cpu"], 2), f"{statistics.median(of['cpu']) / theirs:.2f}"))
        parts.append((f"{clients}, {'4 MB/s' if rate else 'full speed'}", statistics.median(run["cpu"] for run in figures["larder"]),
                      statistics.median(sending), theirs))
    for server, _ in servers.values():
        server.stop()
    origin.stop()
    table(("clients, origin", "", "origin requests, most", "first byte, s", "all done, s", "the late one: first byte / done, s", "CPU, s",
           "to varnish's"), rows)
    print("Goals: one request; first byte and end no later than varnish's; CPU at most 0.6 of varnish's.\n")
    print("What larder cannot do without: to send the archive to all of them (measured with the same crowd, once the archive is stored), and its four "
          "digests, which the peers do not make.\n")
    hashing = SIZE / 1e6 / float(subprocess.run([program("hashing"), "100", "1"], check=True, capture_output=True, text=True).stdout)
    table(("clients, origin", "larder's CPU, s", "sending alone", "the digests alone", "both, to varnish's CPU"),
          [(name, f"{ours:.2f}", f"{sent:.2f}", f"{hashing:.2f}", f"{(sent + hashing) / theirs:.2f}") for name, ours, sent, theirs in parts])


# How the hosts answer: the time to the first byte in ms, bytes a second; 0: at once, as fast as it goes.
FLOODS = (("20 slow hosts: 300 ms, then 200 KB/s", 300, 200000), ("20 hosts, at once, at full speed", 0, 0))
if SHORT:
    FLOODS = FLOODS[1:]


def one_flood(work, delay_ms, rate, run):
    """Most ask for what slow hosts have; one after the other come some who ask for what is stored, and for what a quick host has."""
    files = os.path.join(work, f"flood-{run}")
    os.makedirs(files)
    os.makedirs(os.path.join(work, f"stored-{run}"))
    origin = Origin(files)
    many = [(f"slow-{run}-{number}", f"127.0.0.{2 + number % HOSTS}", delay_ms, rate) for number in range(FLOOD)]
    quick = [(f"quick-{run}-{number}", "127.0.1.1", 0, 0) for number in range(20)]
    names, digests = [], []
    for name, host, delay, speed in many + quick:
        digests.append(make_file(files, name, FLOOD_SIZE))
        names.append((f"http://{host}:{origin.port}/{delay}/{speed}/{name}", digests[-1]))
    kept = make_file(os.path.join(work, f"stored-{run}"), "stored", FLOOD_SIZE)
    larder(configure(work), "add", os.path.join(work, f"stored-{run}"))
    server, port = start_larder(work, origin.port, names)
    pid = server.process.pid
    before, fetcher, began = server.cpu(), thread_cpu(pid, "fetcher"), time.monotonic()
    answers = crowd(port, [(0, f"/sha256/{digest}") for digest in digests[:FLOOD]] +
                    [(50 + 100 * number, f"/sha256/{digest}") for number, digest in enumerate(digests[FLOOD:])] +
                    [(10 * number, f"/sha256/{kept}") for number in range(200)])
    took = max(answer[2] for answer in answers[:FLOOD]) / 1000
    whole = time.monotonic() - began
    figures = {"took": took, "cpu": server.cpu() - before, "fetcher": 100 * (thread_cpu(pid, "fetcher") - fetcher) / whole,
               "memory": memory(pid), "asked": origin.asked(),
               "lost": sum(status != 200 or size != length for status, _, _, size, length in answers[:FLOOD]),
               "quick": statistics.median(answer[2] for answer in answers[FLOOD:-200]),
               "slowest_quick": max(answer[2] for answer in answers[FLOOD:-200]),
               "hits": statistics.quantiles([answer[2] for answer in answers[-200:]], n=100)[98]}
    server.stop()
    origin.stop()
    return figures


def bench_flood(work):
    print(f"## {FLOOD:,} different misses at once from {HOSTS} hosts\n")
    print(f"{FLOOD_SIZE // 1000} KB each, 64 transfers, 8 a host. Meanwhile every 10 ms somebody asks for an archive that is stored, and every "
          f"100 ms for one that a quick host has. {RUNS} runs, medians (least-most). {load()}\n")
    rows = []
    for name, delay_ms, rate in FLOODS:
        runs = [one_flood(work, delay_ms, rate, f"{delay_ms}-{run}") for run in range(RUNS)]
        of = {what: [run[what] for run in runs] for what in runs[0]}
        least = FLOOD / 64 * (delay_ms / 1000 + (FLOOD_SIZE / rate if rate else 0))
        rows.append((name, spread(of["took"], 2) + (f"; no less than {least:.1f}" if rate else ""), f"{max(of['lost'])}",
                     f"{max(of['asked']) - FLOOD - 20:+d}", f"{statistics.median(of['quick']):.0f}, {max(of['slowest_quick']):.0f}",
                     spread(of["hits"], 1), f"{max(of['memory']):.0f}", spread(of["fetcher"], 0), spread(of["cpu"], 2)))
    table(("", "all done, s", "not served", "requests too many", "a miss at the quick host, ms: median, most", "a hit meanwhile, ms, 99th percentile",
           "largest memory, MiB", "the fetch thread, % of a core", "CPU, s"), rows)
    print("Goals: nobody waits behind another host's crowd; memory below 128 MiB; the fetch thread below 50 % of a core.\n")


def bench_misses(work):
    print("## A crowd on one miss of 20 MB\n")
    if missing():
        print(f"not measured: needs {', '.join(missing())}\n")
    else:
        bench_crowds(work)
    os.makedirs(os.path.join(work, "flood"))
    bench_flood(os.path.join(work, "flood"))
