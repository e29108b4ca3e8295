#!/usr/bin/env python3
"""upstreams.py LARDER: every way of upstream_rows.py for an origin to be broken × {GET, HEAD, Range, two clients at once} × {small: verified
before it is sent, large: streamed with the tail held back} × {alone, with a good origin behind it}.

Each cell has an archive and a host (127.x.y.z) of its own, so that what is remembered of one never disturbs another, and all of them run in
two daemons, one a size. Of each is checked: what the clients saw (curl's status, exit status and bytes: never complete unless right), what a
second request gets and whom it asks, that an honest archive comes from the same daemon right afterwards, what the store holds, what was
counted and logged. A test is one row, all its cells.
"""
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
from serving import CUT_SHORT, Archive, Daemon, Failure, Origin, certificate, certificate_authority, check, curl, get, in_directory  # noqa: E402
from upstream_rows import AGAIN, BROKEN, FAILS, LIVES, ODD, WISHES, Odd  # noqa: E402

SIZES = {"small": 2000, "large": 400000}
NETWORKS = {"small": "127.1", "large": "127.5"}
TAIL = 65536
GET, HEAD, RANGE, TWO, SIX = "GET", "HEAD", "Range", "two clients", "six archives"
ALONE, THEN_GOOD, THEN_WHOLE = "alone", "then a good one", "then a good one that has no parts"
GOOD_HOSTS = 40  # so that none of them has a queue
PART = (100, 199)
RESTS = "rests for|asked for rest until|served other bytes, not asked for"
CROWDS = 60
FETCH = """fetch {{ allow_private = {{"127.0.0.0/8"}} allow_ports = {{{port}, {tls_port}}} ca_file = "{work}/authority.pem" transfers = 512
    connect_timeout = "10s" first_byte_timeout = "2s" min_rate_over = "2s" overtake_after = "10s" miss_deadline = "30s" verify_before_send = "64KiB" max_archive = "1MiB" }}
limits {{ connections_per_address = 0 }}"""


class Cell:
    """One row, asked in one way, of one size, with or without a good origin behind it."""

    def __init__(self, row, kind, size, case, number):
        self.row, self.kind, self.size, self.case = row, kind, size, case
        self.address = f"{NETWORKS[size]}.{number // 250}.{number % 250 + 1}"
        self.archives = [Archive(f"{size}{number}-{index}", SIZES[size]) for index in range(6 if kind == SIX else 1)]
        self.archive = self.archives[0]
        self.good_host = f"127.2.0.{number % GOOD_HOSTS + 1}"
        self.honest = Archive(f"{size}{number}-honest", 500)
        self.problems = []

    def __str__(self):
        return f"{self.kind}, {self.size}, {self.case}"

    def streams(self):
        return self.size == "large" and self.row.told is not None

    def place(self, origin):
        self.does = self.row.does.format(port=origin.port)
        encrypted = self.row.tls not in ("", "none")
        self.host = f"{self.address}:{origin.tls_port if encrypted else origin.port}"
        self.scheme = "https" if self.row.tls else "http"

    def asked(self, archive):
        return f"/{self.does}/{archive.name}"

    def good(self):
        return f"/{'ok' if self.case == THEN_GOOD else 'whole'}/{self.archive.name}"

    def lines(self, origin):
        """Of the list that is imported."""
        for archive in self.archives:
            origin.has(archive)
            yield f"{self.scheme}://{self.host}{self.asked(archive)} sha256={archive.sha256}"
            if self.case != ALONE:
                yield f"http://{self.good_host}:{origin.port}{self.good()} sha256={archive.sha256}"
        origin.has(self.honest)
        yield f"http://{self.good_host}:{origin.port}/ok/{self.honest.name} sha256={self.honest.sha256}"


def cells_of(size):
    ways = [(row, kind, ALONE) for row in BROKEN + ODD for kind in (GET, HEAD, RANGE, TWO)]
    ways += [(row, kind, THEN_GOOD) for row in BROKEN for kind in (GET, HEAD, RANGE, TWO)]
    if size == "small":
        ways += [(row, SIX, ALONE) for row in BROKEN]
    else:
        ways += [(row, GET, THEN_WHOLE) for row in BROKEN if row.told is not None]
    for number, (row, kind, case) in enumerate(ways):
        yield Cell(row, kind, size, case, number)


