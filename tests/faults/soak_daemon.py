"""The daemons of soak.py, each on a small disk of its own, and how often what happens to them."""
import contextlib
import http.client
import os
import re
import signal
import sqlite3
import subprocess
import time

from oracle import Failure, blob_path
from soak_measure import QUARTERED
from victim import Victim, read

DISK = "80m"
HOT_FILES = 64
NOBODY = ("127.0.0.1", 9)  # listens there
CONFIG = """store = "{store}"
listen = {{"127.0.0.1:0"}}
workers = 2
default_mirrors = no
{mirror}
catalog "soak" {{ source = "{list}" refresh = "{refresh}s" }}
fetch {{ allow_private = {{"127.0.0.0/8"}} allow_ports = {{{port}}} connect_timeout = "2s" first_byte_timeout = "2s" overtake_after = "500ms"
    min_rate_over = "2s" miss_deadline = "5s" verify_before_send = "128KiB" max_archive = "4MiB" negative_ttl = "5s" }}
limits {{ header_timeout = "3s" idle_timeout = "4s" min_rate = "{min_rate}" }}
space {{ min_free = "2MiB" max_size = "{max_size}" scrub_interval = "{scrub}s" }}
watch {{ interval = "{patrol}s" per_host_interval = "500ms" max_drift_bytes = "2MiB" }}
hot {{ memory = "2MiB" files = {hot_files} }}
log {{ access = no }}
"""

EVENTS_KEPT = 100000
EVENTS = """WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO event (at, kind, subject, who, came_from, result, detail, level, data)
SELECT 1700000000000 + n, 'upload', 'sha256:' || lower(hex(randomblob(32))), 'somebody', '127.0.0.1', 'stored', '', 'audit', '' FROM number"""


class Pace:
    """How often what happens, in seconds."""

    def __init__(self, seconds):
        self.seconds, self.is_long = seconds, seconds >= QUARTERED
        self.rate = 22 if self.is_long else 50          # requests a second, of each daemon
        self.changes = 4 if self.is_long else 12        # of 90 requests, about; each adds an event to the index
        self.kill = 25 if self.is_long else 1.5
        self.reload = 45 if self.is_long else 3
        self.rot = 60 if self.is_long else 2
        self.weather = 50 if self.is_long else seconds / 8
        self.away = 6 if self.is_long else 1
        self.tell = 60 if self.is_long else 5
        self.sample = 5 if self.is_long else 1
        self.given = 120 if self.is_long else 30        # archives given and not removed again, about
        self.full_from, self.full_to = 0.55 * seconds, 0.55 * seconds + max(seconds / 12, 2.5)


class Soaked(Victim):
    """listens: where, as long as it does."""

    def __init__(self, larder, work, origin, dice, pace, mortal):
        os.makedirs(os.path.join(work, "disk"))
        self.mortal, self.pace, self.reloads = mortal, pace, 0
        self.disk = os.path.join(work, "disk")
        subprocess.run(("mount", "-t", "tmpfs", "-o", f"mode=700,size={DISK}", "tmpfs", self.disk), check=True)
        super().__init__(larder, work, os.path.join(self.disk, "store"), origin, dice)
        self.daemon = None
        self.listens = NOBODY
        self.errors = {}
        self.configure()

    def configure(self, mirror=True):
        mirror = f'mirror "nowhere" {{ url = "http://127.4.0.1:{self.origin.port}/status=404/{{hash}}" digests = {{"sha256"}} }}' if mirror else ""
        with open(self.config + ".new", "w", encoding="utf-8") as file:
            file.write(CONFIG.format(store=self.store, port=self.origin.port, list=os.path.join(self.origin.base, "list"), hot_files=HOT_FILES,
                                     mirror=mirror, max_size="26MiB" if self.pace.is_long else "10MiB",
                                     refresh=60 if self.pace.is_long else 3, scrub=300 if self.pace.is_long else 3,
                                     patrol=300 if self.pace.is_long else 60, min_rate=("1KiB", "2KiB")[self.reloads % 2]))
        os.rename(self.config + ".new", self.config)

    def age(self):
        """As one that has run for long: it has all the events that it keeps, so that its index, of which readers keep pages, has come to its size."""
        self.run("import", os.path.join(self.origin.base, "list"))
        with contextlib.closing(sqlite3.connect(os.path.join(self.store, "index.db"))) as index, index:
            index.execute(EVENTS, (EVENTS_KEPT,))

    def begin(self, may_wait=lambda: False):
        """may_wait: whether it may want room first, in which case it is started again until it has it."""
        self.listens = NOBODY
        self.daemon, address = self.serve()
        while address is None and re.search("No space left|disk is full", self.said()) and may_wait():
            time.sleep(0.5)
            self.daemon, address = self.serve()
        if address is None:
            raise Failure(f"larder serve does not start: {self.said()[-2000:]}")
        host, _, port = address.rpartition(":")
        self.listens = (host, int(port))

    def reload(self):
        self.reloads += 1
        self.configure()
        self.daemon.send_signal(signal.SIGHUP)

    def note_errors(self):
        """How often it logged what as an error, numbers and names apart."""
        for line in read(os.path.join(self.work, "err")).split("\n"):
            if " error " in line[:40]:
                what = re.sub(r"[0-9a-f]{8,}|[0-9]+", "N", line[25:])[:120]
                self.errors[what] = self.errors.get(what, 0) + 1

    def fill(self):
        """Not a byte is left."""
        with open(os.path.join(self.disk, "filler"), "ab", buffering=0) as filler:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError:
                    pass

    def empty(self):
        os.unlink(os.path.join(self.disk, "filler"))

    def status_of(self, path):
        try:
            peer = http.client.HTTPConnection(*self.listens, timeout=10)
            peer.request("GET", path)
            status = peer.getresponse().status
            peer.close()
            return status
        except (OSError, http.client.HTTPException):
            return None

    def metric(self, name):
        peer = http.client.HTTPConnection(*self.listens, timeout=30)
        peer.request("GET", "/metrics")
        found = re.findall(rf"^larder_{name}(?:{{.*}})? (\d+)$", peer.getresponse().read().decode(), re.M)
        peer.close()
        return sum(map(int, found))

    def damage(self, catalog):
        """A bit of a stored archive of the catalog. False: none of those that may be is stored."""
        for number in self.random.sample(catalog.damageable(), len(catalog.damageable())):
            path = blob_path(self.store, catalog.names[number])
            with catalog.locks[number]:
                try:
                    os.chmod(path, 0o600)
                    with open(path, "r+b") as file:
                        byte = file.read(1)[0]
                        file.seek(0)
                        file.write(bytes([byte ^ 1]))
                    return True
                except FileNotFoundError:
                    pass
        return False


def descriptors(pid):
    """How many of each kind a process has open."""
    kinds = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            name = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue
        kind = ("blobs" if "/blobs/sha256/" in name else "index" if "/index.db" in name else
                "sockets" if name.startswith("socket:") else "others")
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


def exceeding(kinds, most):
    return {kind: count for kind, count in kinds.items() if count > most.get(kind, 0)}
