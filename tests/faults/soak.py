#!/usr/bin/env python3
"""soak.py LARDER SECONDS SEED: two daemons under everything at once, each on a small disk of its own; TAP.

One lives through all of it, and is only reloaded. The other is killed again and again. Clients ask for everything at a steady rate (see
soak_load.py), while the origin's weather changes and it is away now and then, a stored archive is damaged now and then, the catalog is read
again, eviction, scrub and patrol run, and for a twelfth of the time both disks have not one byte left.

Checked all the time: who gets an archive complete gets the right bytes; what was acknowledged is served by the daemon that lives; nothing is
answered that must not be. After each kill: every row has its file, everything acknowledged has its row, everything removed its tombstone; after
some of them all files are read. In the end: verify puts away what was damaged last, every row has its file, a new daemon serves all that was acknowledged without an origin.

Of the daemon that lives memory and descriptors are sampled. Over 1,200 seconds and more, which begin with all events that are kept, the medians of the second and of the last quarter are
compared: 5 % is all that may have been added (the disk is full in the third, and the first is for warming up). A shorter run says less: what is
allocated in the end keeps below a limit, which 10 KiB left behind by each request would exceed. Of both, when all clients have left: descriptors
are those of the start, of files kept open and of the index's readers. Afterwards: the index has no more rows than there is a use for.
"""
import contextlib
import http.client
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
from oracle import Failure, blob_path  # noqa: E402
from serving import Tap  # noqa: E402
from soak_daemon import HOT_FILES, Pace, Soaked, descriptors, exceeding  # noqa: E402
from soak_load import Catalog, Load  # noqa: E402
from soak_measure import Measure, memory_of, seconds_of_processor  # noqa: E402
from upstream_rows import BROKEN, ODD, WISHES  # noqa: E402
from victim import Origin, wait_for  # noqa: E402

ANONYMOUS_MOST = 22 << 10  # KiB, of a short run, which are 17 otherwise
LIED = 15                  # times as likely as any other way to be broken: the right length, other bytes
GOES_ON = 16               # descriptors that patrol, scrub and jobs may have, whoever is connected
HAPPENS = ("given", "removed", "idle closed", "slow reader", "hit", "range", "head", "small", "large", "unknown", "look", "job")
FULL = ("507", "not ready")
WAL_MOST = 16 << 20
ROW_MOST = 1000            # bytes a row of the index may take, with its indexes, on the average
HEALS = 60                 # seconds, at most
MORE = 180                 # seconds, for a slow machine


class Every:
    """Calls this each so many seconds."""

    def __init__(self, seconds, call):
        self.seconds, self.call = seconds, call
        self.due = time.monotonic() + seconds

    def tick(self):
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + self.seconds
            self.call()