class Matrix:
    """All cells of a size, in one daemon."""

    def __init__(self, larder, work, origin, size):
        self.origin, self.cells = origin, list(cells_of(size))
        os.makedirs(work)
        self.daemon = Daemon(larder, work, FETCH.format(port=origin.port, tls_port=origin.tls_port, work=os.path.dirname(work)))
        for cell in self.cells:
            cell.place(origin)

    def ask(self, archive, *args):
        return curl(self.daemon.url + archive.path, *args)

    def ask_again(self, archive, **fields):
        return get(self.daemon.url + archive.path, **fields)

    # --- what clients may see ---

    @staticmethod
    def is_right(cell, seen):
        body = cell.archive.body
        if seen.ended != 0:
            return False
        if seen.wish == HEAD:
            return seen.status == 200 and seen.field("Content-Length") == str(len(body))
        if seen.wish == RANGE and seen.status == 206:
            return seen.body == body[PART[0]:PART[1] + 1] and seen.field("Content-Range") == f"bytes {PART[0]}-{PART[1]}/{len(body)}"
        return seen.status == 200 and seen.body == body

    @staticmethod
    def is_torn(cell, seen):
        """Nobody takes it for complete: less than was told, by the tail at least. A HEAD says what a GET would."""
        if not cell.streams() or seen.status != 200:
            return False
        told = len(cell.archive.body) + cell.row.told
        if seen.wish == HEAD:
            return seen.ended == 0 and seen.field("Content-Length") == str(told)
        return seen.ended == CUT_SHORT and seen.field("Content-Length") == str(told) and len(seen.body) <= told - TAIL

    @staticmethod
    def is_refused(cell, seen, says):
        honest = seen.status == 404 and seen.ended == 0 and seen.field("Larder-Reason") == cell.row.reason
        return honest and (seen.wish == HEAD or re.search(says, seen.body.decode()) is not None)

    @staticmethod
    def is_late(cell, seen):
        """Of two who stream one answer: it broke off before this one was given a byte, and after the other was."""
        told = seen.status == 404 and seen.ended == 0 and b"after bytes were given out" in seen.body
        return cell.kind == TWO and cell.streams() and told

    def nothing(self, cell, seen, says):
        check(self.is_refused(cell, seen, says) or self.is_torn(cell, seen), f"neither refused with {says!r} nor torn: {seen}")

    # --- the cells ---

    def first(self, cell):
        if cell.kind == HEAD:
            return [self.ask(cell.archive, "-I")]
        if cell.kind == RANGE:
            return [self.ask(cell.archive, "-r", f"{PART[0]}-{PART[1]}")]
        if cell.kind == TWO:
            with ThreadPoolExecutor(2) as pair:
                return list(pair.map(self.ask, [cell.archive] * 2))
        return [self.ask(cell.archive)]

    def alone(self, cell):
        answers = self.first(cell)
        for seen in answers:
            self.nothing(cell, seen, cell.row.says if cell.kind != TWO else f"{cell.row.says}|{RESTS}")
        # Of two clients one may come when the other has been told already.
        check(any(not self.is_refused(cell, seen, RESTS) for seen in answers if seen.wish != HEAD) or cell.kind == HEAD, "nobody was told why")
        before = self.origin.requests(cell.asked(cell.archive))
        seen = self.ask_again(cell.archive)
        check(seen.status == 404 or self.is_torn(cell, seen), f"the second time: {seen}")
        if cell.kind == HEAD and cell.streams():  # that one may have come along with what the HEAD was told of
            seen = self.ask_again(cell.archive)
            check(seen.status == 404 or self.is_torn(cell, seen), f"the third time: {seen}")
        if cell.row.tls == "" or cell.row.tls == "good":
            again = self.origin.requests(cell.asked(cell.archive)) > before
            check(again == (cell.row.then == AGAIN), f"the second request {'asked' if again else 'did not ask'} the origin")
        check(not os.path.exists(self.daemon.blob(cell.archive)), "it is in the store")

    def then_good(self, cell):
        for seen in self.first(cell):
            check(self.is_right(cell, seen) or self.is_torn(cell, seen) or self.is_late(cell, seen), f"neither right nor torn: {seen}")
        seen = self.ask_again(cell.archive)
        if cell.kind == HEAD and self.is_torn(cell, seen):
            seen = self.ask_again(cell.archive)  # it came along with what the HEAD was told of
        check(self.is_right(cell, seen), f"not right the next time: {seen}")
        check(self.origin.requests(cell.good()) > 0, "the good origin was not asked")
        self.is_kept(cell)

    def odd(self, cell):
        for seen in self.first(cell):
            check(self.is_right(cell, seen), f"not right: {seen}")
        seen = self.ask_again(cell.archive)
        check(self.is_right(cell, seen), f"not right the second time: {seen}")
        self.is_kept(cell)

    def is_kept(self, cell):
        check(os.path.exists(self.daemon.blob(cell.archive)), "it is not in the store")
        with open(self.daemon.blob(cell.archive), "rb") as file:
            check(file.read() == cell.archive.body, "what is kept is not it")
        seen = self.ask_again(cell.archive, Range=f"bytes={PART[0]}-{PART[1]}")
        check(seen.status == 206 and seen.field("X-Cache") == "HIT" and self.is_right(cell, seen), f"a part of what is kept: {seen}")

    def six(self, cell):
        """One after the other, all at the same host."""
        asked = {LIVES: 6, FAILS: 5, WISHES: 1}[cell.row.host]
        for index, archive in enumerate(cell.archives):
            seen = self.ask(archive)
            self.nothing(cell, seen, cell.row.says if index < asked else RESTS)
            reached = self.origin.requests(cell.asked(archive)) > 0
            check(reached == (index < asked) or cell.row.tls not in ("", "good"), f"archive {index + 1} {'was' if reached else 'was not'} asked for")

    def run(self, cell):
        try:
            if isinstance(cell.row, Odd):
                self.odd(cell)
            elif cell.kind == SIX:
                self.six(cell)
            elif cell.case == ALONE:
                self.alone(cell)
            else:
                self.then_good(cell)
            seen = self.ask_again(cell.honest)
            check(seen.status == 200 and seen.ended == 0 and seen.body == cell.honest.body, f"an honest archive afterwards: {seen}")
        except Failure as failure:
            cell.problems.append(f"{cell}: {failure} ({cell.archive.path})")

    # --- what was counted and told ---

    def check_counted(self, cell, metrics):
        outcomes = {name: count for name, count in metrics.items() if f'host="{cell.host}"' in name}
        words = {re.search('outcome="(.*?)"', name).group(1) for name in outcomes}
        wanted = cell.row.outcomes.split()
        if wanted[0] not in words or not words <= set(wanted):
            cell.problems.append(f"{cell}: counted were {outcomes}")

    def check_logged(self, cell, lines, requests):
        for archive in cell.archives:
            if archive.path not in requests:
                cell.problems.append(f"{cell}: no request for {archive.path} was logged")
            for line in requests.get(archive.path, []):
                reason = "-" if line["status"] == 206 or isinstance(cell.row, Odd) or cell.case != ALONE else cell.row.reason
                if line["status"] == 404 and line["reason"] != reason and not (cell.kind == TWO and cell.streams()):
                    cell.problems.append(f"{cell}: logged was {line}")
        rests = [line for line in lines if f"origin {cell.host} rests" in line]
        says = getattr(cell.row, "says", "").removeprefix("said ")
        if isinstance(cell.row, Odd) or cell.row.host == LIVES or (cell.row.host == FAILS and cell.kind != SIX):
            wanted = None
        elif cell.row.host == FAILS:
            wanted = f"origin {cell.host} rests 30 s after 5 failures: .*{says}.*; others are asked meanwhile"
        else:
            wanted = f"origin {cell.host} rests (\\d+) s, as it asked with {says}; others are asked meanwhile"
        found = re.fullmatch(wanted, rests[0]) if wanted and rests else None
        if len(rests) != (wanted is not None) or (wanted and not found):
            cell.problems.append(f"{cell}: logged was {rests}")
        elif found and found.groups() and not cell.row.rests_s[0] <= int(found.group(1)) <= cell.row.rests_s[1]:
            cell.problems.append(f"{cell}: it rests as long as {rests} says")

    def check_cells(self):
        metrics, log = self.daemon.metrics(), self.daemon.log()
        lines = [line["message"] for line in log if "message" in line]
        requests = {}
        for line in log:
            if line["level"] == "access":
                requests.setdefault(line["path"], []).append(line)
        for cell in self.cells:
            self.check_counted(cell, metrics)
            self.check_logged(cell, lines, requests)

    def problems(self):
        """Of all cells together."""
        metrics = self.daemon.metrics()
        for limit in sorted({row.limit for row in BROKEN if row.limit}):
            count, least = metrics[f"larder_limit_{limit}_total"], sum(getattr(cell.row, "limit", "") == limit for cell in self.cells)
            if count < least:
                yield f"{limit} was hit in {least} cells and counted {count} times"
        for name in metrics:
            if re.match('larder_http_requests_total.*status="5', name):
                yield f"somebody was told 5xx: {name}"


