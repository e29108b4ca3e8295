"""Starts of the daemon and commands that work alone, while their calls fail. Each has a store of its own, fresh from a template."""
import os
import re
import shutil
import subprocess

from failing import MEMORY
from faulty import LARGE, PAST_CONFIGURATION, PATIENCE, READS_CONFIGURATION, SMALL, Daemon, died_cleanly
from serving import Failure, archive_path, name_of, wait_for

LARDER_SPEAKS = r"listening|larder: (?!lexer)|larder 0|larder is|/fresh" # and not libconfuse
MISREAD = 2    # the configuration
REFUSED = 1, 3 # exit statuses of a larder that says what is wrong


def refused(status, said, order):
    """It says what is wrong. Of a configuration libconfuse understands nothing without memory."""
    return said and (status in REFUSED or status == MISREAD and (order.kind in MEMORY or "the configuration cannot be read" in said))


class Template:
    """A store with a few archives and a catalog."""

    def __init__(self, bench):
        self.bench = bench
        self.base = os.path.join(bench.work, "template")
        self.archives = {}
        for size in (16, SMALL, SMALL, LARGE):
            body = bench.new(size)
            self.archives[name_of(body)] = body
        files = os.path.join(bench.work, "template.files")
        os.makedirs(files)
        for name, body in self.archives.items():
            with open(os.path.join(files, name), "wb") as file:
                file.write(body)
        self.wanted = bench.new(SMALL)
        listed = os.path.join(bench.work, "template.list")
        with open(listed, "w", encoding="utf-8") as file:
            file.write(bench.offer(self.wanted))
        for arguments in (["add", files], ["import", listed]):
            done = self.larder(self.base, *arguments)
            if done.returncode != 0:
                raise Failure(f"larder {arguments[0]} fails with nothing to hinder it: {done.stdout} {done.stderr}")

    def larder(self, store, *arguments, environment=None):
        command, *rest = arguments
        try:
            return subprocess.run([self.bench.larder, command, "-c", self.bench.config, "-s", store, *rest], capture_output=True,
                                  text=True, check=False, timeout=PATIENCE, env=environment)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"larder {command} hangs") from error


class Fresh:
    """What both have: a copy of the template, and what it must hold in the end."""

    def __init__(self, bench, template, name):
        self.bench, self.template, self.name = bench, template, name
        self.store = os.path.join(bench.work, "fresh")

    def prepare(self):
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.template.base, self.store)
        self.archives = dict(self.template.archives)
        self.spoil()

    def spoil(self):
        pass

    def check_files(self):
        for name in self.archives:
            try:
                with open(os.path.join(self.store, "blobs", "sha256", name[:2], name), "rb") as file:
                    if name_of(file.read()) == name:
                        continue
            except OSError as error:
                raise Failure(f"acknowledged, and lost: {error}") from error
            raise Failure(f"acknowledged, and not what its name says: sha256:{name}")


class Start(Fresh):
    knows_catalog = True

    def act(self):
        self.daemon = Daemon(self.bench, self.store)
        if self.daemon.is_up():
            self.daemon.ask("GET", "/readyz")

    def survive(self, order):
        if not self.daemon.address and not self.daemon.ended():
            raise Failure("it neither listens nor ends")
        if self.daemon.address and self.daemon.is_dying() or self.daemon.ended():
            self.bury(order)

    def bury(self, order):
        status, said = self.daemon.process.returncode, self.daemon.said()
        phase = PAST_CONFIGURATION if re.search(LARDER_SPEAKS, said) else READS_CONFIGURATION
        if died_cleanly(status, said, order, phase):
            self.bench.deaths += 1
        elif not refused(status, said, order):
            raise Failure(f"the start ended with {status}: {said}")

    def again(self):
        if self.daemon.ended():
            self.daemon = Daemon(self.bench, self.store)
            if not self.daemon.is_up():
                raise Failure(f"afterwards it does not start: {self.daemon.said()}")
        try:
            self.check()
        finally:
            if not self.daemon.ended():
                self.daemon.process.terminate()
                self.daemon.process.wait(PATIENCE)
        self.check_files()

    def check(self):
        wait_for(lambda: self.bench.json(self.daemon.ask("GET", "/readyz")).get("recovering") is False, "recovery", PATIENCE)
        if "commands cannot reach this daemon" in self.daemon.said():
            self.restart() # as it warns; archives are served without a control socket
        body = self.bench.new(500)
        answer = self.daemon.control("PUT", archive_path(name_of(body)), body)
        if answer.status != 201:
            raise Failure(f"afterwards an upload is refused: {answer}")
        self.archives[name_of(body)] = body
        missing = [name for name in self.archives if self.daemon.get(name).status != 200]
        if missing:
            self.restart()
            missing = [name for name in self.archives if self.daemon.get(name).status != 200]
        if missing:
            raise Failure(f"acknowledged, and not served: {missing}")
        if self.knows_catalog and self.daemon.get(name_of(self.template.wanted)).status != 200:
            raise Failure("learned, and forgotten")

    def restart(self):
        """What could not be adopted is adopted by the next start."""
        self.daemon.process.terminate()
        self.daemon.process.wait(PATIENCE)
        self.daemon = Daemon(self.bench, self.store)
        if not self.daemon.is_up():
            raise Failure(f"it does not start once more: {self.daemon.said()}")
        wait_for(lambda: self.bench.json(self.daemon.ask("GET", "/readyz")).get("recovering") is False, "recovery", PATIENCE)


