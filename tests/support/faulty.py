"""A larder whose calls can be made to fail, what it is asked to do meanwhile, and what has to hold afterwards. failing_calls.py gives the
orders; the operations are in faulty_serving.py (a running daemon) and faulty_starting.py (starts and commands)."""
import hashlib
import http.client
import json
import os
import resource
import signal
import subprocess
import threading
import time

from failing import MEMORY, Page
from serving import Control, Failure, Origin, address_in, archive_path, fetch_section, name_of, wait_for, write_config

PATIENCE = 20  # seconds, for what takes a hundredth of one: longer is a hang
A_WHILE = 0.5  # seconds, of calls that fail one after the other
HEALING = 15    # seconds, until all is well again
SMALL, LARGE = 3000, 100000  # verified before it is sent, and streamed

CLEAN_WORDS = "; stopping"  # what larder says when it cannot go on for want of memory or threads


class Answer:
    """status None: none came, or not all of it."""

    def __init__(self, status=None, body=b"", fields=None):
        self.status, self.body, self.fields = status, body, fields or {}

    def __str__(self):
        return f"{self.status} {self.body[:200]!r}"


class Daemon:
    """One process of larder serve, and how it is spoken to."""

    def __init__(self, bench, store):
        self.bench, self.store = bench, store
        self.log = store + ".log"
        with open(self.log, "ab") as log:
            self.begin = log.tell()
            self.process = subprocess.Popen([bench.larder, "serve", "-c", bench.config, "-s", store], stdout=log, stderr=log,
                                            env=bench.page.environment(bench.library))
        self.address = None

    def said(self):
        with open(self.log, "rb") as log:
            log.seek(self.begin)
            return log.read().decode("utf-8", "replace")

    def listens(self):
        """Its address, or False: it has ended instead."""
        if self.process.poll() is not None:
            return "ended"
        self.address = address_in(self.said())
        return self.address

    def is_up(self):
        return wait_for(self.listens, "the daemon to listen or to end", PATIENCE) != "ended"

    def ended(self):
        return self.process.poll() is not None

    def is_dying(self):
        """It has ended, or is about to."""
        if self.said().endswith(CLEAN_WORDS + "\n") or self.ask("GET", "/healthz").status != 200:
            try:
                self.process.wait(HEALING)
            except subprocess.TimeoutExpired as error:
                raise Failure("the daemon neither answers nor ends") from error
        return self.ended()

    def talk(self, peer, method, path, body=None, **fields):
        try:
            peer.request(method, path, body, {name.replace("_", "-"): value for name, value in fields.items()})
            answer = peer.getresponse()
            return Answer(answer.status, answer.read(), answer.headers)
        except TimeoutError as error:
            if self.ended():
                return Answer()
            raise Failure(f"{method} {path} hangs") from error
        except (OSError, http.client.HTTPException):
            return Answer()
        finally:
            peer.close()

    def ask(self, method, path, body=None, **fields):
        return self.talk(http.client.HTTPConnection(self.address, timeout=PATIENCE), method, path, body, **fields)

    def control(self, method, path, body=None):
        return self.talk(Control(os.path.join(self.store, "control.sock"), PATIENCE), method, path, body)

    def get(self, name, **fields):
        """One archive. Whatever comes complete has to be right."""
        answer = self.ask("GET", archive_path(name), **fields)
        if answer.status == 200 and name_of(answer.body) != name:
            raise Failure(f"complete, and wrong: sha256:{name}")
        return answer

    def put(self, body):
        """What is answered with 200 or 201 is acknowledged."""
        name = name_of(body)
        answer = self.control("PUT", archive_path(name), body)
        if answer.status in (200, 201):
            self.bench.acknowledged[name] = body
        return answer

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failure("the daemon does not stop") from error

    def kill(self):
        self.process.kill()
        self.process.wait()


READS_CONFIGURATION, PAST_CONFIGURATION = True, False
LEXER_GIVES_UP, LEXER_WORDS = 2, "out of dynamic memory in yy"  # what flex puts into every lexer


def died_cleanly(status, said, order, phase=PAST_CONFIGURATION):
    """For want of memory or threads, and saying so. libconfuse looks at none of its allocations and dies of them by itself, or its lexer
    ends the process, with nothing at stake: it reads the configuration, and never touches the store."""
    if order.kind not in MEMORY:
        return False
    if phase == READS_CONFIGURATION and (status in (-signal.SIGSEGV, -signal.SIGABRT) or status == LEXER_GIVES_UP and LEXER_WORDS in said):
        return True
    return status == -signal.SIGABRT and said.rstrip().endswith(CLEAN_WORDS)


