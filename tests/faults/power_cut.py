#!/usr/bin/env python3
"""power_cut.py LARDER CUTS SEED: cuts the power of a filesystem under larder, and compares what is left with what was acknowledged before.

The filesystem is ext4 or xfs on a file. A cut is FS_IOC_SHUTDOWN without a flush of the journal: what was not made durable is lost. Every
fifth one is another kind: the file is copied in one instant (a reflink, on an xfs that holds it) while larder goes on, and the copy is mounted.
The list of what was acknowledged is copied before the cut. Under way at the time: uploads and misses, and a fetch, add, remove or import.

After each: everything acknowledged is there, right and in the index; everything removed is away, and known to be removed; no row is without
its file, no file in the place of an archive is anything else; larder verify finds nothing wrong.
"""
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

from victim import Origin, Victim  # finds serving, too
from serving import Failure, make_directory

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NOLOGFLUSH = 2
BATCH = 12
LIFE = 20       # cuts in the life of a filesystem
COPIED = 5      # each such cut is a copy
SERVED = 10     # each such cut is followed by a daemon that serves everything
LONGEST = 2     # seconds that a cut waits for something to be acknowledged
PAUSE = 0.01    # seconds between that and the cut, on the average
MAKE = {"ext4": ("mkfs.ext4", "-q", "-F", "-b", "4096"), "xfs": ("mkfs.xfs", "-q", "-f", "-m", "reflink=1")}
IMAGE_BYTES = 320 << 20  # xfs takes no less than 300 MiB


