#!/usr/bin/env python3
"""kill_loop.py LARDER ROUNDS SEED: kills larder at random moments of add, fetch, import, serve and uploads, and compares the store with
what was acknowledged: every archive printed as stored, sent complete to a client or answered with 200 or 201, every import that ended well.

The list of what was acknowledged lives here, outside the store. Checked after every round: each acknowledged blob is on disk with its own
digest. Checked after every tenth and at the end: larder verify finds nothing wrong, and a daemon serves all of it.
"""
import hashlib
import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 24  # archives a round


class Failure(Exception):
    pass


class Control(http.client.HTTPConnection):
    """Through the control socket, which needs no token."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self.path)
        except OSError:
            self.sock.close()
            raise


class Loop:
    def __init__(self, larder, seed, work):
        self.larder, self.random, self.work = larder, random.Random(seed), work
        self.acknowledged = {}  # sha256 → bytes
        self.learned = set()    # sha256 of catalog entries whose import ended well
        self.given = 0          # uploads that were acknowledged
        self.kills = dict.fromkeys(("add", "fetch", "import", "serve", "upload"), 0)
        self.config = os.path.join(work, "larder.conf")
        self.files = os.path.join(work, "origin", "files")
        os.makedirs(self.files)
        self.origin = subprocess.Popen([sys.executable, os.path.join(HERE, "..", "support", "origin.py"),
                                        os.path.join(work, "origin")])
        self.port = self.wait_for(lambda: self.read("origin/port"))
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'store = "{work}/store"\nlisten = {{"127.0.0.1:0"}}\nworkers = 2\ndefault_mirrors = no\n'
                       'space { min_free = "1MiB" }\nfetch { allow_private = {"127.0.0.0/8"} '
                       f'allow_ports = {{{self.port}}} verify_before_send = "8KiB" negative_ttl = "0" }}\n')

    def read(self, name):
        try:
            with open(os.path.join(self.work, name), encoding="utf-8", errors="replace") as file:
                return file.read().strip()
        except OSError:
            return ""

    @staticmethod
    def wait_for(found, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = found()
            if value:
                return value
            time.sleep(0.002)
        raise Failure("waited in vain")

    def start(self, command, *args):
        out = open(os.path.join(self.work, "out"), "wb")
        err = open(os.path.join(self.work, "err"), "wb")
        with out, err:
            return subprocess.Popen([self.larder, command, "-c", self.config, *args], stdout=out, stderr=err)

    def kill_at_random(self, process, name, longest):
        """True: it was killed. False: it had ended by itself, and well."""
        try:
            process.wait(self.random.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
        if process.wait() == -signal.SIGKILL:
            self.kills[name] += 1
            return True
        if process.returncode not in (0, 1):
            raise Failure(f"larder {name} ended with {process.returncode}: {self.read('err')}")
        return False

    def batch(self, directory):
        """New archives: most are small, some are streamed."""
        os.makedirs(directory, exist_ok=True)
        made = {}
        for _ in range(BATCH):
            body = self.random.randbytes(self.random.choice((0, 1, 900, 4096, 7000, 20000, 90000)) + 16)
            name = hashlib.sha256(body).hexdigest()
            with open(os.path.join(directory, name), "wb") as file:
                file.write(body)
            made[name] = body
        return made

    def acknowledge_printed(self, made):
        """Lines that say stored, and are whole."""
        for line in self.read("out").split("\n"):
            if "stored" in line:
                for name in re.findall(r"sha256:([0-9a-f]{64})", line):
                    if name in made:
                        self.acknowledged[name] = made[name]

    def write_list(self, made):
        path = os.path.join(self.work, "origins.list")
        with open(path, "w", encoding="utf-8") as file:
            for name in made:
                file.write(f"http://127.0.0.1:{self.port}/ok/{name} sha256={name} md5={hashlib.md5(made[name]).hexdigest()}\n")
        return path

    def learn(self, made):
        done = subprocess.run([self.larder, "import", "-c", self.config, self.write_list(made)], capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure(f"larder import: {done.stderr.decode()}")
        self.learned.update(made)

    def round_add(self):
        directory = os.path.join(self.work, "adding")
        shutil.rmtree(directory, ignore_errors=True)
        made = self.batch(directory)
        if not self.kill_at_random(self.start("add", directory), "add", 0.05):
            self.acknowledged.update(made)
        self.acknowledge_printed(made)

    def round_fetch(self):
        made = self.batch(self.files)
        self.learn(made)
        if not self.kill_at_random(self.start("fetch", *("sha256:" + name for name in made)), "fetch", 0.06):
            self.acknowledged.update(made)
        self.acknowledge_printed(made)

    def round_import(self):
        made = self.batch(self.files)
        if not self.kill_at_random(self.start("import", self.write_list(made)), "import", 0.015):
            self.learned.update(made)

    def address(self):
        found = re.search(r"listening on http://([0-9.:]+)", self.read("out") + self.read("err"))
        return found and found.group(1)

    def get(self, address, name, made):
        """Asks for one archive; whatever comes complete must be right, and counts as acknowledged."""
        try:
            peer = http.client.HTTPConnection(address, timeout=20)
            peer.request("GET", f"/sha256/{name[:2]}/{name}")
            answer = peer.getresponse()
            body = answer.read()
            peer.close()
        except (OSError, http.client.HTTPException):
            return None
        if answer.status == 200:
            if hashlib.sha256(body).hexdigest() != name:
                self.wrong = name
            self.acknowledged[name] = made[name]
        return answer.status

    def put(self, method, name, made):
        """Gives one archive; what is answered with 200 or 201 is acknowledged."""
        path = f"/sha256/{name[:2]}/{name}" if method == "PUT" else "/api/v1/archives"
        try:
            peer = Control(os.path.join(self.work, "store", "control.sock"))
            peer.request(method, path, made[name])
            answer = peer.getresponse()
            answer.read()
            peer.close()
        except (OSError, http.client.HTTPException):
            return None
        if answer.status not in (200, 201):
            self.refused = f"{method} of sha256:{name}: {answer.status}"
        else:
            self.acknowledged[name] = made[name]
            self.given += 1
        return answer.status

    def serve_until_killed(self, name, longest, works):
        """works: what clients do, given the daemon's address; six at once."""
        daemon = self.start("serve")
        address = self.wait_for(lambda: daemon.poll() is not None or self.address())
        if daemon.poll() is not None:
            raise Failure(f"larder serve does not start: {self.read('err')}")
        self.random.shuffle(works)
        clients = [threading.Thread(target=lambda part: [work(address) for work in part], args=(works[number::6],))
                   for number in range(6)]
        for client in clients:
            client.start()
        self.kill_at_random(daemon, name, longest)
        for client in clients:
            client.join()

    def round_serve(self):
        made = self.batch(self.files)
        self.learn(made)
        old = self.random.sample(sorted(self.acknowledged), min(8, len(self.acknowledged)))
        known = made | {name: self.acknowledged[name] for name in old}
        self.serve_until_killed("serve", 0.12, [lambda address, name=name: self.get(address, name, known)
                                                for name in [*known, *made]])

    def round_upload(self):
        """Every archive is given twice; half of them are also asked for, and an origin has those."""
        directory = os.path.join(self.work, "giving")
        shutil.rmtree(directory, ignore_errors=True)
        given, both = self.batch(directory), self.batch(self.files)
        self.learn(both)
        known = given | both
        works = [lambda address, name=name: self.get(address, name, both) for name in both]
        for method in ("PUT", "POST"):
            works += [lambda address, name=name, method=method: self.put(method, name, known) for name in known]
        self.serve_until_killed("upload", 0.12, works)

    wrong = refused = None

    def check_blobs(self):
        if self.wrong:
            raise Failure(f"a client got wrong bytes for sha256:{self.wrong}")
        if self.refused:
            raise Failure(f"an upload was refused: {self.refused}")
        for name in self.acknowledged:
            path = os.path.join(self.work, "store", "blobs", "sha256", name[:2], name)
            try:
                with open(path, "rb") as file:
                    right = hashlib.sha256(file.read()).hexdigest() == name
            except OSError as error:
                raise Failure(f"acknowledged, and lost: {error}") from error
            if not right:
                raise Failure(f"acknowledged, and not what its name says: {path}")

    def check_all(self):
        done = subprocess.run([self.larder, "verify", "-c", self.config], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"larder verify ended with {done.returncode}: {done.stdout} {done.stderr}")
        daemon = self.start("serve", "-o", "fetch.allow_private={}")
        address = self.wait_for(lambda: daemon.poll() is not None or self.address())
        try:
            for name in self.acknowledged:
                if self.get(address, name, self.acknowledged) != 200:
                    raise Failure(f"acknowledged, and not served: sha256:{name}")
        finally:
            daemon.terminate()
        if daemon.wait() != 0:
            raise Failure(f"larder serve ended with {daemon.returncode}: {self.read('err')}")
        for name in self.random.sample(sorted(self.learned), min(20, len(self.learned))):
            done = subprocess.run([self.larder, "show", "-c", self.config, "sha256:" + name], capture_output=True, text=True, check=False)
            if f"/ok/{name}" not in done.stdout:
                raise Failure(f"learned, and forgotten: sha256:{name}: {done.stdout} {done.stderr}")

    def run(self, rounds):
        kinds = (self.round_add, self.round_fetch, self.round_import, self.round_serve, self.round_upload)
        for number in range(rounds):
            kinds[number % len(kinds)]()
            if os.path.isdir(os.path.join(self.work, "store")):
                self.check_blobs()
            if number % 10 == 9 or number == rounds - 1:
                self.check_all()
        if rounds >= len(kinds) and self.given == 0:
            raise Failure("no upload was acknowledged before the daemon was killed: nothing is shown about uploads")
        print(f"# killed in {self.kills}; {self.given} uploads, {len(self.acknowledged)} archives and {len(self.learned)} entries "
              "acknowledged, none lost")


def main():
    larder, rounds, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    work = tempfile.mkdtemp(prefix="larder-kill.")
    loop = Loop(larder, seed, work)
    try:
        loop.run(rounds)
    except Failure as failure:
        print(f"# {failure}; the store is kept in {work}")
        sys.exit(1)
    finally:
        loop.origin.kill()
    shutil.rmtree(work)


main()