class StartWithoutIndex(Start):
    knows_catalog = False

    def spoil(self):
        for name in os.listdir(self.store):
            if name.startswith("index.db"):
                os.unlink(os.path.join(self.store, name))


class StartWithDamage(Start):
    """The index is no database any more."""
    knows_catalog = False

    def spoil(self):
        with open(os.path.join(self.store, "index.db"), "r+b") as file:
            file.write(b"x" * 5000)


class Command(Fresh):
    """arguments(self): of the command, made new for every point."""

    def __init__(self, bench, template, name, arguments):
        super().__init__(bench, template, name)
        self.make = arguments

    def prepare(self):
        super().prepare()
        self.given = {}
        self.arguments = self.make(self)
        if self.arguments[0] == "remove":
            del self.archives[self.arguments[1].removeprefix("sha256:")]

    def run(self, environment=None):
        done = self.template.larder(self.store, *self.arguments, environment=environment)
        for name in self.given:
            if done.returncode == 0 or re.search(f"stored.*{name}|{name}.*stored", done.stdout):
                self.archives[name] = self.given[name]
        return done

    def act(self):
        self.done = self.run(self.bench.page.environment(self.bench.library))

    def survive(self, order):
        status, said = self.done.returncode, self.done.stderr
        phase = PAST_CONFIGURATION if re.search(LARDER_SPEAKS, said) else READS_CONFIGURATION
        if died_cleanly(status, said, order, phase):
            self.bench.deaths += 1
        elif status != 0 and not refused(status, said, order):
            raise Failure(f"the command ended with {status}: {said}")

    def again(self):
        done = self.run()
        if done.returncode != 0 and not (self.arguments[0] == "remove" and done.returncode == 1):
            raise Failure(f"afterwards it ends with {done.returncode}: {done.stdout} {done.stderr}")
        self.check_files()
        if self.arguments[0] == "remove":
            return
        done = self.template.larder(self.store, "verify")
        if done.returncode != 0:
            raise Failure(f"larder verify ended with {done.returncode}: {done.stdout} {done.stderr}")


def add(command):
    directory = os.path.join(command.bench.work, "given")
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    for size in (SMALL, LARGE):
        body = command.bench.new(size)
        command.given[name_of(body)] = body
        with open(os.path.join(directory, name_of(body)), "wb") as file:
            file.write(body)
    return "add", directory


def fetch(command):
    command.given[name_of(command.template.wanted)] = command.template.wanted
    return "fetch", "--all"


def import_list(command):
    listed = os.path.join(command.bench.work, "given.list")
    with open(listed, "w", encoding="utf-8") as file:
        file.write(command.bench.offer(command.bench.new(100)))
    return "import", listed


def remove(command):
    return "remove", f"sha256:{next(iter(command.template.archives))}"


def verify(_):
    return ("verify",)


def make_starts(bench):
    template = Template(bench)
    starts = [Start(bench, template, "start"), StartWithoutIndex(bench, template, "start without an index"),
              StartWithDamage(bench, template, "start with a damaged index")]
    return starts + [Command(bench, template, f"larder {act.__name__.partition('_')[0]}", act)
                     for act in (add, fetch, import_list, remove, verify)]
