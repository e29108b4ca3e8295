#!/usr/bin/env python3
"""kill_nth.py LARDER LIBDYING STRIDE FIRST [KIND]...: kills larder at the Nth change of a file, for every N from FIRST on in steps of STRIDE
until it comes to its end, in everything that changes a store: instead of a write, fsync, rename, unlink, mkdir, truncation and so on
(tests/support/dying.c), or in the middle of a write. Each time on the same store as before.

After each: no row without its file, no file that is not what its name says, everything acknowledged there and in the index, everything
removed away; larder verify finds nothing wrong; now and then, that all of it is served.
"""
import mmap
import os
import random
import shutil
import signal
import socket
import struct
import sys
import time

from oracle import blob_path  # finds serving, too
from serving import Failure, make_directory
from victim import Origin, Victim

DAMAGED = ("scrub", "verify")
SERVED = 16  # kills between two that are followed by a daemon which serves everything


class Nth:
    def __init__(self, larder, library, work):
        self.work = work
        self.origin = Origin(work)
        self.victim = Victim(larder, work, os.path.join(work, "store"), self.origin, random.Random(7))
        self.kills = 0
        with open(os.path.join(work, "counter"), "w+b") as file:
            file.write(bytes(8))
            file.flush()
            self.counter = mmap.mmap(file.fileno(), 8)
        self.env = {"LD_PRELOAD": library, "DYING_COUNTER": os.path.join(work, "counter"),
                    "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
        self.prepare()

    def arm(self, number):
        self.counter[:] = struct.pack("<q", number)

    def prepare(self):
        """A store with something of everything, which every trial begins with; and what the trials add to it."""
        victim = self.victim
        kept = victim.make(os.path.join(self.work, "adding"), 6)
        victim.run("add", os.path.join(self.work, "adding"))
        victim.oracle.was_stored(kept)
        fetched = victim.make(self.origin.files, 4)
        victim.learn(fetched)
        victim.run("fetch", *("sha256:" + name for name in fetched))
        victim.oracle.was_stored(fetched)
        victim.run("pin", "sha256:" + min(kept))
        for name in sorted(kept)[1:3]:
            victim.run("remove", "sha256:" + name)
            victim.oracle.was_removed(name)
        self.fetched, self.kept = sorted(fetched), sorted(kept)[3:]
        self.missing = victim.make(self.origin.files, 3)
        victim.learn(self.missing)
        self.wanted = victim.make(self.origin.files, 3)
        self.given = victim.make(os.path.join(self.work, "adding"), 3)
        shutil.move(victim.store, os.path.join(self.work, "template"))
        self.known = victim.oracle

    def begin(self):
        shutil.rmtree(self.victim.store, ignore_errors=True)
        shutil.copytree(os.path.join(self.work, "template"), self.victim.store)
        self.victim.oracle = self.known.copy()
        self.victim.complaint = None

    # --- one trial each: True where it was killed ---

    def command(self, number, *args):
        self.arm(number)
        process = self.victim.start(*args, env=self.env)
        ended = process.wait(120)
        if ended not in (0, 1, -signal.SIGKILL):
            raise Failure(f"larder {args[0]} ended with {ended}: {self.victim.said()[-2000:]}")
        return ended != 0 and ended != 1

    def served(self, number, works, *args):
        """Counted from when it listens until it has stopped."""
        self.arm(0)
        daemon, address = self.victim.serve(*args, env=self.env)
        self.arm(number)
        return self.finish(daemon, address, works)

    def finish(self, daemon, address, works):
        for thread in self.victim.clients(address, works, at_once=2) if address else ():
            thread.join()
        daemon.terminate()
        if daemon.wait(60) not in (0, -signal.SIGKILL):
            raise Failure(f"larder serve ended with {daemon.returncode}: {self.victim.said()[-2000:]}")
        return daemon.returncode != 0

    def gives(self, kind, number, made, *args):
        killed = self.command(number, kind, *args)
        if not killed:
            self.victim.oracle.was_stored(made)
        self.victim.acknowledge_printed(made)
        return killed

    def do_make(self, number):
        shutil.rmtree(self.victim.store)
        self.victim.oracle = type(self.known)()
        return self.do_add(number)

    def do_add(self, number):
        return self.gives("add", number, self.given, os.path.join(self.work, "adding"))

    def do_fetch(self, number):
        return self.gives("fetch", number, self.missing, *("sha256:" + name for name in self.missing))

    def do_import(self, number):
        killed = self.command(number, "import", self.victim.write_list(self.wanted))
        if not killed:
            self.victim.oracle.learned.update(self.wanted)
        return killed

    def do_remove(self, number):
        asked = self.kept[:2]
        killed = self.command(number, "remove", *("sha256:" + name for name in asked))
        for name in () if killed else asked:
            self.victim.oracle.was_removed(name)
        self.victim.acknowledge_printed(dict.fromkeys(asked, b""))
        self.doubtful = [name for name in asked if name in self.victim.oracle.stored]
        return killed

    def do_upload(self, number):
        return self.served(number, [lambda _, name=name, method=method: self.victim.put(method, name, self.given)
                                    for name, method in zip(self.given, ("PUT", "POST", "PUT"))])

    def do_miss(self, number):
        return self.served(number, [lambda address, name=name: self.victim.get(address, name, self.missing) for name in self.missing])

    def do_evict(self, number):
        """From the start on, where there is something to evict already."""
        self.victim.full_is_fine = True
        self.doubtful = self.fetched
        size = sum(len(body) for body in self.known.stored.values())
        self.arm(number)
        daemon, address = self.victim.serve("-o", f"space.max_size={size * 9 // 10}", env=self.env)
        return self.finish(daemon, address, [lambda _, name=name: self.victim.put("PUT", name, self.given) for name in self.given])

    def damage(self):
        """A byte of an archive that an origin has."""
        name = self.fetched[0]
        os.chmod(blob_path(self.victim.store, name), 0o600)
        with open(blob_path(self.victim.store, name), "r+b") as file:
            file.write(bytes([self.known.stored[name][0] ^ 1]))
        self.doubtful = [name]
        return name

    def do_verify(self, number):
        """What is wrong is fetched again."""
        self.damage()
        return self.command(number, "verify", "--repair")

    def do_scrub(self, number):
        """Likewise, by a daemon that finds it by itself."""
        name = self.damage()
        return self.served(number, [lambda address: self.wait_for_mending(address, name)], "-o", "space.scrub_interval=1s")

    def wait_for_mending(self, address, name):
        """As long as the daemon lives."""
        host, port = address.rsplit(":", 1)
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection((host, int(port)), 10).close()
                with open(blob_path(self.victim.store, name), "rb") as file:
                    if file.read() == self.known.stored[name]:
                        return
            except FileNotFoundError:
                pass  # in quarantine
            except OSError:
                return
            if time.monotonic() > end:
                self.victim.complaint = f"the scrub has not mended sha256:{name}"
                return
            time.sleep(0.02)

    def do_start(self, number):
        """A file without a row is taken in, one that was removed is not, and what was half written goes."""
        victim = self.victim
        daemon, _ = victim.serve()
        daemon.kill()
        daemon.wait()
        for name, body in self.given.items():
            with open(blob_path(victim.store, name), "wb") as file:
                file.write(body)
        with open(os.path.join(victim.store, "tmp", "0" * 16), "wb") as file:
            file.write(b"half")
        killed = self.command(number, "verify")
        victim.oracle.was_stored(self.given)
        self.doubtful = list(self.given)  # in the index only when it came to its end
        return killed

    def without_an_index(self):
        """What is not in the archives themselves is not known any more."""
        self.indexed = False
        self.victim.oracle.learned.clear()

    def do_remake(self, number):
        os.unlink(os.path.join(self.victim.store, "index.db"))
        self.without_an_index()
        self.victim.oracle.removed.clear()
        return self.command(number, "verify")

    def do_rebuild(self, number):
        """What people decided is saved from an index that is damaged where the archives are."""
        self.victim.damage_index()
        self.without_an_index()
        return self.command(number, "verify")

    # --- judgement ---

    def check(self, and_serve):
        victim = self.victim
        self.arm(0)
        victim.check_complaint()
        if not os.path.isdir(victim.store):
            return
        damaged = self.doubtful if self.kind in DAMAGED else []
        if self.indexed:
            victim.oracle.check_rows(victim.store, self.doubtful)
        if self.kind not in DAMAGED:
            victim.oracle.check_tree(victim.store)
        victim.run("verify", ends=(0, 1) if damaged else (0,))
        victim.oracle.settle(victim.store, self.doubtful if self.kind in ("remove", "evict", *DAMAGED) else [])
        victim.oracle.check_files(victim.store)
        victim.oracle.check_rows(victim.store)
        victim.check_learned()
        if and_serve:
            victim.check_served()

    def go_through(self, kind, first, stride, torn):
        """Every Nth; how many changes there are."""
        number, killed, self.kind = first, True, kind
        self.env.pop("DYING_TORN", None)
        if torn:
            self.env["DYING_TORN"] = "1"
        changes = 0
        while killed:
            self.begin()
            self.doubtful, self.indexed = [], True
            try:
                killed = getattr(self, "do_" + kind)(number)
                changes = number - struct.unpack("<q", self.counter[:])[0]
                self.kills += killed
                self.check(self.kills % SERVED == 0 or not killed)
            except Failure as failure:
                raise Failure(f"{kind}, killed at change {number}{', half written' if torn else ''}: {failure}") from failure
            number += stride
        return changes


def main():
    larder, library, stride, first = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    kinds = sys.argv[5:] or [name[3:] for name in dir(Nth) if name.startswith("do_")]
    work = make_directory("nth")
    nth = Nth(larder, library, work)
    number = 0
    try:
        for kind in kinds:
            for torn in (False, True):
                number += 1
                changes = nth.go_through(kind, first + torn * stride // 2, stride, torn)
                print(f"ok {number} - {kind}: killed at each {stride}. of about {changes} changes{', half written' if torn else ''}",
                      flush=True)
        if nth.kills == 0:
            raise Failure("nobody was killed, so nothing is shown")
    except Failure as failure:
        print(f"not ok {number} - {failure}\n# the store is kept in {work}\n1..{number}")
        sys.exit(1)
    finally:
        nth.origin.stop()
        print(f"# {nth.kills} kills")
    print(f"1..{number}")
    shutil.rmtree(work)


main()
