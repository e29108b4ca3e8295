"""What the clients of soak.py do: everything that larder answers, at a steady rate, and what must be said of each answer.

Two kinds of archives. Those of the catalog have two origins that are broken now and then and an honest one; larder may evict them, so whoever
asks gets the right bytes or is told that they are not to be had. Those that were given have no origin: once acknowledged they are served, always,
until they are removed.
"""
import hashlib
import http.client
import random
import re
import socket
import threading
import time

from serving import archive_path, name_of

ALGORITHMS = ("sha256", "sha256", "sha256", "md5", "sha1", "sha512")
KEPT_TOMBSTONES = 10
SMALL, LARGE = 600, 40
DAMAGED = 5         # each so manyth archive of the catalog may be damaged on the disk
LIES = 10           # of each so manyth, and of half of the large ones, origins may serve other bytes
PATIENCE = 30       # seconds for an answer


class Wrong(Exception):
    """An answer that must not be."""


class Catalog:
    """The archives that others have. Their bytes are made again from their number whenever they are compared."""

    def __init__(self, seed):
        self.seed = seed
        self.names = []      # sha256, by number; the large ones last
        self.paths = []      # under every algorithm
        self.sizes = []
        for number in range(SMALL + LARGE):
            body = self.body(number)
            digests = {algorithm: hashlib.new(algorithm, body).hexdigest() for algorithm in set(ALGORITHMS)}
            self.names.append(digests["sha256"])
            self.paths.append({algorithm: f"/{algorithm}/{digest[:2]}/{digest}" for algorithm, digest in digests.items()})
            self.sizes.append(len(body))
        self.locks = [threading.Lock() for _ in self.names]

    def body(self, number):
        dice = random.Random(f"{self.seed} {number}")
        return dice.randbytes(dice.randrange(200, 40000) if number < SMALL else dice.randrange(200000, 1000000))

    def origins(self, number, port):
        """Its lines in a list."""
        how = "lies" if number % LIES == 0 or number >= SMALL + LARGE // 2 else "harm"
        name = self.names[number]
        digests = " ".join(f"{algorithm}={path.rsplit('/', 1)[1]}" for algorithm, path in sorted(self.paths[number].items()))
        places = (f"127.2.0.{number % 20 + 1}:{port}/chaos={how}", f"127.2.1.{number % 20 + 1}:{port}/chaos={how}", f"127.3.0.{number % 40 + 1}:{port}/ok")
        return [f"http://{place}/{name} {digests} package{number}.1" for place in places]

    def damageable(self):
        return [number for number in range(SMALL) if number % DAMAGED == 3]


