"""larder import of the whole opam repository, and of its history."""
import os
import shutil
import statistics
import subprocess
import sys
import time

from common import HERE, LARDER, REPEATS, TOP, configure, table


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


def timed(command):
    """The seconds it takes, and the largest memory of it and the processes it started; what it writes goes through a pipe to nowhere."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while child.stdout.read1(1 << 20):
        pass
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit("bench: failed: " + " ".join(command))
    return time.monotonic() - begin, usage.ru_maxrss / 1024


def bench_history(work):
    source = os.path.join(TOP, "..", "shared", "data", "opam-repository.tar.gz")
    print("## History of an opam repository (70,000 commits)\n")
    if not os.path.exists(source):
        print("not measured: no ../shared/data/opam-repository.tar.gz\n")
        return
    repository = os.environ.get("LARDER_BENCH_HISTORY", os.path.join(work, "history.git"))
    if not os.path.exists(repository):
        subprocess.run([sys.executable, os.path.join(HERE, "opam_history.py"), source, repository], check=True)
    config = configure(work)
    figures = {"larder": [], "git": [], "again": []}
    for _ in range(3):
        shutil.rmtree(os.path.join(work, "store"), ignore_errors=True)
        figures["larder"].append(timed([LARDER, "import", "-q", "-c", config, "--history", repository]))
        figures["git"].append(timed(["git", "-C", repository, "log", "-p"]))
        figures["again"].append(timed([LARDER, "import", "-q", "-c", config, "--history", repository]))
    middle = {what: statistics.median(seconds for seconds, _ in runs) for what, runs in figures.items()}
    memory = {what: max(mebibytes for _, mebibytes in runs) for what, runs in figures.items()}
    table(("", "median of 3", "goal"), (
        ("larder import --history", f"{middle['larder']:.2f} s", "< 10 s"),
        ("git log -p", f"{middle['git']:.2f} s", ""),
        ("ratio", f"{middle['larder'] / middle['git']:.2f}", "≤ 0.33"),
        ("again, with nothing new", f"{middle['again']:.2f} s", ""),
        ("largest memory of larder, the pack it has mapped included", f"{memory['larder']:.0f} MiB", ""),
        ("the same of git log -p", f"{memory['git']:.0f} MiB", "")))