class Soak:
    def __init__(self, larder, seconds, seed, work):
        self.work, self.seed, self.pace = work, seed, Pace(seconds)
        self.random = random.Random(seed)
        self.failure = None
        self.stopping = threading.Event()
        self.counts = {"kills": 0, "asked to end": 0, "damaged": 0, "outages": 0, "full reads": 0}
        self.origin = Origin(work)
        self.catalog = Catalog(seed)
        self.weathers = 0
        self.make_origin()
        self.steady, self.mortal = (self.make_victim(larder, name) for name in ("steady", "mortal"))
        self.loads = [Load(victim, self.catalog, f"{seed} {victim.work}", self.pace.given, victim.mortal) for victim in (self.steady, self.mortal)]
        self.at_start = {}

    def make_origin(self):
        os.makedirs(os.path.join(self.origin.base, "chaos"))
        for number, name in enumerate(self.catalog.names):
            with open(os.path.join(self.origin.files, name), "wb") as file:
                file.write(self.catalog.body(number))
        with open(os.path.join(self.origin.base, "list"), "w", encoding="utf-8") as file:
            for number in range(len(self.catalog.names)):
                file.writelines(line + "\n" for line in self.catalog.origins(number, self.origin.port))
        self.change_weather()

    def make_victim(self, larder, name):
        work = os.path.join(self.work, name)
        os.makedirs(work)
        return Soaked(larder, work, self.origin, random.Random(f"{self.seed} {name}"), self.pace, name == "mortal")

    # --- what happens ---

    def change_weather(self):
        """Calm, rough, stormy, rough."""
        self.weathers += 1
        self.let_answer((60, 400, 60, 0)[self.weathers % 4])

    def let_answer(self, good):
        """In one of the ways to be broken, or rightly; that one is so many times as likely as each other."""
        rows = [row for row in BROKEN + ODD if not row.tls and getattr(row, "host", "") != WISHES]
        for name, lies in (("harm", False), ("lies", True)):
            does = [row.does.replace("{port}", str(self.origin.port)) for row in rows if lies or getattr(row, "reason", "") != "changed"]
            does += ["wrong"] * (LIED if lies else 0)
            path = os.path.join(self.origin.base, "chaos", name)
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write("\n".join(does + ["status=429:3", "status=503:3"] + good * ["ok"]))
            os.rename(path + ".new", path)

    def go_away(self):
        """The origin, whole, for a while."""
        self.origin.stop()
        self.counts["outages"] += 1
        time.sleep(self.pace.away)
        self.origin.start_again()

    def damage(self):
        for victim in (self.steady, self.mortal):
            self.counts["damaged"] += victim.damage(self.catalog)

    def reload(self):
        self.steady.reload()
        if self.mortal.daemon.poll() is None:
            self.mortal.reload()

    def kill_loop(self):
        """Of a thread of its own."""
        dice = random.Random(f"{self.seed} kills")
        try:
            while not self.stopping.wait(min(dice.expovariate(1 / self.pace.kill), 4 * self.pace.kill)):
                asked = dice.random() < 0.15
                self.kill(asked)
                self.check_dead()
                self.mortal.begin(lambda asked=asked: asked and self.loads[1].full)
        except Failure as failure:
            self.failure = failure

    def kill(self, asked):
        daemon = self.mortal.daemon
        if daemon.poll() is not None:
            raise Failure(f"larder serve ended by itself, with {daemon.returncode}: {self.mortal.said()[-2000:]}")
        daemon.send_signal(signal.SIGTERM if asked else signal.SIGKILL)
        ended = daemon.wait(60)
        if ended not in ((0, -signal.SIGTERM) if asked else (-signal.SIGKILL,)):
            raise Failure(f"larder serve ended with {ended}: {self.mortal.said()[-2000:]}")
        self.counts["asked to end" if asked else "kills"] += 1

    def check_dead(self):
        self.mortal.note_errors()
        oracle = self.mortal.oracle.copy()
        oracle.check_rows(self.mortal.store)
        if self.counts["kills"] % 10 == 0:
            oracle.check_files(self.mortal.store)
            self.counts["full reads"] += 1

    # --- the full disk ---

    def disks(self, at):
        full_to = self.pace.full_to if self.is_shown_full() else self.pace.full_to + MORE
        if self.pace.full_from <= at < full_to:
            for load in self.loads:
                load.full = True
                load.victim.fill()
                load.count("not ready", load.victim.status_of("/readyz") == 503)
        elif at >= full_to and self.loads[0].full:
            self.heal()

    def is_shown_full(self):
        """The daemon that lives has told so: to a client, and of itself."""
        return all(self.loads[0].counts.get(what, 0) > 0 for what in FULL)

    def heal(self):
        for load in self.loads:
            load.victim.empty()
        for load in self.loads:
            wait_for(lambda victim=load.victim: self.failure or victim.status_of("/readyz") == 200, HEALS)
            before = load.counts.get("given", 0)
            wait_for(lambda load=load, before=before: self.failure or load.counts.get("given", 0) > before, HEALS)
            load.full = False

    # --- the run ---

    def run(self):
        for load in self.loads:
            if self.pace.is_long:
                load.victim.age()
            load.victim.begin()
        wait_for(lambda: self.steady.metric("catalog_archives") == len(self.catalog.names))
        self.at_start = descriptors(self.steady.daemon.pid)
        self.measures = [Measure(load.victim, self.pace.sample) for load in self.loads]
        killer = threading.Thread(target=self.kill_loop)
        for load in self.loads:
            load.start(self.pace.rate, self.pace.changes)
        killer.start()
        try:
            self.let_time_pass()
        finally:
            self.stopping.set()
            killer.join()
            for part in self.loads + self.measures:
                part.stop()

    def has_time(self, passed):
        """A short one goes on until everything has happened, however slow the machine is, but not for ever."""
        seconds = self.pace.seconds
        return passed < seconds or not self.pace.is_long and passed < seconds + MORE and any(self.unseen())

    def let_time_pass(self):
        pace, began = self.pace, time.monotonic()
        plan = [Every(pace.weather, self.change_weather), Every(4 * pace.weather / 1.5, self.go_away), Every(pace.rot, self.damage),
                Every(pace.reload, self.reload), Every(pace.tell, self.tell)]
        while self.has_time(time.monotonic() - began) and self.failure is None:
            if self.steady.daemon.poll() is not None:
                raise Failure(f"larder serve ended by itself, with {self.steady.daemon.returncode}: {self.steady.said()[-2000:]}")
            self.disks(time.monotonic() - began)
            for part in plan:
                part.tick()
            if any(load.problems for load in self.loads) and not pace.is_long:
                return
            time.sleep(0.2)

    def tell(self):
        for load, measure in zip(self.loads, self.measures):
            newest = measure.newest()
            print(f"# {os.path.basename(load.victim.work)} after {time.monotonic() - measure.began:.0f} s: rss {newest['rss']} pss {newest['pss']} "
                  f"anonymous {newest['anonymous']} KiB, {newest['descriptors']} descriptors, {newest['threads']} threads, index {newest['index'] >> 10} "
                  f"wal {newest['wal'] >> 10} KiB, tmp {newest['tmp']}, spool {newest['spool']}, quarantine {newest['quarantine']}, log "
                  f"{newest['log'] >> 10} KiB; {sum(load.counts.get(name, 0) for name in ('hit', 'small', 'large', 'range', 'head'))} reads, "
                  f"{load.counts.get('given', 0)} given, {load.counts.get('removed', 0)} removed, {len(load.victim.oracle.stored)} to be kept, "
                  f"{load.counts.get('broken off', 0)} broken off, {len(load.problems)} problems", flush=True)
            for problem in load.problems:
                print(f"#   {problem}", flush=True)
        print(f"# {self.counts}", flush=True)

    # --- judgement ---

    def check_end(self, load):
        """What is left on the disk, and what a new daemon makes of it."""
        victim, oracle = load.victim, load.victim.oracle
        victim.run("verify", ends=(0, 1))  # finds what was damaged last
        oracle.check_rows(victim.store)
        oracle.check_files(victim.store)
        oracle.check_tree(victim.store)
        for name in load.away:
            if os.path.exists(blob_path(victim.store, name)):
                raise Failure(f"removed, and there again: sha256:{name}")
        victim.configure(mirror=False)  # who may not be asked in the end, as nobody may
        victim.check_served()

    def descriptors_left(self):
        """Once nobody is connected any more: of each kind, no more than there is a use for."""
        pid = self.steady.daemon.pid
        self.let_answer(10000)
        most = dict(self.at_start, sockets=self.at_start["sockets"] + GOES_ON, blobs=HOT_FILES + GOES_ON,
                    index=2 * self.measures[0].newest()["threads"])
        try:
            wait_for(lambda: self.steady.metric("connections") <= 1 and not exceeding(descriptors(pid), most))
        except Failure:
            yield f"there are {exceeding(descriptors(pid), most)} descriptors when all clients have left, at the start {self.at_start}"
        print(f"# descriptors when all clients have left: {descriptors(pid)}, at the start {self.at_start}")

    def unseen(self):
        """What has to have happened, or else nothing is shown."""
        for load in self.loads:
            for what in HAPPENS if load.victim.mortal else HAPPENS + FULL:
                if load.counts.get(what, 0) == 0:
                    yield f"never happened: {what} ({os.path.basename(load.victim.work)})"
        for what, count in self.counts.items():
            if count == 0 and (what != "full reads" or self.pace.is_long) and what != "asked to end":
                yield f"never happened: {what}"
        for name in ("archives_evicted", "watch_present_total", "flights_landed_total", "limit_idle_timeout_total", "jobs_done_total", "hot_hits_total",
                     "scrub_ended_timestamp_seconds", "archives_quarantined", "upstream_outcomes_total"):
            if self.steady.metric(name) == 0:
                yield f"larder_{name} is 0"

    def memory(self):
        seconds, steady = self.pace.seconds, self.measures[0]
        if not self.pace.is_long:
            allocated = memory_of(self.steady.daemon.pid)["Anonymous"]
            print(f"# {allocated} KiB allocated in the end")
            if allocated > ANONYMOUS_MOST:
                yield f"{allocated} KiB are allocated"
            return
        for number, quarter in enumerate(steady.medians(seconds), 1):
            print(f"# medians of quarter {number}: " + ", ".join(f"{name} {value:.0f}" for name, value in quarter.items()))
        yield from steady.grown(seconds)

    def stays_small(self):
        """What lies beside the archives, of the daemon that lived."""
        last = self.measures[0].newest()
        if last["wal"] > WAL_MOST:
            yield f"the log of the index has {last['wal']} bytes"
        if last["quarantine"] > self.counts["damaged"]:
            yield f"{last['quarantine']} in quarantine, {self.counts['damaged']} damaged"
        if self.pace.is_long:
            second, fourth = (self.measures[0].rate("log", number, self.pace.seconds) for number in (1, 3))
            print(f"# it logged {second:.0f} bytes a second in the second quarter, {fourth:.0f} in the last one")
            if fourth > 1.5 * second:
                yield "it logs more and more"

    def index_is_small(self):
        """No more rows than there is a use for, nor more bytes than these take; nothing is left half done. Of a store that nobody writes."""
        archives, given = len(self.catalog.names), 2 * self.pace.given
        most = {"archive": archives + given, "entry": archives, "origin": 4 * archives, "pin": archives, "tombstone": given, "job": 200 + 10,
                "host": 100, "drift": 8 * archives, "receiver": 0, "token": 0}
        copy = os.path.join(self.work, "index.db")
        shutil.copy(os.path.join(self.steady.store, "index.db"), copy)
        with contextlib.closing(sqlite3.connect(copy)) as database:
            going_on = database.execute("SELECT count(*) FROM job WHERE state IN (0, 1, 5)").fetchone()[0]
            rows = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in (*most, "event", "import", "news", "cause")}
        print(f"# the index: {os.path.getsize(copy)} bytes, {rows}")
        yield from (f"{rows[name]} rows of {name}, for which {count} are many" for name, count in most.items() if rows[name] > count)
        for name, count in (("tmp", 0), ("spool", going_on)):
            left = os.listdir(os.path.join(self.steady.store, name))
            if len(left) > count:
                yield f"left in {name}, where {count} jobs go on: {left}"
        if os.path.getsize(copy) > ROW_MOST * sum(rows.values()):
            yield f"{os.path.getsize(copy)} bytes for {sum(rows.values())} rows"

    def close(self):
        for victim in (self.steady, self.mortal):
            if victim.daemon is not None and victim.daemon.poll() is None:
                victim.daemon.kill()
                victim.daemon.wait()
        self.origin.stop()


