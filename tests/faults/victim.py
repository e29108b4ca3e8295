"""The larder that tests of faults do harm to: its directory, its commands, its clients, and an origin beside it."""
import hashlib
import http.client
import os
import re
import signal
import sqlite3
import subprocess
import threading

from oracle import Failure, Oracle
import serving
from serving import Control, address_in, archive_path, fetch_section, name_of, write_config

SIZES = (0, 1, 900, 4096, 7000, 20000, 90000)  # most are small, some are streamed
ENDS_WELL = (0, 1)
STOPPING = 503


class Origin(serving.Origin):
    """Runs, on files that any number of victims may share."""

    def __init__(self, work):
        super().__init__(work)
        self.start()


def read(path):
    return serving.read(path).strip()


def wait_for(found, seconds=60):
    return serving.wait_for(found, "larder", seconds)


class Victim:
    """oracle: what it acknowledged. trusted: False while what comes to a client need not stay."""

    def __init__(self, larder, work, store, origin, random):
        self.larder, self.work, self.store, self.origin, self.random = larder, work, store, origin, random
        self.oracle = Oracle()
        self.config = os.path.join(work, "larder.conf")
        self.complaint = None  # of a client: the first that must not be
        self.full_is_fine = False  # an upload may be refused for want of room
        self.given = 0
        write_config(self.config, store, fetch_section(origin.port, 'verify_before_send = "8KiB" negative_ttl = "0"'))

    # --- its processes ---

    def start(self, command, *args, env=None):
        out = open(os.path.join(self.work, "out"), "wb")
        err = open(os.path.join(self.work, "err"), "wb")
        with out, err:
            return subprocess.Popen([self.larder, command, "-c", self.config, *args], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                    env=None if env is None else os.environ | env)

    def said(self):
        return read(os.path.join(self.work, "out")) + "\n" + read(os.path.join(self.work, "err"))

    def run(self, command, *args, ends=(0,)):
        """Unharmed; what it printed."""
        done = subprocess.run([self.larder, command, "-c", self.config, *args], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode not in ends:
            raise Failure(f"larder {command} ended with {done.returncode}: {done.stdout} {done.stderr}")
        return done.stdout

    def serve(self, *args, env=None):
        """A daemon that listens, and its address; None where it ended before."""
        daemon = self.start("serve", *args, env=env)
        address = wait_for(lambda: self.address() or daemon.poll() is not None)
        return daemon, address if isinstance(address, str) else None

    def address(self):
        return address_in(self.said())

    def damage_index(self):
        """Where the archives are, and nobody closed it, or else it would be believed to be sound."""
        daemon, _ = self.serve()
        daemon.kill()
        daemon.wait()
        path = os.path.join(self.store, "index.db")
        database = sqlite3.connect(path)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,), (size,) = (database.execute(sql).fetchone() for sql in
                            ("SELECT rootpage FROM sqlite_schema WHERE name = 'archive'", "PRAGMA page_size"))
        database.close()
        with open(path, "r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)

    def stop(self, daemon):
        daemon.terminate()
        if daemon.wait(60) != 0:
            raise Failure(f"larder serve ended with {daemon.returncode}: {self.said()}")

    # --- what it is asked to do ---

    def make(self, directory, count):
        """New archives, as files in a directory that holds nothing else, or that of the origin."""
        os.makedirs(directory, exist_ok=True)
        if directory != self.origin.files:
            for name in os.listdir(directory):
                os.unlink(os.path.join(directory, name))
        made = {}
        for _ in range(count):
            body = self.random.randbytes(self.random.choice(SIZES) + 16)
            name = name_of(body)
            with open(os.path.join(directory, name), "wb") as file:
                file.write(body)
            made[name] = body
        return made

    def write_list(self, made):
        path = os.path.join(self.work, "origins.list")
        with open(path, "w", encoding="utf-8") as file:
            for name, body in made.items():
                file.write(f"http://127.0.0.1:{self.origin.port}/ok/{name} sha256={name} md5={hashlib.md5(body).hexdigest()}\n")
        return path

    def learn(self, made):
        self.run("import", self.write_list(made))
        self.oracle.learned.update(made)

    def acknowledge_printed(self, made):
        """Whole lines that say stored, or removed."""
        for line in read(os.path.join(self.work, "out")).split("\n"):
            found = re.match(r"(stored|removed) .*sha256:([0-9a-f]{64})\b", line)
            if found and found.group(2) in made:
                if found.group(1) == "removed":
                    self.oracle.was_removed(found.group(2))
                else:
                    self.oracle.was_stored({found.group(2): made[found.group(2)]})

    # --- its clients ---

    def get(self, address, name, made):
        """Asks for one archive; whatever comes complete must be right, and counts as acknowledged."""
        try:
            peer = http.client.HTTPConnection(address, timeout=20)
            peer.request("GET", archive_path(name))
            answer = peer.getresponse()
            body = answer.read()
            peer.close()
        except (OSError, http.client.HTTPException):
            return None
        if answer.status == 200:
            if name_of(body) != name:
                self.complaint = f"a client got wrong bytes for sha256:{name}"
            self.oracle.was_stored({name: made[name]})
        return answer.headers.get("Larder-Reason", answer.status)

    def ask(self, method, path, body=None):
        """Through the control socket; the status, or None."""
        try:
            peer = Control(os.path.join(self.store, "control.sock"))
            peer.request(method, path, body)
            answer = peer.getresponse()
            answer.read()
            peer.close()
        except (OSError, http.client.HTTPException):
            return None
        return answer.status

    def put(self, method, name, made):
        """Gives one archive; what is answered with 200 or 201 is acknowledged."""
        path = archive_path(name) if method == "PUT" else "/api/v1/archives"
        status = self.ask(method, path, made[name])
        if status in (200, 201):
            self.oracle.was_stored({name: made[name]})
            self.given += 1
        elif status not in (None, STOPPING) and not (status == 507 and self.full_is_fine):
            self.complaint = f"{method} of sha256:{name} was answered with {status}"

    def delete(self, name):
        """Removes one archive, which nobody gives at the same time; one who died may have removed it already."""
        status = self.ask("DELETE", archive_path(name))
        if status == 200:
            self.oracle.was_removed(name)
        elif status not in (None, STOPPING, 404):
            self.complaint = f"DELETE of sha256:{name} was answered with {status}"

    def clients(self, address, works, at_once=6):
        """Threads that do these things, each given the address; started."""
        self.random.shuffle(works)
        threads = [threading.Thread(target=lambda part: [work(address) for work in part], args=(works[number::at_once],))
                   for number in range(at_once)]
        for thread in threads:
            thread.start()
        return threads

    # --- the judgement ---

    def check_complaint(self):
        if self.complaint:
            raise Failure(self.complaint)

    def check_served(self):
        """verify finds nothing wrong; everything acknowledged is served without an origin, nothing that was removed is."""
        self.run("verify")
        daemon, address = self.serve("-o", "fetch.allow_private={}")
        if address is None:
            raise Failure(f"larder serve does not start: {self.said()}")
        try:
            for name in list(self.oracle.stored):
                if self.get(address, name, self.oracle.stored) != 200:
                    raise Failure(f"acknowledged, and not served: sha256:{name}")
            for name in self.random.sample(sorted(self.oracle.removed), min(10, len(self.oracle.removed))):
                reason = self.get(address, name, {})
                if reason != "removed":
                    raise Failure(f"acknowledged as removed, and answered with {reason}: sha256:{name}")
        finally:
            if daemon.poll() is None:
                self.stop(daemon)
        self.check_complaint()

    def check_learned(self):
        for name in self.random.sample(sorted(self.oracle.learned), min(5, len(self.oracle.learned))):
            if f"/ok/{name}" not in self.run("show", "sha256:" + name, ends=ENDS_WELL):
                raise Failure(f"learned, and forgotten: sha256:{name}")


SIGNALS = (signal.SIGKILL,) * 8 + (signal.SIGTERM, signal.SIGINT)
