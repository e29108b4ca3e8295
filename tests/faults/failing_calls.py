#!/usr/bin/env python3
"""failing_calls.py LARDER LIBRARY POINTS SEED: has larder's calls of the system fail, one after the other, and looks what becomes of it.

A point is an operation, a kind of call, a way to fail, and a number N: larder does the operation, and its Nth call of that kind fails, or
all from the Nth on until the operation is over. Then the system is well again, and in the same process an upload, a hit and the operation
itself work, /readyz says so, nothing that was acknowledged is lost and nobody got wrong bytes complete. Memory and threads that cannot be
had may end the process, cleanly: then this holds of the next one.

POINTS: how many of all that there are, chosen by the seed; 0: all.
"""
import os
import random
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

import faulty  # noqa: E402
from failing import ALWAYS, ANY, MEMORY, SQLITE, WAYS, Order  # noqa: E402
from serving import Failure, make_directory  # noqa: E402

EACH_MAX = 60    # the first calls of a kind are taken one by one, of those behind a few
SOME_BEHIND = 25
INTERRUPTED = 40 # signals do not come for ever


def numbers(count, chance):
    if count <= EACH_MAX:
        return range(1, count + 1)
    return [*range(1, EACH_MAX + 1), *sorted(chance.sample(range(EACH_MAX + 1, count + 1), min(SOME_BEHIND, count - EACH_MAX)))]


def points_of(operation, counted, chance):
    """Every order that one operation can be given."""
    for (kind, caller), count in counted.items():
        if caller == SQLITE and kind in MEMORY and kind != "mmap":
            continue
        for nth in numbers(count, chance):
            for way in WAYS[kind]:
                yield operation, Order(kind, caller, way, nth, 1)
                if caller == ANY and kind in ("malloc", "calloc", "realloc"):
                    continue
                yield operation, Order(kind, caller, way, nth, INTERRUPTED if way == "EINTR" else ALWAYS)


class Run:
    def __init__(self, larder, library, seed, work):
        self.chance = random.Random(seed)
        self.bench = faulty.Bench(larder, library, self.chance, work)
        self.done = self.missed = 0
        self.slowest = (0.0, "")
        self.by_kind, self.by_operation = {}, {}

    def plan(self):
        """Every kind of call of every operation has its turn before any has a second."""
        groups = {}
        for operation in self.bench.operations:
            for point in points_of(operation, self.bench.count(operation), self.chance):
                groups.setdefault((operation.name, point[1].kind), []).append(point)
        groups = list(groups.values())
        for group in groups:
            self.chance.shuffle(group)
        self.chance.shuffle(groups)
        print(f"# {sum(map(len, groups))} points known, of {len(self.bench.operations)} operations", flush=True)
        return [group[turn] for turn in range(max(map(len, groups))) for group in groups if turn < len(group)]

    def run(self, points):
        for operation, order in self.plan():
            if self.done == points != 0:
                break
            begin = time.monotonic()
            try:
                struck = self.bench.try_point(operation, order)
            except Failure as failure:
                raise Failure(f"{operation.name}, {order}: {failure}") from failure
            seconds = time.monotonic() - begin
            self.slowest = max(self.slowest, (seconds, f"{operation.name}, {order}"))
            if not struck:
                self.missed += 1
                continue
            self.done += 1
            self.by_kind[order.kind] = self.by_kind.get(order.kind, 0) + 1
            self.by_operation[operation.name] = self.by_operation.get(operation.name, 0) + 1
            if self.done % 500 == 0:
                self.bench.check_all()
                print(f"# {self.done} points, {self.bench.deaths} deaths", flush=True)
        self.bench.check_all()
        self.bench.check_at_rest()

    def tell(self):
        print(f"# {self.done} points, {self.missed} not reached, {self.bench.deaths} clean deaths for want of memory or threads, "
              f"{len(self.bench.acknowledged)} archives acknowledged, none lost")
        print("# by operation:", ", ".join(f"{name} {count}" for name, count in sorted(self.by_operation.items())))
        print("# by call:", ", ".join(f"{name} {count}" for name, count in sorted(self.by_kind.items())))
        print(f"# slowest: {self.slowest[0]:.1f} s, {self.slowest[1]}")


def main():
    larder, library, points, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    work = make_directory("failing")
    run = Run(larder, library, seed, work)
    try:
        run.run(points)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"# {failure}; all of it is kept in {work}")
        sys.exit(1)
    finally:
        run.bench.end()
    run.tell()
    shutil.rmtree(work)


main()
