"""larder import of the whole opam repository."""
import os
import shutil
import statistics
import subprocess
import sys
import time

from common import LARDER, REPEATS, TOP, configure, table


def bench_import(work):
    source = os.path.join(TOP, "..", "shared", "data", "opam-repository.tar.gz")
    print("## Import of the whole opam repository (18,793 files)\n")
    if not os.path.exists(source):
        print("not measured: no ../shared/data/opam-repository.tar.gz\n")
        return
    times, memory = [], 0
    for number in range(REPEATS):
        config = configure(os.path.join(work))
        shutil.rmtree(os.path.join(work, "store"), ignore_errors=True)
        begin = time.monotonic()
        child = subprocess.Popen([LARDER, "import", "-c", config, source], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit("bench: larder import failed")
        times.append(time.monotonic() - begin)
        memory = max(memory, usage.ru_maxrss)
    table(("", "median", "goal"), (("elapsed", f"{statistics.median(times):.2f} s", "< 1 s"),
                                   ("largest memory", f"{memory / 1024:.0f} MiB", "< 100 MiB")))