class Load:
    """The clients of one daemon. victim: where it is, and what it acknowledged; mortal: it is killed now and then, so that a connection may break."""

    def __init__(self, victim, catalog, seed, given_most, mortal):
        self.victim, self.catalog, self.seed, self.given_most, self.mortal = victim, catalog, seed, given_most, mortal
        self.counts, self.lock = {}, threading.Lock()
        self.problems = []
        self.stopping = threading.Event()
        self.full = False      # the disk is, or was a moment ago
        self.unsure = set()    # uploads and removals whose answer did not come, or was that it cannot be done now
        self.removed = []      # names with a tombstone, oldest first
        self.away = set()      # removed, and the tombstone forgotten: nobody has these
        self.threads, self.works = [], {}

    def count(self, what, by=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + by

    def complain(self, problem):
        with self.lock:
            if len(self.problems) < 20:
                self.problems.append(f"{'the one that is killed' if self.mortal else 'the one that lives'}: {problem}")

    def start(self, rate, changes, threads=6):
        """rate: requests a second; changes: the share of those that change something, as WORKS has the others."""
        self.works = dict(WORKS, change=changes)
        for number in range(threads):
            dice = random.Random(f"{self.seed} {number}")
            self.threads.append(threading.Thread(target=self.guard, args=(self.work, dice, threads / rate)))
        self.threads.append(threading.Thread(target=self.guard, args=(Crawlers(self, random.Random(f"{self.seed} crawlers")).work,)))
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def guard(self, work, *args):
        """A client that fell over is no client that is content."""
        try:
            work(*args)
        except Exception as error:
            self.complain(f"a client ended with {error!r}")
            raise

    def work(self, dice, pause):
        peer = Peer(self)
        due = time.monotonic() + dice.random() * pause
        weights = list(self.works.values())
        first = dice.sample(list(self.works), len(self.works))  # so that a short run has all of them
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due = max(due + pause, time.monotonic() - pause)
            name = first.pop() if first else dice.choices(list(self.works), weights)[0]
            try:
                getattr(self, "do_" + name)(peer, dice)
                self.count(name)
            except (OSError, http.client.HTTPException) as error:
                peer.close()
                self.count("broken off")
                if not self.mortal:
                    self.complain(f"{name}: {error!r}")
            except Wrong as wrong:
                self.complain(f"{name}: {wrong}")
        peer.close()

    # --- readers ---

    def given(self, dice):
        """An archive that has to be there, or None."""
        with self.victim.oracle.lock:
            names = list(self.victim.oracle.stored)
        return dice.choice(names) if names else None

    def check_given(self, name, what):
        """It was not served. That is wrong, unless it was removed meanwhile."""
        if name in self.victim.oracle.stored:
            raise Wrong(f"acknowledged, and answered with {what}: sha256:{name}")

    def do_hit(self, peer, dice):
        name = self.given(dice)
        body = name and self.victim.oracle.stored.get(name)
        if not body:
            return
        algorithm = dice.choice(ALGORITHMS)
        digest = hashlib.new(algorithm, body).hexdigest()
        answer, got = peer.ask("GET", f"/{algorithm}/{digest[:2]}/{digest}")
        if answer.status == 200 and got == body or answer.status == 503 and self.mortal:
            return
        if answer.status != 200:
            self.check_given(name, answer.status)
        else:
            raise Wrong(f"{len(got)} wrong bytes came complete for sha256:{name}")

    def do_range(self, peer, dice):
        name = self.given(dice)
        body = name and self.victim.oracle.stored.get(name)
        if not body:
            return
        first = dice.randrange(len(body))
        last = dice.randrange(first, len(body))
        answer, got = peer.ask("GET", archive_path(name), Range=f"bytes={first}-{last}")
        if answer.status == 206 and got == body[first:last + 1] or answer.status == 503 and self.mortal:
            return
        if answer.status != 206:
            self.check_given(name, answer.status)
        else:
            raise Wrong(f"wrong bytes came for bytes {first} to {last} of sha256:{name}")

    def do_head(self, peer, dice):
        number = self.number(dice)
        answer, _ = peer.ask("HEAD", self.catalog.paths[number]["sha256"])
        if answer.status == 200 and answer.headers["Content-Length"] != str(self.catalog.sizes[number]):
            raise Wrong(f"HEAD tells of {answer.headers['Content-Length']} bytes, not of {self.catalog.sizes[number]}")
        self.check_miss(answer, f"HEAD of {self.catalog.names[number]}")

    def number(self, dice, large=False):
        """Half of all asking is for a few."""
        if large:
            return SMALL + dice.randrange(LARGE)
        return dice.randrange(40) if dice.random() < 0.5 else dice.randrange(SMALL)

    def check_miss(self, answer, what):
        """Not to be had is an answer; a failing upstream is never a 5xx, but for who cannot take any more."""
        if answer.status == 404 and not answer.headers.get("Larder-Reason"):
            raise Wrong(f"{what}: 404 without a reason")
        if answer.status not in (200, 206, 404, 503) or answer.status == 503 and not answer.headers.get("Retry-After"):
            raise Wrong(f"{what} was answered with {answer.status}")
        self.count(f"catalog {answer.status} {answer.headers.get('X-Cache', '')}".strip())

    def get_of_catalog(self, peer, number, algorithm):
        with self.catalog.locks[number]:
            try:
                answer, got = peer.ask("GET", self.catalog.paths[number][algorithm])
            except http.client.IncompleteRead:
                peer.close()
                self.count("cut short")
                return
        if answer.status == 200 and got != self.catalog.body(number):
            raise Wrong(f"{len(got)} wrong bytes came complete for sha256:{self.catalog.names[number]}")
        self.check_miss(answer, f"GET of {self.catalog.names[number]}")

    def do_small(self, peer, dice):
        self.get_of_catalog(peer, self.number(dice), dice.choice(ALGORITHMS))

    def do_large(self, peer, dice):
        self.get_of_catalog(peer, self.number(dice, True), dice.choice(ALGORITHMS))

    def do_unknown(self, peer, dice):
        """What nobody has; a mirror is asked for it."""
        digest = dice.randbytes(32).hex()
        answer, _ = peer.ask("GET", f"/sha256/{digest[:2]}/{digest}")
        if answer.status not in (404, 503):
            raise Wrong(f"nobody has it, and it was answered with {answer.status}")

    def do_leave(self, peer, dice):
        """Before half of it came."""
        address = self.victim.listens
        with socket.create_connection(address, timeout=PATIENCE) as leaver:
            leaver.sendall(f"GET {self.catalog.paths[self.number(dice, True)]['sha256']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            leaver.settimeout(0.2)
            try:
                leaver.recv(dice.randrange(1, 60000))
            except TimeoutError:
                pass

    def do_bad(self, peer, dice):
        """No clean request."""
        with socket.create_connection(self.victim.listens, timeout=PATIENCE) as bad:
            bad.sendall(dice.choice((b"GET /sha256/zz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                                     b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"\0\1\2\3\r\n\r\n", b"PATCH / HTTP/1.1\r\nHost: x\r\n\r\n")))
            answer = bad.recv(4096)
        if not answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 405", b"HTTP/1.0 400")) and not (self.mortal or answer == b""):
            raise Wrong(f"answered with {answer[:60]}")

    def do_look(self, peer, dice):
        path = dice.choice(("/metrics", "/metrics", "/readyz", "/healthz", "/status", "/", "/events.atom", "/version"))
        answer, _ = peer.ask("GET", path)
        if answer.status != 200 and not (answer.status == 503 and (path == "/readyz" or self.mortal)):
            raise Wrong(f"{path} was answered with {answer.status}")
        if path == "/readyz" and answer.status == 503:
            self.count("not ready")

    # --- givers ---

    def do_change(self, peer, dice):
        unsure = next(iter(list(self.unsure)), None)
        if unsure is not None and dice.random() < 0.5:
            self.remove(unsure)
        elif len(self.removed) > KEPT_TOMBSTONES and dice.random() < 0.4:
            self.forget_removal()
        elif len(self.victim.oracle.stored) > self.given_most * (0.9 + 0.2 * dice.random()):
            self.remove(self.given(dice))
        else:
            self.give(dice)

    def give(self, dice):
        body = dice.randbytes(dice.choice((1000, 4000, 9000, 20000, 40000, 300000)) + dice.randrange(500))
        name = name_of(body)
        method, path = dice.choice((("PUT", archive_path(name)), ("POST", "/api/v1/archives")))
        status = self.victim.ask(method, path, body)
        if status in (200, 201):
            self.victim.oracle.was_stored({name: body})
            self.count("given")
        elif status == 507 and self.full:
            self.count("507")
        else:
            self.unsure.add(name)
            self.check_changed(method, status, name)

    def check_changed(self, method, status, name):
        if status == 503 or status is None and self.mortal or status == 507 and self.full:
            self.count("unsure")
        else:
            raise Wrong(f"{method} of sha256:{name} was answered with {status}")

    def take(self, name):
        """To remove it: whoever takes it is the only one who does. Whether it is there for sure; None: somebody else has taken it."""
        with self.victim.oracle.lock:
            if self.victim.oracle.stored.pop(name, None) is not None:
                return True
            if name in self.unsure:
                self.unsure.discard(name)
                return False
        return None

    def remove(self, name):
        """From the moment it is asked for, nothing is promised of it until the answer is here."""
        was_there = self.take(name)
        if was_there is None:
            return
        status = self.victim.ask("DELETE", archive_path(name))
        if status == 200:
            self.victim.oracle.was_removed(name)
            self.removed.append(name)
            self.count("removed")
        elif status != 404:
            self.unsure.add(name)
            self.check_changed("DELETE", status, name)
        elif was_there:
            raise Wrong(f"acknowledged, and not there to be removed: sha256:{name}")

    def forget_removal(self):
        with self.lock:
            name = self.removed.pop(0)
        with self.victim.oracle.lock:
            self.victim.oracle.removed.discard(name)
        self.away.add(name)
        status = self.victim.ask("DELETE", f"/api/v1/tombstones/sha256/{name}")
        if status not in (200, 204, 404):
            self.check_changed("DELETE of the tombstone", status, name)

    def do_pin(self, peer, dice):
        number = self.number(dice)
        status = self.victim.ask(dice.choice(("PUT", "DELETE", "DELETE")), f"/api/v1/pins/sha256/{self.catalog.names[number]}")
        if status not in (200, 201, 204, 404):
            self.check_changed("a pin", status, self.catalog.names[number])

    def do_show(self, peer, dice):
        name = self.catalog.names[self.number(dice)]
        if self.mortal or dice.random() < 0.7:
            status = self.victim.ask("GET", dice.choice((f"/api/v1/archives/sha256/{name}", "/api/v1/wanted?limit=50", "/api/v1/events?since=0",
                                                         "/api/v1/jobs")))
            if status not in (200, 404, 503) and not (status is None and self.mortal):
                raise Wrong(f"answered with {status}")
        else:
            self.victim.run(*dice.choice((("show", "sha256:" + name), ("show", "sha256:" + name), ("check",), ("stat",))), ends=(0, 1))

    def do_job(self, peer, dice):
        numbers = [self.number(dice, dice.random() < 0.1) for _ in range(6)]
        if dice.random() < 0.5:
            path, body = "/api/v1/fetch", "".join(f"sha256:{self.catalog.names[number]}\n" for number in numbers)
        else:
            path, body = "/api/v1/catalog", "".join(line + "\n" for number in numbers for line in self.catalog.origins(number, self.victim.origin.port))
        status = self.victim.ask("POST", path, body.encode())
        if status != 202:
            self.check_changed(path, status, "")


WORKS = {"hit": 20, "range": 8, "head": 6, "small": 30, "large": 3, "unknown": 5, "leave": 2, "bad": 1, "look": 5, "pin": 1, "show": 3, "job": 0.7}


class Peer:
    """A connection that is kept open, and opened again when larder has closed it."""

    def __init__(self, load):
        self.load, self.address, self.connection = load, None, None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, **fields):
        address = self.load.victim.listens
        used = self.connection is not None and self.address == address
        if not used:
            self.close()
            self.address, self.connection = address, http.client.HTTPConnection(*address, timeout=PATIENCE)
        try:
            return self.exchange(method, path, fields)
        except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest):
            self.close()
            if not used:
                raise
        self.connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
        return self.exchange(method, path, fields)

    def exchange(self, method, path, fields):
        self.connection.request(method, path, headers=fields)
        answer = self.connection.getresponse()
        return answer, answer.read()


class Crawlers:
    """Connections that take for ever: idle ones, which larder closes, and readers that take a little now and then."""

    IDLE, SLOW, PIECE, TICK = 16, 6, 3000, 0.1

    def __init__(self, load, dice):
        self.load, self.dice = load, dice
        self.idle, self.slow = [], []

    def work(self):
        while not self.load.stopping.wait(self.TICK):
            try:
                self.refill()
            except OSError:
                self.load.count("crawler refused")
                if not self.load.mortal:
                    self.load.complain("a crawler could not connect")
            self.idle = [peer for peer in self.idle if not self.is_over(peer)]
            self.slow = [reader for reader in self.slow if self.read_on(reader)]
        for peer in self.idle + [reader[0] for reader in self.slow]:
            peer.close()

    def connect(self, *options):
        peer = socket.socket()
        for option in options:
            peer.setsockopt(socket.SOL_SOCKET, *option)
        peer.settimeout(PATIENCE)
        try:
            peer.connect(self.load.victim.listens)
        except OSError:
            peer.close()
            raise
        return peer

    def refill(self):
        """One of each kind at a time."""
        if len(self.idle) < self.IDLE:
            peer = self.connect()
            peer.sendall(self.dice.choice((b"", b"GET /sha2", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")))
            peer.setblocking(False)
            self.idle.append(peer)
        if len(self.slow) < self.SLOW:
            number = SMALL + self.dice.randrange(LARGE)
            peer = self.connect((socket.SO_RCVBUF, 4096))
            peer.sendall(f"GET {self.load.catalog.paths[number]['sha256']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            peer.setblocking(False)
            self.slow.append((peer, number, bytearray(), time.monotonic() + self.dice.uniform(2, 30)))

    def is_over(self, peer):
        """Whether larder has closed it."""
        try:
            while peer.recv(65536):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        peer.close()
        self.load.count("idle closed")
        return True

    def read_on(self, reader):
        peer, number, got, end = reader
        try:
            more = peer.recv(self.PIECE)
            got += more
            over = not more or time.monotonic() > end
        except BlockingIOError:
            over = time.monotonic() > end
        except OSError:
            over = True
        head, _, body = got.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        if head.startswith(b"HTTP/1.1 200") and length and len(body) >= int(length[1]):
            over = True
            self.load.count("slow reader read all")
            if body != self.load.catalog.body(number):
                self.load.complain(f"wrong bytes came complete, slowly, for sha256:{self.load.catalog.names[number]}")
        if over:
            peer.close()
            self.load.count("slow reader")
        return not over
