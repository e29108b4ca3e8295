"""What a daemon takes, sampled while soak.py goes on: memory, descriptors, threads, and what lies in its store beside the archives."""
import os
import statistics
import threading
import time

MEMORY = ("Rss", "Pss", "Anonymous")
COLUMNS = (*(name.lower() for name in MEMORY), "descriptors", "threads", "index", "wal", "tmp", "spool", "quarantine", "log")
FLAT = ("rss", "anonymous", "descriptors", "threads")  # not pss: it says as much of who else runs this program
FLAT_SHARE = 1.05    # of the median of the second quarter that of the last one may be, at most
QUARTERED = 1200     # seconds that are long enough to be compared


class Gone(Exception):
    """The process is."""


def size_of(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def files_in(path):
    try:
        return len(os.listdir(path))
    except OSError:
        return 0


def memory_of(pid):
    """KiB, by the names of smaps_rollup."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        lines = [line.split() for line in file if line.endswith("kB\n")]
    return {line[0].rstrip(":"): int(line[1]) for line in lines}


def sample(victim, pid):
    try:
        memory = memory_of(pid)
        values = [memory[name] for name in MEMORY]
        values += [files_in(f"/proc/{pid}/fd"), files_in(f"/proc/{pid}/task")]
    except (OSError, KeyError) as error:
        raise Gone from error
    store = victim.store
    values += [size_of(os.path.join(store, "index.db")), size_of(os.path.join(store, "index.db-wal"))]
    values += [files_in(os.path.join(store, name)) for name in ("tmp", "spool", "quarantine")]
    return dict(zip(COLUMNS, values + [size_of(os.path.join(victim.work, "err"))]))


def seconds_of_processor(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Measure:
    """One daemon's samples, written to WORK/samples.tsv as they come."""

    def __init__(self, victim, every_s):
        self.victim, self.every_s = victim, every_s
        self.samples = []  # (seconds since the beginning, values)
        self.began = time.monotonic()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        with open(os.path.join(self.victim.work, "samples.tsv"), "w", encoding="ascii") as file:
            print("seconds", *COLUMNS, sep="\t", file=file)
            while not self.stopping.wait(self.every_s):
                daemon = self.victim.daemon
                try:
                    values = sample(self.victim, daemon.pid)
                except (Gone, AttributeError):
                    continue
                self.samples.append((time.monotonic() - self.began, values))
                print(int(self.samples[-1][0]), *values.values(), sep="\t", file=file, flush=True)

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def newest(self):
        return self.samples[-1][1] if self.samples else dict.fromkeys(COLUMNS, 0)

    def medians(self, seconds):
        """Of each quarter of these seconds, for each column."""
        quarters = [[values for at, values in self.samples if number <= 4 * at / seconds < number + 1] for number in range(4)]
        return [{name: statistics.median(values[name] for values in quarter) for name in COLUMNS} for quarter in quarters]

    def rate(self, name, number, seconds):
        """By how much it grew a second in this quarter, from 0."""
        quarter = [(at, values[name]) for at, values in self.samples if number <= 4 * at / seconds < number + 1]
        return (quarter[-1][1] - quarter[0][1]) / (quarter[-1][0] - quarter[0][0])

    def grown(self, seconds):
        """What is not flat from the second quarter to the last one."""
        _, second, _, last = self.medians(seconds)
        return [f"{name}: {second[name]:.0f} in the second quarter, {last[name]:.0f} in the last one"
                for name in FLAT if last[name] > FLAT_SHARE * second[name]]