def make_certificates(work, cells):
    """Each address of an encrypted row presents one, as its row says."""
    authority, other = certificate_authority(work, "authority"), certificate_authority(work, "other")
    names = ",".join("IP:" + address for address in sorted({cell.address for cell in cells if cell.row.tls}))
    certificate(f"{work}/good.pem", names, authority)
    certificate(f"{work}/expired.pem", names, authority, days=-1)
    certificate(f"{work}/self-signed.pem", names)
    certificate(f"{work}/unknown-authority.pem", names, other)
    certificate(f"{work}/other-name.pem", "IP:127.3.0.1,DNS:other.example", authority)
    for cell in cells:
        link = f"{work}/origin/tls/{cell.address}.pem"
        if cell.row.tls and not os.path.lexists(link):
            os.symlink(f"{work}/{cell.row.tls}.pem", link)


def play(matrices):
    """The slow ones wait for the time to pass, all at once; of the others few at a time, so that the good origins are quick."""
    with ThreadPoolExecutor(100) as slow, ThreadPoolExecutor(8) as quick:
        works = [(slow if cell.row.does in ("stall", "stall-body", "drip") else quick).submit(matrix.run, cell)
                 for matrix in matrices for cell in matrix.cells]
        for work in works:
            work.result()


class Crowd:
    """Archives whose only origin breaks off, each read by three at once: whoever reads is told so, nobody is left hanging."""

    def __init__(self, origin):
        self.archives = [Archive(f"crowd{number}", SIZES["large"]) for number in range(CROWDS)]
        self.lines = [f"http://127.3.0.{number + 1}:{origin.port}/cut/{archive.name} sha256={archive.sha256}"
                      for number, archive in enumerate(self.archives)]
        for archive in self.archives:
            origin.has(archive)

    def problems(self, daemon):
        with ThreadPoolExecutor(3) as readers:
            for archive in self.archives:
                for seen in readers.map(get, [daemon.url + archive.path] * 3):
                    if seen.status == 200 and seen.ended != CUT_SHORT or seen.status not in (200, 404):
                        yield f"{archive.name}: {seen}"


