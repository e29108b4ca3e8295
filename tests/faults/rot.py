#!/usr/bin/env python3
"""rot.py LARDER ARCHIVES SEED: a tenth of all stored archives is damaged in six ways while readers ask for everything; TAP.

Bits are flipped, pages zeroed, files cut, lengthened, deleted and put in the place of each other; of what is written in place the modification time is put
back. What the readers get complete is right, always: whole, in part, its length. All that was damaged is quarantined and fetched again from an
origin, and nothing else is. What changed below the filesystem, so that nothing of the file tells of it, is found by the scrub.
"""
import hashlib
import http.client
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from serving import Failure, Origin, address_in, fetch_section, make_directory, name_of, read, wait_for, write_config  # noqa: E402

READERS = 6
ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
SIZES = (900, 4096, 12000, 12000, 20000, 70000, 300000)
LARGE = 1500000  # more than is read before it is sent


class Rot:
    def __init__(self, larder, count, seed, work):
        self.larder, self.random, self.work = larder, random.Random(seed), work
        self.store = os.path.join(work, "store")
        self.config = os.path.join(work, "larder.conf")
        self.origin = Origin(work)
        self.origin.start()
        self.bodies, self.locks = {}, {}
        for number in range(count):
            size = LARGE if number % 100 == 7 else self.random.choice(SIZES) + self.random.randrange(800)
            body = self.random.randbytes(size)
            self.bodies[name_of(body)] = body
        self.names = sorted(self.bodies)
        self.locks = {name: threading.Lock() for name in self.names}
        self.daemon, self.stopping, self.failure = None, False, None
        self.answers = {"200": 0, "206": 0, "HEAD": 0, "cut short": 0, "404": 0}

    def read(self, name):
        return read(os.path.join(self.work, name))

    def configure(self, scrub_interval):
        write_config(self.config, self.store, "log { access = no }", fetch_section(self.origin.port, 'negative_ttl = "0"'),
                     space=f'scrub_interval = "{scrub_interval}"')

    def run(self, command, *arguments):
        done = subprocess.run([self.larder, command, "-c", self.config, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"larder {command} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}")

    def fill(self):
        self.configure("0")
        with open(os.path.join(self.work, "list"), "w", encoding="utf-8") as origins:
            for name, body in self.bodies.items():
                with open(os.path.join(self.origin.files, name), "wb") as file:
                    file.write(body)
                origins.write(f"http://127.0.0.1:{self.origin.port}/ok/{name} sha256={name} md5={hashlib.md5(body).hexdigest()}\n")
        self.run("import", os.path.join(self.work, "list"))
        self.run("add", "-q", self.origin.files)

    def address(self):
        return address_in(self.read("out"))

    def start(self):
        with open(os.path.join(self.work, "out"), "wb") as out, open(os.path.join(self.work, "err"), "ab") as err:
            self.daemon = subprocess.Popen([self.larder, "serve", "-c", self.config], stdout=out, stderr=err)
        wait_for(lambda: self.daemon.poll() is not None or self.address(), "larder to listen", 60)

    def stop(self):
        self.daemon.terminate()
        if self.daemon.wait(60) != 0:
            raise Failure(f"larder serve ended with {self.daemon.returncode}: {self.read('err')[-2000:]}")
        self.daemon = None

    def path(self, name):
        return os.path.join(self.store, "blobs", "sha256", name[:2], name)

    # --- readers ---

    def ask(self, peer, name, dice):
        """One request for this archive, of any kind."""
        body = self.bodies[name]
        algorithm = dice.choice(ALGORITHMS)
        path = f"/{algorithm}/{hashlib.new(algorithm, body).hexdigest()}"
        kind, first = dice.choice(("GET", "GET", "Range", "HEAD")), dice.randrange(len(body))
        fields = {"Range": f"bytes={first}-"} if kind == "Range" else {}
        peer.request("HEAD" if kind == "HEAD" else "GET", path, headers=fields)
        answer = peer.getresponse()
        got = answer.read()
        if answer.status == 404:
            self.answers["404"] += 1
            return
        if answer.status not in (200, 206):
            raise Failure(f"{answer.status} for {name}")
        if kind == "HEAD":
            self.answers["HEAD"] += 1
            if int(answer.headers["Content-Length"]) != len(body):
                raise Failure(f"HEAD of {name} tells of {answer.headers['Content-Length']} bytes, not of {len(body)}")
            return
        self.answers[str(answer.status)] += 1
        if got != (body[first:] if answer.status == 206 else body):
            raise Failure(f"wrong bytes came complete: {kind} of {name}, {len(got)} bytes")

    def reader(self, seed):
        dice = random.Random(seed)
        peer = http.client.HTTPConnection(self.address(), timeout=60)
        while not self.stopping:
            # Half of all asking is for a few, whose answers are kept ready.
            name = dice.choice(self.names if dice.random() < 0.5 else self.names[:40])
            try:
                with self.locks[name]:
                    self.ask(peer, name, dice)
            except (OSError, http.client.HTTPException):
                self.answers["cut short"] += 1
                peer.close()
            except Failure as failure:
                self.failure = failure
                return

    # --- damage ---

    def write_in_place(self, path, change):
        facts = os.stat(path)
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            change(file, facts.st_size)
        os.chmod(path, 0o400)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    def flip(self, path, other):
        def change(file, size):
            at = self.random.randrange(size)
            file.seek(at)
            byte = file.read(1)[0] ^ 1 << self.random.randrange(8)
            file.seek(at)
            file.write(bytes([byte]))
        self.write_in_place(path, change)

    def zero_page(self, path, other):
        def change(file, size):
            file.seek(self.random.randrange(size) // 4096 * 4096)
            file.write(bytes(min(4096, size - file.tell())))
        self.write_in_place(path, change)

    def cut(self, path, other):
        self.write_in_place(path, lambda file, size: file.truncate(self.random.randrange(size)))

    def lengthen(self, path, other):
        self.write_in_place(path, lambda file, size: (file.seek(size), file.write(b"\0")))

    def delete(self, path, other):
        os.remove(path)

    def swap(self, path, other):
        """Both, each in the place of the other."""
        os.rename(path, path + ".aside")
        os.rename(other, path)
        os.rename(path + ".aside", other)

    def damage(self, chosen):
        """The files that are there and wrong afterwards."""
        ways = (self.flip, self.zero_page, self.cut, self.lengthen, self.delete)
        present, swapped = set(chosen), chosen[:len(chosen) // 6]
        swapped = swapped[:len(swapped) // 2 * 2]
        for one, other in zip(swapped[::2], swapped[1::2]):
            with self.locks[one], self.locks[other]:
                self.swap(self.path(one), self.path(other))
        for number, name in enumerate(chosen[len(swapped):]):
            way = ways[number % len(ways)]
            with self.locks[name]:
                try:
                    way(self.path(name), None)
                except FileNotFoundError:
                    raise Failure(f"{name} is gone before it was damaged") from None
            if way == self.delete:
                present.discard(name)
        return present

    def is_right(self, name):
        try:
            with open(self.path(name), "rb") as file:
                return file.read() == self.bodies[name]
        except OSError:
            return False

    def all_are_right(self, names):
        if self.failure is not None:
            raise self.failure
        return all(self.is_right(name) for name in names)

    def fetched(self):
        return set(re.findall(r"^GET /ok/([0-9a-f]{64})", self.read("origin/log"), re.M))

    def check_ends(self, chosen, present):
        quarantined = {name[:64] for name in os.listdir(os.path.join(self.store, "quarantine"))}
        if quarantined != present:
            raise Failure(f"quarantined and not damaged: {sorted(quarantined - present)}; damaged and not quarantined: {sorted(present - quarantined)}")
        if self.fetched() != set(chosen):
            raise Failure(f"fetched and not damaged: {self.fetched() - set(chosen)}; damaged and not fetched: {set(chosen) - self.fetched()}")
        self.run("verify", "-q")

    # --- the tests ---

    def test_load(self):
        """a tenth of all archives damaged in six ways under load: nothing wrong came complete, all of it was fetched again"""
        self.configure("3s")
        self.start()
        readers = [threading.Thread(target=self.reader, args=(self.random.random(),)) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        try:
            wait_for(lambda: self.answers["200"] > len(self.names) // 2 or self.failure, "the readers", 60)
            chosen = self.random.sample(self.names, len(self.names) // 10)
            present = self.damage(chosen)
            wait_for(lambda: self.all_are_right(chosen), "all to be fetched again", 120)
        finally:
            self.stopping = True
            for reader in readers:
                reader.join()
        if self.failure is not None:
            raise self.failure
        self.stop()
        self.check_ends(chosen, present)
        print(f"# {len(chosen)} of {len(self.names)} damaged, {self.answers}")

    def test_below(self):
        """what changed below the filesystem is found by the scrub, and fetched again"""
        self.configure("2s")
        shutil.rmtree(os.path.join(self.store, "quarantine"))
        os.remove(os.path.join(self.work, "origin", "log"))
        chosen = self.random.sample(self.names, max(len(self.names) // 50, 2))
        index = sqlite3.connect(os.path.join(self.store, "index.db"))
        for name in chosen:
            self.flip(self.path(name), None)
            facts = os.stat(self.path(name))
            index.execute("UPDATE archive SET inode = ?, change_ns = ? WHERE sha256 = ?",
                          (facts.st_ino, facts.st_ctime_ns, bytes.fromhex(name)))
        index.commit()
        index.close()
        self.start()
        wait_for(lambda: self.all_are_right(chosen), "all to be fetched again", 120)
        self.stop()
        self.check_ends(chosen, set(chosen))

    def close(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
        self.origin.stop()


def main():
    larder, count, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    work = make_directory("rot")
    rot = Rot(larder, count, seed, work)
    good = True
    try:
        rot.fill()
        for number, test in enumerate((rot.test_load, rot.test_below), 1):
            test()
            print(f"ok {number} - {test.__doc__} (seed {seed})", flush=True)
    except Failure as failure:
        good = False
        print(f"not ok - rot (seed {seed})\n# {failure}; the store is kept in {work}")
        print("\n".join("# " + line for line in rot.read("err").split("\n")[-30:]))
    finally:
        rot.close()
    print("1..2")
    if not good:
        sys.exit(1)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
