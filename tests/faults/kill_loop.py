#!/usr/bin/env python3
"""kill_loop.py LARDER KILLS SEED: ends larder at random moments of everything that changes a store, and compares the store with what was
acknowledged: every archive printed as stored, sent complete to a client or answered with 200 or 201, every removal and every import that
ended well. Mostly SIGKILL; SIGTERM and SIGINT, which must be as harmless, now and then.

A round does one thing, four times over: what a kill cut short is taken up again by the next process. The list of what was acknowledged
lives here, outside the store. Checked after every round: the files of what was acknowledged lately, and every row of the index against its
file. Checked after every 12th: larder verify finds nothing wrong, and a daemon serves all of it.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from oracle import blob_path, read_index  # finds serving, too
from serving import Failure, make_directory
from victim import SIGNALS, Origin, Victim

BATCH = 12    # archives a round
LIVES = 4     # processes a round
CHECKED = 12  # rounds between two looks at everything
FRESH = 48    # rounds in the life of a store
KINDS = ("add", "fetch", "import", "serve", "upload", "remove", "withdraw", "evict", "scrub", "verify", "rebuild", "remake")


class Loop:
    def __init__(self, larder, seed, work):
        self.larder, self.work, self.random = larder, work, random.Random(seed)
        self.origin = Origin(work)
        self.victim = None
        self.kinds = self.random.sample(KINDS, len(KINDS))  # loops side by side are not all at the same
        self.longest = {}  # by kind: what an undisturbed one takes, about
        self.kills = dict.fromkeys(KINDS, 0)
        self.asked_to_end = self.given = self.stored = self.removed = self.learned = 0

    def begin_store(self):
        shutil.rmtree(os.path.join(self.work, "life"), ignore_errors=True)
        life = os.path.join(self.work, "life")
        os.makedirs(life)
        shutil.rmtree(self.origin.files)
        os.makedirs(self.origin.files)
        self.victim = Victim(self.larder, life, os.path.join(life, "store"), self.origin, self.random)

    def end_store(self):
        oracle = self.victim.oracle
        self.given += self.victim.given
        self.stored += len(oracle.stored)
        self.removed += oracle.removals
        self.learned += len(oracle.learned)

    def kill_at_random(self, process, kind, longest):
        """True: it was ended before it was through. False: it had ended by itself, and well. Some last longer here than there, so each
        kind learns how long its processes live."""
        began = time.monotonic()
        sent = None
        try:
            process.wait(self.random.uniform(0, self.longest.get(kind, longest)))
            self.longest[kind] = min(longest, max(time.monotonic() - began, 0.005))
        except subprocess.TimeoutExpired:
            self.longest[kind] = min(longest, 1.02 * self.longest.get(kind, longest))
            sent = self.random.choice(SIGNALS)
            process.send_signal(sent)
        ended = process.wait(60)
        if ended == -signal.SIGKILL:
            self.kills[kind] += 1
            return True
        if sent in (signal.SIGTERM, signal.SIGINT) and ended in (-sent, 0, 1, 3):
            self.asked_to_end += 1
            return True
        if ended not in (0, 1):
            raise Failure(f"larder {kind} ended with {ended}: {self.victim.said()[-2000:]}")
        return False

    def serve_until_killed(self, kind, longest, works, *args):
        """works: what clients do, given the daemon's address."""
        for _ in range(LIVES):
            daemon, address = self.victim.serve(*args)
            if address is None:
                raise Failure(f"larder serve does not start: {self.victim.said()}")
            threads = self.victim.clients(address, works)
            self.kill_at_random(daemon, kind, longest)
            for thread in threads:
                thread.join()

    def run_until_killed(self, kind, longest, made, *args):
        """A command. made: what it stores or removes, and prints. True: one came to its end."""
        ended = False
        for _ in range(LIVES):
            ended = not self.kill_at_random(self.victim.start(kind, *args), kind, longest) or ended
            self.victim.acknowledge_printed(made)
        return ended

    # --- rounds ---

    def round_add(self):
        made = self.victim.make(os.path.join(self.victim.work, "adding"), BATCH)
        if self.run_until_killed("add", 0.3, made, os.path.join(self.victim.work, "adding")):
            self.victim.oracle.was_stored(made)

    def round_fetch(self):
        made = self.victim.make(self.origin.files, BATCH)
        self.victim.learn(made)
        if self.run_until_killed("fetch", 0.5, made, *("sha256:" + name for name in made)):
            self.victim.oracle.was_stored(made)

    def round_import(self):
        made = self.victim.make(self.origin.files, BATCH)
        if self.run_until_killed("import", 0.2, {}, self.victim.write_list(made)):
            self.victim.oracle.learned.update(made)

    def gets(self, made):
        return [lambda address, name=name: self.victim.get(address, name, made) for name in made]

    def puts(self, made, methods=("PUT", "POST")):
        return [lambda address, name=name, method=method: self.victim.put(method, name, made) for name in made for method in methods]

    def some(self, names, count):
        names = sorted(names)
        return self.random.sample(names, min(count, len(names)))

    def round_serve(self):
        """Misses and hits."""
        made = self.victim.make(self.origin.files, BATCH)
        self.victim.learn(made)
        old = {name: self.victim.oracle.stored[name] for name in self.some(self.victim.oracle.stored, 8)}
        self.serve_until_killed("serve", 0.15, self.gets(made) + self.gets(made | old))

    def round_upload(self):
        """Every archive is given twice; half of them are also asked for, and an origin has those."""
        given = self.victim.make(os.path.join(self.victim.work, "giving"), BATCH)
        both = self.victim.make(self.origin.files, BATCH)
        self.victim.learn(both)
        self.serve_until_killed("upload", 0.15, self.gets(both) + self.puts(given | both))

    def settle(self, doubtful):
        """What a kill left half done is done, or undone, by the next larder that has the store to itself."""
        self.victim.run("verify")
        self.victim.oracle.settle(self.victim.store, doubtful)

    def settle_removal(self, asked):
        doubtful = [name for name in asked if name in self.victim.oracle.stored]
        self.settle(doubtful)
        _, tombstones = read_index(self.victim.store)
        for name in doubtful:
            if name not in self.victim.oracle.stored and name not in tombstones:
                raise Failure(f"gone, without having been removed: sha256:{name}")

    def round_remove(self):
        asked = self.some(self.victim.oracle.stored, BATCH)
        if asked:
            if self.run_until_killed("remove", 0.2, dict.fromkeys(asked, b""), *("sha256:" + name for name in asked)):
                for name in asked:
                    self.victim.oracle.was_removed(name)
            self.settle_removal(asked)

    def round_withdraw(self):
        """Removals by a daemon, among uploads."""
        given = self.victim.make(os.path.join(self.victim.work, "giving"), BATCH // 2)
        asked = self.some(self.victim.oracle.stored, BATCH)
        works = self.puts(given, ("PUT",)) + [lambda address, name=name: self.victim.delete(name) for name in asked]
        self.serve_until_killed("withdraw", 0.15, works)
        self.settle_removal(asked)

    def round_evict(self):
        """Misses that drive out what an origin has; what none has must stay."""
        victim = self.victim
        made = victim.make(self.origin.files, BATCH)
        victim.learn(made)
        given = victim.make(os.path.join(victim.work, "giving"), 2)
        before = sum(len(body) for body in victim.oracle.stored.values())
        victim.full_is_fine = True
        self.serve_until_killed("evict", 0.15, self.gets(made) + self.puts(given, ("PUT",)),
                                "-o", f"space.max_size={max(before * 4 // 5, 65536)}")
        victim.full_is_fine = False
        self.settle([name for name in victim.oracle.stored if name in victim.oracle.learned])

    def damage(self, count=3):
        """A byte of some archives that an origin has."""
        oracle = self.victim.oracle
        chosen = self.some((name for name in oracle.stored if name in oracle.learned), count)
        for name in chosen:
            os.chmod(blob_path(self.victim.store, name), 0o600)
            with open(blob_path(self.victim.store, name), "r+b") as file:
                first = file.read(1)
                file.seek(0)
                file.write(bytes([first[0] ^ 1]))
        return chosen

    def settle_damage(self, damaged):
        self.victim.run("verify", ends=(0, 1))
        self.settle(damaged)

    def round_scrub(self):
        damaged = self.damage()
        works = self.gets({name: self.victim.oracle.stored[name] for name in damaged})
        self.serve_until_killed("scrub", 0.15, works, "-o", "space.scrub_interval=1s")
        self.settle_damage(damaged)

    def round_verify(self):
        if not os.path.isdir(self.victim.store):
            return
        damaged = self.damage()
        self.run_until_killed("verify", 0.2, {}, "--repair")
        self.settle_damage(damaged)

    def kill_a_daemon(self, kind, longest):
        """At whatever it does when it starts; it need not come so far as to listen."""
        self.kill_at_random(self.victim.start("serve"), kind, longest)

    def after_rebuild(self):
        """The catalog has to be imported again; nothing else that was acknowledged is lost."""
        self.victim.oracle.learned.clear()
        self.victim.run("verify")
        self.victim.oracle.check_files(self.victim.store)

    def round_remake(self):
        """The index is gone, and the daemon that makes it again is killed over and over."""
        for name in ("index.db", "index.db-wal", "index.db-shm"):
            if os.path.exists(os.path.join(self.victim.store, name)):
                os.unlink(os.path.join(self.victim.store, name))
        for _ in range(LIVES):
            self.kill_a_daemon("remake", 0.1)
        self.after_rebuild()
        self.victim.oracle.removed.clear()  # which nothing but the index knew

    def round_rebuild(self):
        """The index is damaged where the archives are: what else is in it outlives every kill."""
        if not os.path.isdir(self.victim.store):
            return
        self.victim.run("verify")
        self.victim.damage_index()
        for _ in range(LIVES):
            self.kill_a_daemon("rebuild", 0.1)
        self.after_rebuild()

    # --- judgement ---

    def check(self, all_of_it):
        victim = self.victim
        victim.check_complaint()
        if not os.path.isdir(victim.store):
            return
        victim.oracle.check_rows(victim.store)
        if not all_of_it:
            victim.oracle.check_files(victim.store, list(victim.oracle.stored)[-3 * BATCH:])
            return
        victim.check_served()
        victim.oracle.check_files(victim.store)
        victim.oracle.check_tree(victim.store)
        victim.check_learned()

    def run(self, kills):
        number = 0
        while sum(self.kills.values()) < kills:
            if number % FRESH == 0:
                if self.victim is not None:
                    self.end_store()
                self.begin_store()
            kind = self.kinds[number % len(KINDS)]
            try:
                getattr(self, "round_" + kind)()
                number += 1
                self.check(number % CHECKED == 0 or sum(self.kills.values()) >= kills)
            except Failure as failure:
                raise Failure(f"round {number}, {kind}: {failure}") from failure
        self.end_store()
        if kills >= 5 * len(KINDS) and self.given == 0:
            raise Failure("no upload was acknowledged before the daemon was killed: nothing is shown about uploads")
        print(f"# {number} rounds, killed in {self.kills}, asked to end {self.asked_to_end} times; {self.given} uploads, {self.stored} "
              f"archives, {self.removed} removals and {self.learned} entries acknowledged, none lost")


def main():
    larder, kills, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it starts in the background ignore it
    work = make_directory("kill")
    loop = Loop(larder, seed, work)
    try:
        loop.run(kills)
    except Failure as failure:
        print(f"# {failure}; the store is kept in {work}")
        sys.exit(1)
    finally:
        loop.origin.stop()
    shutil.rmtree(work)


main()
