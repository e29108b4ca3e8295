#!/usr/bin/env python3
"""at_once.py LARDER [CHANGES [SEED]]: archives are uploaded and removed, and their files touched, while readers ask for them by all their
digests, of four workers. What was acknowledged before one asked, and was nobody's to change until he had his answer, is what he must be told.
Not all archives have room in memory.
"""
import hashlib
import http.client
import os
import random
import shutil
import sys
import threading

from serving import Control, Daemon, Failure, check, make_directory

CHANGES = int(sys.argv[2]) if len(sys.argv) > 2 else 400
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
WRITERS, READERS = 3, 6
ALGORITHMS = ("sha256", "sha512", "sha1", "md5")
SIZES = (0, 1, 500, 4096, 20000, 32768, 32769, 60000, 200000)  # in memory, and sent from their files
FAVOURITES = 4  # of which each reader asks as often as of all others


class Kept:
    """An archive, and what larder acknowledged of it last. Only one writer changes it."""

    def __init__(self, number, chance):
        self.body = chance.randbytes(chance.choice(SIZES) + number)
        digests = [hashlib.new(algorithm, self.body).hexdigest() for algorithm in ALGORITHMS]
        self.paths = [f"/{algorithm}/{digest[:2]}/{digest}" for algorithm, digest in zip(ALGORITHMS, digests)]
        self.path = self.paths[0]
        self.is_stored, self.changes = False, 0  # None: it is being changed

    def ask(self, connection, method, path, stored):
        """Changes it, through the control socket."""
        self.is_stored, self.changes = None, self.changes + 1
        connection.request(method, path, self.body if method == "PUT" else None)
        answer = connection.getresponse()
        answer.read()
        check(answer.status in (200, 201), f"{method} {path}: {answer.status}")
        self.is_stored = stored


class Stage:
    def __init__(self, daemon):
        self.daemon, self.host = daemon, daemon.url.partition("//")[2]
        self.all = [Kept(number, random.Random(SEED * 1000 + number)) for number in range(24)]
        self.writers, self.judged, self.failures = [], [], []

    def write(self, number):
        chance, control = random.Random(SEED * 100 + number), Control(os.path.join(self.daemon.work, "store", "control.sock"))
        mine = self.all[number::WRITERS]
        for _ in range(CHANGES // WRITERS):
            one = chance.choice(mine)
            if not one.is_stored:
                one.ask(control, "PUT", chance.choice(one.paths), True)
            elif chance.random() < 0.4:
                os.utime(self.daemon.blob(one))
            else:
                one.ask(control, "DELETE", chance.choice(one.paths), False)

    def read(self, number):
        chance, connection, judged = random.Random(SEED * 10 + number), http.client.HTTPConnection(self.host, timeout=60), 0
        while any(writer.is_alive() for writer in self.writers) and not self.failures:
            if chance.random() < 0.05:  # another worker, perhaps
                connection.close()
            one = chance.choice(self.all if chance.random() < 0.5 else self.all[:FAVOURITES])
            method = chance.choice(("GET", "GET", "GET", "HEAD"))
            fields = chance.choice(({}, {}, {}, {"If-None-Match": '"another"'}))
            path, before, stored = chance.choice(one.paths), one.changes, one.is_stored
            connection.request(method, path, headers=fields)
            answer = connection.getresponse()
            body = answer.read()
            told = f"{method} {path}: {answer.status} and {len(body)} of {len(one.body)} bytes; it is {'' if stored else 'not '}stored"
            check(answer.status in (200, 404), told)
            check(answer.status != 200 or method == "HEAD" or body == one.body, told)
            if stored is None or one.changes != before:
                continue
            judged += 1
            check((answer.status == 200) == stored, told)
        self.judged.append(judged)

    def play(self, part, number):
        try:
            part(number)
        except (Failure, OSError, http.client.HTTPException) as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def players(self, part, count):
        return [threading.Thread(target=self.play, args=(part, number)) for number in range(count)]

    def run(self):
        """How many answers were judged."""
        self.writers = self.players(self.write, WRITERS)
        players = self.writers + self.players(self.read, READERS)
        for player in players:
            player.start()
        for player in players:
            player.join()
        check(not self.failures, "\n".join(self.failures))
        check(sum(self.judged) > CHANGES, f"only {sum(self.judged)} answers could be judged")
        return sum(self.judged)


def main():
    work = make_directory("at-once")
    daemon = Daemon(sys.argv[1], work, 'hot { memory = "400KiB" files = 64 }', workers=4)
    try:
        daemon.start()
        judged = Stage(daemon).run()
        print(f"# {CHANGES} changes, {judged} answers judged")
        daemon.stop()
        daemon.store_is_sound()
    finally:
        daemon.kill()
        shutil.rmtree(work)


try:
    main()
except Failure as failure:
    sys.exit(f"at_once.py: {failure}")