def main(work, tap):
    origin = Origin(work)
    matrices = []
    try:
        make_certificates(work, [cell for size in SIZES for cell in cells_of(size)])
        origin.start()
        matrices = [Matrix(sys.argv[1], os.path.join(work, size), origin, size) for size in SIZES]
        crowd = Crowd(origin)
        for matrix in matrices:
            matrix.daemon.learn([line for cell in matrix.cells for line in cell.lines(origin)] + crowd.lines)
            matrix.daemon.start()
        play(matrices)
        tap.test("a crowd reads what breaks off", list(crowd.problems(matrices[1].daemon)))
        for size, matrix in zip(SIZES, matrices):
            matrix.check_cells()
            tap.test(f"{size}: limits that were hit are counted, and nobody is told 5xx", list(matrix.problems()))
            matrix.daemon.stop()
            matrix.daemon.store_is_sound()
    finally:
        for matrix in matrices:
            matrix.daemon.kill()
        origin.stop()
    for row in BROKEN + ODD:
        cells = [cell for matrix in matrices for cell in matrix.cells if cell.row is row]
        tap.test(f"{row.does}{', TLS ' + row.tls if row.tls else ''}: {len(cells)} cells", [problem for cell in cells for problem in cell.problems])


in_directory("upstreams", main)