class Bench:
    def __init__(self, larder, library, chance, work):
        from faulty_serving import OPERATIONS
        from faulty_starting import make_starts
        self.larder, self.library, self.chance, self.work = larder, library, chance, work
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.page = Page(os.path.join(work, "page"))
        self.config = os.path.join(work, "larder.conf")
        self.store = os.path.join(work, "store")
        self.acknowledged, self.learned, self.removed = {}, {}, set()
        self.hosts = self.deaths = 0
        self.healing = (0.0, "")
        self.origin = Origin(work)
        self.origin.start()
        write_config(self.config, self.store, "log { access = no }",
                     fetch_section(self.origin.port, 'verify_before_send = "8KiB" negative_ttl = "0"'))
        self.daemon = None
        self.start()
        self.page.learn()
        self.pool = []
        self.operations = [operation(self) for operation in OPERATIONS] + make_starts(self)

    def end(self):
        self.origin.stop()
        if self.daemon and not self.daemon.ended():
            self.daemon.kill()

    def start(self):
        self.daemon = Daemon(self, self.store)
        if not self.daemon.is_up():
            raise Failure(f"larder serve does not start: {self.daemon.said()}")

    # --- archives ---

    def new(self, size):
        return self.chance.randbytes(size)

    def offer(self, body):
        """An origin has it, at an address that nobody was asked at before; the line of a list that says so."""
        name = name_of(body)
        with open(os.path.join(self.origin.files, name), "wb") as file:
            file.write(body)
        self.hosts += 1
        host = f"127.{1 + self.hosts // 62500}.{self.hosts // 250 % 250}.{1 + self.hosts % 250}"
        return f"http://{host}:{self.origin.port}/ok/{name} sha256={name} md5={hashlib.md5(body).hexdigest()}\n"

    def offered(self, size):
        """One that the catalog names; they are learned many at a time."""
        if not self.pool:
            self.pool = [self.new(SMALL if number % 2 else LARGE) for number in range(60)]
            self.learn(self.pool)
        for at, body in enumerate(self.pool):
            if len(body) == size:
                return self.pool.pop(at)
        self.pool = []
        return self.offered(size)

    def learn(self, bodies):
        job = self.hire("/api/v1/catalog?name=pool", "".join(self.offer(body) for body in bodies))
        if job.get("exit_status") != 0:
            raise Failure(f"an import fails with nothing to hinder it: {job}")

    def hire(self, path, body):
        """The job as it ended, or why it was refused; {}: the daemon has died."""
        answer = self.daemon.control("POST", path, body)
        if answer.status != 202:
            return {"refused": str(answer)}
        number = self.json(answer)["id"]
        end = time.monotonic() + PATIENCE
        while not self.daemon.ended():
            job = self.json(self.daemon.control("GET", f"/api/v1/jobs/{number}"))
            if job.get("ended"):
                return job
            if time.monotonic() > end:
                raise Failure(f"job {number} does not end: {job}")
            time.sleep(0.003)
        return {}

    @staticmethod
    def json(answer):
        try:
            return json.loads(answer.body) if answer.status in (200, 202) else {}
        except ValueError as error:
            raise Failure(f"no JSON: {answer}") from error

    # --- points ---

    def count(self, operation):
        """How many calls it makes when none fails."""
        operation.prepare()
        self.page.count()
        operation.act()
        counted = self.page.counted()
        operation.again()
        return counted

    def try_point(self, operation, order):
        """False: the call was not reached."""
        operation.prepare()
        self.page.give(order)
        over = threading.Timer(A_WHILE, self.page.off)
        over.start()
        operation.act()
        over.cancel()
        self.page.off()
        struck = self.page.struck()
        operation.survive(order)
        begin = time.monotonic()
        operation.again()
        self.is_well()
        self.healing = max(self.healing, (time.monotonic() - begin, f"{operation.name}, {order}"))
        return struck > 0

    def bury(self, order, phase):
        """The daemon has died: that must have been clean, and the next one has to start."""
        status, said = self.daemon.process.returncode, self.daemon.said()
        if not died_cleanly(status, said, order, phase):
            raise Failure(f"the daemon ended with {status}: {said[-600:]}")
        self.deaths += 1
        self.start()

    def is_well(self):
        """An upload, a hit, and what /readyz says."""
        answer = self.daemon.put(self.new(500))
        if answer.status != 201:
            raise Failure(f"afterwards an upload is refused: {answer}")
        name = self.chance.choice(list(self.acknowledged))
        answer = self.daemon.get(name)
        if answer.status != 200 or answer.fields["X-Cache"] != "HIT":
            raise Failure(f"afterwards no hit: sha256:{name}: {answer}")
        wait_for(lambda: self.daemon.ask("GET", "/readyz").status == 200, "/readyz to say that all is well", HEALING)
        wait_for(lambda: "\nlarder_requests_under_way 1\n" in self.daemon.ask("GET", "/metrics").body.decode(),
                 "every request but this one to be over", HEALING)

    def check_all(self):
        for name in self.acknowledged:
            path = os.path.join(self.store, "blobs", "sha256", name[:2], name)
            try:
                with open(path, "rb") as file:
                    right = name_of(file.read()) == name
            except OSError as error:
                raise Failure(f"acknowledged, and lost: {error}") from error
            if not right:
                raise Failure(f"acknowledged, and not what its name says: {path}")
            answer = self.daemon.get(name)
            if answer.status != 200 or answer.fields["X-Cache"] != "HIT":
                raise Failure(f"acknowledged, and not served: sha256:{name}: {answer}")
        for name, address in self.learned.items():
            answer = self.daemon.control("GET", f"/api/v1/archives/sha256/{name}")
            if answer.status != 200 or address not in answer.body.decode():
                raise Failure(f"learned, and forgotten: sha256:{name}: {answer}")
        for name in self.removed:
            answer = self.daemon.get(name)
            if answer.status != 404 or answer.fields["Larder-Reason"] != "removed":
                raise Failure(f"removed, and there: sha256:{name}: {answer}")

    def check_at_rest(self):
        """It stops and starts once more; then larder verify finds nothing wrong."""
        for _ in range(2):
            if self.daemon.stop() != 0:
                raise Failure(f"the daemon does not stop well: {self.daemon.said()[-600:]}")
            self.start()
            wait_for(lambda: self.json(self.daemon.ask("GET", "/readyz")).get("recovering") is False, "recovery", PATIENCE)
        self.check_all()
        if self.daemon.stop() != 0:
            raise Failure(f"the daemon does not stop well: {self.daemon.said()[-600:]}")
        if os.listdir(os.path.join(self.store, "tmp")):
            raise Failure(f"left in tmp/: {os.listdir(os.path.join(self.store, 'tmp'))}")
        done = subprocess.run([self.larder, "verify", "-c", self.config], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"larder verify ended with {done.returncode}: {done.stdout} {done.stderr}")