class Skip(Exception):
    """It cannot be done here."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"{' '.join(command[:2])}: {(done.stderr or done.stdout).strip()}")


class Disk:
    """A filesystem on a file."""

    def __init__(self, kind, image, place, size=IMAGE_BYTES):
        self.image, self.place, self.mounted = image, place, False
        os.makedirs(place, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(size)
        run(*MAKE[kind], image)
        self.mount()

    def mount(self):
        # A copy has the same name inside as what it was copied from.
        options = "loop,nouuid" if is_xfs(self.image) else "loop"
        run("mount", "-o", options, self.image, self.place)
        self.mounted = True

    def unmount(self):
        for _ in range(1000):
            if not self.mounted or subprocess.run(("umount", self.place), capture_output=True, check=False).returncode == 0:
                self.mounted = False
                return
            time.sleep(0.01)
        raise Failure(f"{self.place} stays busy")

    def cut(self):
        directory = os.open(self.place, os.O_RDONLY)
        fcntl.ioctl(directory, SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        os.close(directory)


def is_xfs(image):
    with open(image, "rb") as file:
        return file.read(4) == b"XFSB"


class Cuts:
    def __init__(self, larder, seed, work):
        self.larder, self.work, self.random = larder, work, random.Random(seed)
        self.holder = Disk("xfs", os.path.join(work, "holder.img"), os.path.join(work, "holder"), 2 * IMAGE_BYTES + (100 << 20))
        self.origin = Origin(work)
        self.disk = self.victim = None
        self.cuts = {"ext4": 0, "xfs": 0, "copy": 0}
        self.uploads = self.stored = self.removals = 0

    def begin_life(self, kind):
        self.end_life()
        self.kind = kind
        for name in os.listdir(self.origin.files):
            os.unlink(os.path.join(self.origin.files, name))
        self.disk = Disk(kind, os.path.join(self.holder.place, "disk.img"), os.path.join(self.work, "disk"))
        os.makedirs(os.path.join(self.work, "life"), exist_ok=True)
        self.victim = Victim(self.larder, os.path.join(self.work, "life"), os.path.join(self.disk.place, "store"), self.origin, self.random)

    def end_life(self):
        if self.victim is not None:
            self.uploads += self.victim.given
            self.stored += len(self.victim.oracle.stored)
            self.removals += self.victim.oracle.removals
            self.victim = None
        if self.disk is not None:
            self.disk.unmount()
            os.unlink(self.disk.image)
            self.disk = None

    def grow_log(self):
        """So that the index's log is written over from its beginning, which makes nothing else durable on its way as growth would."""
        path = os.path.join(self.victim.work, "many.list")
        with open(path, "w", encoding="utf-8") as file:
            for _ in range(4000):
                name = self.random.randbytes(32).hex()
                file.write(f"http://127.0.0.1:{self.origin.port}/ok/{name} sha256={name}\n")
        self.victim.run("import", path)
        daemon, _ = self.victim.serve()
        self.victim.ask("POST", "/api/v1/catalog?name=many.list", open(path, "rb").read())
        daemon.kill()
        daemon.wait()

    # --- workloads: processes, and threads that feed or await them ---

    def work_serve(self):
        """Uploads, misses and removals, all at once."""
        victim = self.victim
        asked = self.random.sample(sorted(victim.oracle.stored), min(4, len(victim.oracle.stored)))
        given = victim.make(os.path.join(victim.work, "giving"), BATCH)
        missing = victim.make(self.origin.files, BATCH)
        victim.learn(missing)
        daemon, address = victim.serve()
        if address is None:
            raise Failure(f"larder serve does not start: {victim.said()[-2000:]}")
        works = [lambda address, name=name: victim.get(address, name, missing) for name in missing]
        works += [lambda _, name=name: victim.put("PUT", name, given) for name in given]
        works += [lambda _, name=name: victim.delete(name) for name in asked]
        return daemon, victim.clients(address, works), asked, victim.oracle.copy

    def command(self, made, asked, *args):
        """One whose lines acknowledge, as far as they are out by then."""
        victim = self.victim
        process = victim.start(*args)

        def copy():
            victim.acknowledge_printed(made)
            return victim.oracle.copy()

        return process, [], asked, copy

    def work_add(self):
        made = self.victim.make(os.path.join(self.victim.work, "adding"), BATCH)
        return self.command(made, (), "add", os.path.join(self.victim.work, "adding"))

    def work_fetch(self):
        made = self.victim.make(self.origin.files, BATCH)
        self.victim.learn(made)
        return self.command(made, (), "fetch", *("sha256:" + name for name in made))

    def work_remove(self):
        asked = self.random.sample(sorted(self.victim.oracle.stored), min(BATCH, len(self.victim.oracle.stored)))
        if not asked:
            return self.work_add()
        return self.command(dict.fromkeys(asked, b""), asked, "remove", *("sha256:" + name for name in asked))

    def work_import(self):
        """Its acknowledgement is that it ends; whatever it does then is cut short."""
        made = self.victim.make(self.origin.files, BATCH)
        self.victim.learn(made)
        return self.command({}, (), "import", self.victim.write_list(self.victim.make(self.origin.files, BATCH)))

    # --- the cut, and the judgement ---

    def cut(self, number):
        """The first of a filesystem's life comes while the store is made."""
        kind = ("serve", "add", "fetch", "serve", "remove", "import")[number % 6] if number % LIFE else "add"
        if number % LIFE == 1:
            self.grow_log()
        process, threads, asked, copy = getattr(self, "work_" + kind)()
        self.wait_for_some(process, threads, copy)
        if number % COPIED == COPIED - 1:
            self.cut_copy(process, threads, asked, copy)
            return
        acknowledged = copy()
        self.disk.cut()
        self.cuts[self.kind] += 1
        end(process, threads)
        self.disk.unmount()
        self.disk.mount()
        self.judge(self.victim, acknowledged, asked, number % SERVED == 0)

    def wait_for_some(self, process, threads, copy):
        """Until some more is acknowledged, or all is done, and then a moment of any length."""
        began = copy()
        enough = len(began.stored) + 2 * began.removals + self.random.randrange(BATCH)
        end_at = time.monotonic() + LONGEST
        while time.monotonic() < end_at and process.poll() is None and (not threads or any(thread.is_alive() for thread in threads)):
            now = copy()
            if len(now.stored) + 2 * now.removals >= enough:
                break
            time.sleep(0.002)
        time.sleep(self.random.expovariate(1 / PAUSE))

    def cut_copy(self, process, threads, asked, copy):
        """Of the copy; what it was made from goes on as if nothing had been."""
        image = os.path.join(self.holder.place, "copy.img")
        acknowledged = copy()
        run("cp", "--reflink=always", self.disk.image, image)
        self.cuts["copy"] += 1
        process.kill()
        end(process, threads)
        place = os.path.join(self.work, "copy")
        other = object.__new__(Disk)
        other.image, other.place, other.mounted = image, place, False
        os.makedirs(place, exist_ok=True)
        other.mount()
        try:
            os.makedirs(os.path.join(self.work, "beside"), exist_ok=True)
            victim = Victim(self.larder, os.path.join(self.work, "beside"), os.path.join(place, "store"), self.origin, self.random)
            self.judge(victim, acknowledged, asked, False)
        finally:
            other.unmount()
            os.unlink(image)
        self.judge(self.victim, copy(), asked, False)

    @staticmethod
    def judge(victim, acknowledged, asked, and_serve):
        """asked: whose removal was asked for, and may have been done."""
        victim.check_complaint()
        victim.oracle = acknowledged
        if not os.path.isdir(victim.store) and not acknowledged.stored:
            return
        doubtful = [name for name in asked if name in acknowledged.stored]
        acknowledged.check_rows(victim.store, doubtful)
        acknowledged.check_tree(victim.store)
        acknowledged.check_files(victim.store, [name for name in acknowledged.stored if name not in doubtful])
        victim.run("verify")
        acknowledged.settle(victim.store, doubtful)
        acknowledged.check_rows(victim.store)
        acknowledged.check_files(victim.store)
        victim.check_learned()
        if and_serve:
            victim.check_served()

    def run(self, cuts):
        for number in range(cuts):
            if number % LIFE == 0:
                self.begin_life(("ext4", "xfs")[number // LIFE % 2])
            try:
                self.cut(number)
            except (Failure, Skip) as failure:  # what could be done before
                raise Failure(f"cut {number}, {self.kind}: {failure}") from failure
        self.end_life()
        print(f"# cuts: {self.cuts}; {self.uploads} uploads, {self.stored} archives, {self.removals} removals acknowledged, none lost")

    def finish(self):
        self.origin.stop()
        for disk in (self.disk, self.holder):
            if disk is not None:
                disk.unmount()


def end(process, threads):
    """Its store is gone: it may end as it likes, but it does end."""
    process.kill()
    process.wait(60)
    for thread in threads:
        thread.join()


def check_possible():
    if os.geteuid() != 0:
        raise Skip("filesystems are mounted by root alone")
    for program in ("mkfs.ext4", "mkfs.xfs", "mount", "umount", "cp"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            raise Skip(f"no {program}")


def main():
    larder, number, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    what = f"the power cut {number} times (seed {seed})"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = make_directory("power")  # what is lost is lost by the filesystem on the file, not by the one below
    cuts = None
    try:
        check_possible()
        cuts = Cuts(larder, seed, work)
        cuts.run(number)
        print(f"ok 1 - {what}")
    except Skip as reason:
        print(f"ok 1 - {what} # skip {reason}")
    except Failure as failure:
        print(f"# {failure}\nnot ok 1 - {what}")
    finally:
        if cuts is not None:
            cuts.finish()
        shutil.rmtree(work)
    print("1..1")


main()
