#!/usr/bin/env python3
"""index_rot.py LARDER FLIPS SEED [PAGES]: damages the index of a store whose archives are all right, starts a daemon on it, and asks for everything.

A third of all pages once (with PAGES every page in each way): zeroed, overwritten, cut off from there on, or put in the place of another; FLIPS
single bits, of those that stand in bytes that are not zero, or "all" of them; and values of rows that SQLite has no reason to doubt. After each:
nobody gets wrong bytes or digests, nothing ends by a signal, no archive leaves the store, and after larder verify all are served under all their
digests. TAP.
"""
import base64
import hashlib
import http.client
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from serving import Failure, address_in, make_directory, name_of, read, wait_for, write_config  # noqa: E402

PAGE = 4096
ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
COMPANIONS = ("index.db", "index.db-wal", "index.db-shm")


class Rot:
    def __init__(self, larder, seed, work):
        self.larder, self.random, self.work = larder, random.Random(seed), work
        self.store = os.path.join(work, "store")
        self.config = os.path.join(work, "larder.conf")
        self.counts = {}
        self.failures = []
        write_config(self.config, self.store, 'log { access = no }\nfetch { negative_ttl = "0" }', workers=1, space='scrub_interval = "0"')
        self.bodies = [self.random.randbytes(size) for size in (0, 1, 900, 5000, 30000, 100000)]
        self.make_store()
        with open(self.path("index.db"), "rb") as file:
            self.index = file.read()

    def path(self, name):
        return os.path.join(self.store, name)

    def run(self, command, *arguments, check=True):
        done = subprocess.run([self.larder, command, "-c", self.config, *arguments], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode < 0 or (check and done.returncode != 0):
            raise Failure(f"larder {command} ended with {done.returncode}: {done.stdout} {done.stderr}")
        return done

    def make_store(self):
        """Archives, and something of all that people decide."""
        directory = os.path.join(self.work, "archives")
        os.makedirs(directory)
        names = []
        for body in self.bodies:
            names.append(name_of(body))
            with open(os.path.join(directory, names[-1]), "wb") as file:
                file.write(body)
        with open(os.path.join(self.work, "list"), "w", encoding="utf-8") as file:
            for name in names:
                file.write(f"http://127.0.0.1/{name} sha256={name} package{name[:4]}.1\n")
        self.run("import", os.path.join(self.work, "list"))
        self.run("add", directory)
        self.run("pin", "sha256:" + names[3])
        self.run("token", "add", "laptop", "--may", "upload")

    def put_back(self, index):
        for name in os.listdir(self.store):
            if name.startswith("index.db"):
                os.remove(self.path(name))
        with open(self.path("index.db"), "wb") as file:
            file.write(index)

    def start(self):
        out = open(os.path.join(self.work, "out"), "wb")
        err = open(os.path.join(self.work, "err"), "ab")
        with out, err:
            daemon = subprocess.Popen([self.larder, "serve", "-c", self.config], stdout=out, stderr=err)
        wait_for(lambda: daemon.poll() is not None or self.address(), "larder to listen", 60)
        if daemon.poll() is not None:
            raise Failure(f"larder serve does not start: {daemon.returncode}")
        return daemon, self.address()

    def read(self, name):
        return read(os.path.join(self.work, name))

    def address(self):
        return address_in(self.read("out"))

    @staticmethod
    def judge(answer, got, body, asked):
        if got != body:
            raise Failure(f"wrong bytes for {asked}")
        if answer.headers["ETag"] != f'"sha256:{name_of(body)}"':
            raise Failure(f"a wrong ETag for {asked}: {answer.headers['ETag']}")
        for algorithm, value in re.findall(r"(sha-256|sha-512)=:([^:]*):", answer.headers.get("Repr-Digest", "")):
            if base64.b64decode(value) != hashlib.new(algorithm.replace("-", ""), body).digest():
                raise Failure(f"a wrong Repr-Digest for {asked}: {algorithm}")

    def ask_all(self, address):
        """How many were not served."""
        peer = http.client.HTTPConnection(address, timeout=30)
        missing = []
        for body in self.bodies:
            for algorithm in ALGORITHMS:
                asked = f"/{algorithm}/{hashlib.new(algorithm, body).hexdigest()}"
                try:
                    peer.request("GET", asked)
                    answer = peer.getresponse()
                    got = answer.read()
                except (OSError, http.client.HTTPException):
                    peer.close()
                    missing.append(asked)
                    continue
                if answer.status == 200:
                    self.judge(answer, got, body, asked)
                elif answer.status in (404, 503):
                    missing.append(asked)
                else:
                    raise Failure(f"{answer.status} for {asked}")
        peer.close()
        return missing

    def serve_and_ask(self, wait_seconds=0):
        """What is not served. An index that is made anew is filled meanwhile, which one may wait for."""
        daemon, address = self.start()
        end = time.monotonic() + wait_seconds
        try:
            missing = self.ask_all(address)
            while missing and time.monotonic() < end:
                time.sleep(0.02)
                missing = self.ask_all(address)
        finally:
            daemon.terminate()
            status = daemon.wait()
        if status != 0:
            raise Failure(f"larder serve ended with {status}")
        return missing

    def check_files(self):
        if os.listdir(self.path("quarantine")):
            raise Failure("an archive that was right is in quarantine")
        for body in self.bodies:
            name = name_of(body)
            with open(self.path(f"blobs/sha256/{name[:2]}/{name}"), "rb") as file:
                if file.read() != body:
                    raise Failure(f"{name} is not what it was")

    def check(self, what, index):
        self.put_back(index)
        open(os.path.join(self.work, "err"), "wb").close()
        try:
            outcome = self.find_outcome()
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            outcome = "failed"
            self.failures.append(f"{what}: {failure}\n{self.read('err')[-1000:]}")
            self.put_archives_back()
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def find_outcome(self):
        missing = self.serve_and_ask()
        verified = self.run("verify", check=False)
        if verified.returncode not in (0, 1):
            verified = self.run("verify", check=False)  # it has made the damaged index anew
        if verified.returncode not in (0, 1):
            raise Failure(f"larder verify ended with {verified.returncode}: {verified.stderr}")
        self.check_files()
        left = self.serve_and_ask(wait_seconds=20)
        if left:
            raise Failure(f"not served after larder verify: {left}; before: {missing}; verify: {verified.stdout} {verified.stderr}")
        if any(name.startswith("index.db.damaged") for name in os.listdir(self.store)):
            return "made anew"
        return "mended by verify" if missing else "not felt"

    def put_archives_back(self):
        shutil.rmtree(self.path("quarantine"))
        os.mkdir(self.path("quarantine"), 0o700)
        for body in self.bodies:
            name = name_of(body)
            path = self.path(f"blobs/sha256/{name[:2]}/{name}")
            if not os.path.exists(path):
                with open(path, "wb") as file:
                    file.write(body)

    # --- damage ---

    def damage_page(self, page, way):
        index, at = self.index, page * PAGE
        if way == "zeroed":
            return index[:at] + bytes(PAGE) + index[at + PAGE:]
        if way == "overwritten":
            return index[:at] + self.random.randbytes(PAGE) + index[at + PAGE:]
        if way == "cut off":
            return index[:at]
        other = self.random.randrange(1, len(index) // PAGE) * PAGE
        return index[:at] + index[other:other + PAGE] + index[at + PAGE:]

    def check_pages(self, every_way):
        ways = ("zeroed", "overwritten", "cut off", "replaced")
        first = self.random.randrange(len(ways))
        pages = range(len(self.index) // PAGE)
        if not every_way:
            pages = sorted(self.random.sample(pages, len(pages) // 3))
        for page in pages:
            for way in ways if every_way else (ways[(page + first) % len(ways)],):
                self.check(f"page {page} {way}", self.damage_page(page, way))

    def check_bits(self, flips):
        bits = [at * 8 + bit for at, byte in enumerate(self.index) if byte != 0 for bit in range(8)]
        chosen = bits if flips == "all" else self.random.sample(bits, int(flips))
        for bit in chosen:
            index = bytearray(self.index)
            index[bit // 8] ^= 1 << bit % 8
            self.check(f"bit {bit % 8} of byte {bit // 8} (page {bit // 8 // PAGE})", bytes(index))
        return len(chosen)


    def check_rows(self):
        changes = ("size = size + 1", "size = 0", "size = 1 << 60", "md5 = x'00112233445566778899aabbccddeeff'",
                   "sha1 = x'00112233445566778899aabbccddeeff00112233'", "sha512 = CAST(substr(sha512, 1, 63) || x'00' AS BLOB)",
                   "inode = inode + 1, change_ns = 0")
        for change in changes:
            self.put_back(self.index)
            index = sqlite3.connect(self.path("index.db"))
            index.execute("UPDATE archive SET " + change + " WHERE id = 3")
            index.commit()
            index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            index.close()
            with open(self.path("index.db"), "rb") as file:
                self.check(change, file.read())


def report(rot, number, what):
    good = not rot.failures
    print(f"{'ok' if good else 'not ok'} {number} - {what}: {rot.counts}", flush=True)
    for failure in rot.failures[:10]:
        print("\n".join("# " + line for line in failure.split("\n")), flush=True)
    rot.counts, rot.failures = {}, []
    return good


def main():
    larder, flips, seed = sys.argv[1:4]
    work = make_directory("index-rot")
    try:
        rot = Rot(larder, seed, work)
        rot.check_pages(sys.argv[4:] == ["PAGES"])
        good = report(rot, 1, f"{'each' if sys.argv[4:] else 'some'} of {len(rot.index) // PAGE} pages of the index damaged (seed {seed})")
        count = rot.check_bits(flips)
        good = report(rot, 2, f"{count} single bits of the index turned (seed {seed})") and good
        rot.check_rows()
        good = report(rot, 3, "values of rows changed") and good
        print("1..3")
    finally:
        shutil.rmtree(work)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
