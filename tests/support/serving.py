"""For tests in Python: one larder and the scripted origin (origin.py) in a directory of their own, clients, and TAP."""
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    """What a test says when something is not as it should be."""


def check(right, message):
    if not right:
        raise Failure(message)


def wait_for(found, what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.002)
    raise Failure(f"waited {seconds} s in vain for {what}")


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def make_directory(name):
    """Where TMPDIR says, or in memory: what is written outlives a kill there too, and no disk is waited for."""
    memory = "/dev/shm" if "TMPDIR" not in os.environ and os.access("/dev/shm", os.W_OK) else None
    return os.path.realpath(tempfile.mkdtemp(prefix=f"larder-{name}.", dir=memory))


def name_of(body):
    return hashlib.sha256(body).hexdigest()


def archive_path(name):
    return f"/sha256/{name[:2]}/{name}"


class Archive:
    """Bytes that no other archive has."""

    def __init__(self, name, size):
        self.name = name
        self.body = random.Random(name).randbytes(size)
        self.sha256 = name_of(self.body)
        self.path = archive_path(self.sha256)


class Origin:
    """The scripted origin, in WORK/origin."""

    def __init__(self, work, port=0):
        self.base = os.path.join(work, "origin")
        for name in ("files", "gate", "moved", "tls"):
            os.makedirs(os.path.join(self.base, name), exist_ok=True)
        self.files = os.path.join(self.base, "files")
        self.wanted_port = port
        self.process = None

    def run(self, port):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "origin.py"), self.base, str(port)])

    def start(self):
        self.run(self.wanted_port)
        self.port = int(wait_for(lambda: read(os.path.join(self.base, "port")).strip(), "the origin"))
        self.tls_port = int(read(os.path.join(self.base, "tls_port")))

    def start_again(self):
        """Where it was before, in a moment."""
        self.run(self.port)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def has(self, archive):
        with open(os.path.join(self.files, archive.name), "wb") as file:
            file.write(archive.body)

    def moves(self, archive, target):
        """/moved/NAME redirects there."""
        with open(os.path.join(self.base, "moved", archive.name), "w", encoding="utf-8") as file:
            file.write(target)

    def requests(self, path):
        """How often this path was asked for, in whatever way."""
        return read(os.path.join(self.base, "log")).count(f" {path} ")

    def reached(self):
        """The addresses that were connected to, so far."""
        return read(os.path.join(self.base, "reached")).split()


def write_config(path, store, *sections, workers=2, space=""):
    """space: more options of that section."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'store = "{store}"\nlisten = {{"127.0.0.1:0"}}\nworkers = {workers}\ndefault_mirrors = no\n'
                   f'space {{ min_free = "1MiB" {space} }}\nwatch {{ patrol = no }}\n')
        file.writelines(section + "\n" for section in sections)


def fetch_section(port, options):
    """That of a larder which may ask the origin there."""
    return f'fetch {{ allow_private = {{"127.0.0.0/8"}} allow_ports = {{{port}}} {options} }}'


def address_in(text):
    """Where a daemon that says this listens, as HOST:PORT; None: nowhere yet."""
    found = re.search(r"listening on http://([0-9.]+:[0-9]+)\D", text)
    return found and found.group(1)


class Control(http.client.HTTPConnection):
    """Through the control socket, which needs no token."""

    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        # A path too long for a socket's address is reached through the directory's descriptor.
        directory = os.open(os.path.dirname(self.path), os.O_PATH)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{os.path.basename(self.path)}")
        except OSError:
            self.sock.close()
            raise
        finally:
            os.close(directory)


class Daemon:
    """larder serve on a store of its own, WORK/store."""

    def __init__(self, larder, work, sections, workers=2):
        self.larder, self.work = larder, work
        self.config = os.path.join(work, "larder.conf")
        self.log_path = os.path.join(work, "larder.log")
        self.process = None
        write_config(self.config, f"{work}/store", 'log { format = "json" }', sections, workers=workers)

    def run(self, command, *args):
        return subprocess.run([self.larder, command, "-c", self.config, *args], capture_output=True, text=True, check=False)

    def learn(self, lines, statuses=(0,)):
        path = os.path.join(self.work, "origins.list")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        done = self.run("import", path)
        check(done.returncode in statuses, f"larder import ended with {done.returncode}: {done.stdout}{done.stderr}")

    def start(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([self.larder, "serve", "-c", self.config], stdout=log, stderr=log)
        self.url = wait_for(self.address, "larder to listen")

    def address(self):
        check(self.process.poll() is None, f"larder does not start: {read(self.log_path)}")
        address = address_in(read(self.log_path))
        return address and "http://" + address

    def stop(self):
        """As systemd would; it must end well."""
        self.process.terminate()
        status = self.process.wait(60)
        check(status == 0, f"larder ended with {status}: {read(self.log_path)[-3000:]}")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def metrics(self):
        with urllib.request.urlopen(self.url + "/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return {name: int(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#") if value.isdigit()}

    def log(self):
        """Its lines, of the access log and the other, as dictionaries."""
        return [json.loads(line) for line in read(self.log_path).splitlines() if line.startswith("{")]

    def blob(self, archive):
        return os.path.join(self.work, "store", "blobs", archive.path[1:])

    def store_is_sound(self):
        """Of a daemon that has stopped: nothing half-written is left, and every blob is what its name says."""
        left = os.listdir(os.path.join(self.work, "store", "tmp")) + os.listdir(os.path.join(self.work, "store", "quarantine"))
        check(not left, f"left behind in tmp or quarantine: {left}")
        done = self.run("verify")
        check(done.returncode == 0, f"larder verify ended with {done.returncode}: {done.stdout}{done.stderr}")


CUT_SHORT = 18


class Seen:
    """What curl saw: the status, its own exit status (CUT_SHORT; 28: it hung), fields, body; and its wish:
    GET, HEAD or Range."""

    def __init__(self, wish, status, ended, fields, body):
        self.wish, self.status, self.ended, self.fields, self.body = wish, status, ended, fields, body

    def field(self, name):
        return self.fields.get(name.lower())

    def __str__(self):
        text = self.body[:200].decode("latin-1") if self.status != 200 else ""
        return f"status {self.status}, curl {self.ended}, {len(self.body)} bytes, {self.fields} {text}".replace("\n", " ")


def get(url, **fields):
    """What curl would see of a GET, without a process."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in fields.items()})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return seen_by_hand("Range" if "Range" in fields else "GET", answer)
    except urllib.error.HTTPError as error:
        return seen_by_hand("GET", error)