def judge(soak, tap):
    soak.tell()
    for load in soak.loads:
        load.victim.note_errors()
        print(f"# {os.path.basename(load.victim.work)}: {dict(sorted(load.counts.items()))}")
        for what, count in sorted(load.victim.errors.items(), key=lambda item: -item[1])[:8]:
            print(f"# logged {count} times: {what}")
    print(f"# {seconds_of_processor(soak.steady.daemon.pid):.0f} s of processor for the daemon that lived, {sum(os.times()[:2]):.0f} s for the clients")
    tap.test("nothing was answered that must not be", [problem for load in soak.loads for problem in load.problems])
    tap.test("everything happened", list(soak.unseen()))
    tap.test("descriptors are given back", list(soak.descriptors_left()))
    tap.test("memory and descriptors are flat" if soak.pace.is_long else "memory keeps below a limit", list(soak.memory()))
    tap.test("nothing grows beside the archives", list(soak.stays_small()))
    for victim in (soak.steady, soak.mortal):
        victim.stop(victim.daemon)
    tap.test("the index holds what there is a use for", list(soak.index_is_small()))
    for load in soak.loads:
        problems = []
        try:
            soak.check_end(load)
        except Failure as failure:
            problems = [str(failure)]
        tap.test(f"all {len(load.victim.oracle.stored)} that were acknowledged and not removed are there and served, of the daemon that "
                 f"{'was killed' if load.victim.mortal else 'lived'}", problems)


def main():
    larder, seconds, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    work = tempfile.mkdtemp(prefix="larder-soak.")
    tap = Tap()
    print(f"# {seconds} s, seed {seed}, in {work}", flush=True)
    soak = Soak(larder, seconds, seed, work)
    try:
        soak.run()
        if soak.failure is not None:
            raise soak.failure
        judge(soak, tap)
    except Failure as failure:
        tap.test(f"the soak (seed {seed})", [str(failure)])
    finally:
        soak.close()
    for victim in (soak.steady, soak.mortal):
        if tap.failed and os.path.exists(victim.store):
            shutil.copytree(victim.store, os.path.join(work, "kept", os.path.basename(victim.work)), ignore=shutil.ignore_patterns("*.sock"))
        subprocess.run(("umount", "-l", victim.disk), check=False)
    if not tap.failed:
        shutil.rmtree(work)
    tap.end()


main()
