"""What all benches share: servers and their CPU, configurations, tables."""
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
LARDER = os.environ["LARDER"]
SHORT = bool(os.environ.get("LARDER_BENCH_SHORT"))
SECONDS = int(os.environ.get("LARDER_BENCH_SECONDS", "1" if SHORT else "3"))
REPEATS = 2 if SHORT else 5
HERTZ = os.sysconf("SC_CLK_TCK")
CONFIG = """store = "{work}/store"
listen = {{"127.0.0.1:0"}}
workers = 2
default_mirrors = no
log {{ access = no }}
{more}
"""
NGINX = """worker_processes 2;
pid {work}/nginx.pid;
error_log {work}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10000 inactive=60s;
  open_file_cache_valid 60s;
  keepalive_requests 100000000;
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work}; uwsgi_temp_path {work}; scgi_temp_path {work};
  default_type application/octet-stream;
  server {{ listen 127.0.0.1:{port} reuseport; root {work}/exported; }}
}}
"""


def table(heading, rows):
    print("| " + " | ".join(heading) + " |")
    print("|" + "---|" * len(heading))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def spread(values, digits=2, unit=""):
    """The median, and between which values it lies."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f}{unit} ({least:.{digits}f}-{most:.{digits}f})"


def load():
    """For the line above a table: how busy the machine is besides."""
    return f"Load before: {os.getloadavg()[0]:.2f}."


def program(name):
    """One of the programs of this folder, which are built with the tests."""
    path = os.path.join(os.path.dirname(os.path.abspath(LARDER)), "tests", "bench_" + name)
    if not os.path.exists(path):
        sys.exit(f"bench: no {path}: build with -DBUILD_TESTING=ON")
    return path


def disk_seconds(folder, threads, files, size, *hashed):
    """How long this disk takes to make so many files durable by itself; the folder is made. See disk.c."""
    out = subprocess.run([program("disk"), folder, str(threads), str(files), str(size), *hashed], check=True, capture_output=True, text=True).stdout
    return float(out)


def wait_for(found, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.005)
    sys.exit("bench: waited in vain")


def configure(work, more=""):
    path = os.path.join(work, "larder.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(work=work, more=more))
    return path


def larder(config, command, *args):
    subprocess.run([LARDER, command, "-c", config, *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Server:
    """A process and its children, and the CPU seconds they have used."""

    def __init__(self, command, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    def address(self):
        def found():
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return re.search(r"listening on http://([0-9.:]+)", file.read())
        host, _, port = wait_for(found).group(1).partition(":")
        return host, int(port)

    def cpu(self):
        pids, seconds = [self.process.pid], 0
        while pids:
            pid = pids.pop()
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
            seconds += (int(fields[11]) + int(fields[12])) / HERTZ
            with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
                pids += map(int, file.read().split())
        return seconds

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Origin:
    """bench_origin on the files of a folder; /DELAY_MS/RATE/NAME."""

    def __init__(self, files):
        self.process = subprocess.Popen([program("origin"), files], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def asked(self):
        """How many requests for files came since this was asked last."""
        with socket.create_connection(("127.0.0.1", self.port)) as peer, peer.makefile("rb") as answer:
            peer.sendall(b"GET /count HTTP/1.1\r\nConnection: close\r\n\r\n")
            return int(answer.read().split()[-1])

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def memory(pid, name="VmHWM"):
    """MiB of /proc/PID/status: the largest so far, or VmRSS, that of now."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(rf"{name}:\s+(\d+)", file.read()).group(1)) / 1024


def threads(pid, name):
    """The numbers of a process's threads of this name, and the fields of their stat behind it."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as file:
            head, _, rest = file.read().rpartition(")")
        if head.partition("(")[2] == name:
            found[task] = rest.split()
    return found


def thread_cpu(pid, name):
    """The CPU seconds of a process's threads of this name."""
    return sum(int(fields[11]) + int(fields[12]) for fields in threads(pid, name).values()) / HERTZ


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