def seen_by_hand(wish, answer):
    fields = {name.lower(): value for name, value in answer.headers.items()}
    try:
        return Seen(wish, answer.status, 0, fields, answer.read())
    except http.client.IncompleteRead as error:
        return Seen(wish, answer.status, CUT_SHORT, fields, error.partial)


def curl(url, *args):
    done = subprocess.run(["curl", "-s", "-i", "-m", "60", *args, url], capture_output=True, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    wish = "HEAD" if "-I" in args else "Range" if "-r" in args else "GET"
    return Seen(wish, int(lines[0].split()[1]) if lines[0] else 0, done.returncode, fields, body)


class Tap:
    """Prints a line a test; `failed` says whether one did."""

    def __init__(self):
        self.count, self.failed = 0, False

    def test(self, name, problems):
        self.count += 1
        for problem in problems:
            print(f"# {problem}")
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}", flush=True)
        self.failed = self.failed or bool(problems)

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


def certificate_authority(base, name):
    """BASE/NAME.pem, and the key beside it."""
    openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}", "-keyout", f"{base}/{name}.key", "-out", f"{base}/{name}.pem")
    return f"{base}/{name}.pem"


def certificate(path, names, authority=None, days=30):
    """PATH gets a key and a certificate for these ("IP:127.4.0.1,DNS:x"), signed by the authority or, without one, by itself. -1 day: expired."""
    subject = ("-subj", "/CN=scripted", "-addext", f"subjectAltName={names}")
    if authority is None:
        openssl("req", "-x509", *NEW_KEY, "-days", str(days), *subject, "-keyout", path + ".key", "-out", path)
    else:
        openssl("req", *NEW_KEY, *subject, "-keyout", path + ".key", "-out", path + ".csr")
        openssl("x509", "-req", "-in", path + ".csr", "-copy_extensions", "copyall", "-CA", authority, "-CAkey",
                authority.replace(".pem", ".key"), "-CAcreateserial", "-days", str(days), "-out", path)
    with open(path, "a", encoding="utf-8") as file:
        file.write(read(path + ".key"))


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"openssl {args[0]}: {done.stderr}")


def in_directory(name, run):
    """run(DIR, tap); a Failure is a test that failed."""
    tap = Tap()
    work = make_directory(name)
    try:
        run(work, tap)
    except Failure as failure:
        tap.test(name, [str(failure)])
    if not tap.failed:
        shutil.rmtree(work)
    tap.end()
