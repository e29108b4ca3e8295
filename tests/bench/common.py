"""What all benches share: servers and their CPU, configurations, tables."""
import os
import re
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
LARDER = os.environ["LARDER"]
SECONDS = int(os.environ.get("LARDER_BENCH_SECONDS", "3"))
REPEATS = 5
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
