#!/usr/bin/env python3
"""order.py LARDER: what larder asks of the kernel, and in which order, while archives come in by every way there is and one goes; TAP.

Of each archive: all its bytes are written, then flushed (fdatasync), then it gets its name (rename), then the directory is flushed (fsync), then
its row goes to the log of the index and that is flushed, and only then is anybody told. Each step ends before the next begins. What is told of
removing: the row first, flushed, then the file goes, and its directory is flushed. A flush that fails is never tried again on the same file.

strace writes down the calls of all threads in the order of the kernel.
"""
import hashlib
import http.client
import os
import random
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from serving import Control, Failure, Origin, address_in, archive_path, fetch_section, make_directory, name_of, read, wait_for, write_config  # noqa: E402

CALLS = ("write,writev,pwrite64,sendto,sendmsg,sendfile,fdatasync,fsync,syncfs,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,"
         "ftruncate,fallocate")


class Call:
    """One system call: it begins at one line of the trace and ends at another."""

    def __init__(self, name, arguments, result, begin, end):
        self.name, self.result, self.begin, self.end = name, result, begin, end
        self.arguments = re.sub(r"((?:\\x[0-9a-f]{2})+)", lambda hexes: self.decode(hexes[1]), arguments)
        found = re.match(r"-?\w+<([^>]*)>", self.arguments)
        self.file = found[1] if found else ""

    @staticmethod
    def decode(text):
        return bytes.fromhex(text.replace("\\x", "")).decode("latin-1")

    def __str__(self):
        return f"{self.name}({self.arguments[:200]!r}) = {self.result} in line {self.begin}"


def read_trace(path):
    """The calls, in the order in which they began."""
    calls, open_calls = [], {}
    with open(path, encoding="latin-1") as trace:
        for number, line in enumerate(trace, 1):
            found = re.match(r"(\d+) +(?:<\.\.\. \w+ resumed>)?(.*)", line.rstrip("\n"))
            thread, rest = found[1], found[2]
            begin = number
            if "resumed>" in line[:60] and thread in open_calls:
                begin, before = open_calls.pop(thread)
                rest = before + rest
            if rest.endswith("<unfinished ...>"):
                open_calls[thread] = begin, rest[:-len("<unfinished ...>")].rstrip()
                continue
            found = re.match(r"(\w+)\((.*)\) += (-?\d+)", rest)
            if found:
                calls.append(Call(found[1], found[2], int(found[3]), begin, number))
    return sorted(calls, key=lambda call: call.begin)


class Judge:
    """Says of one archive whether its calls stand in the right order."""

    def __init__(self, calls, body):
        self.calls = calls
        self.sha256 = name_of(body)
        self.sha512 = hashlib.sha512(body).digest().decode("latin-1")
        self.shard = f"/blobs/sha256/{self.sha256[:2]}"

    def first(self, what, matches):
        for call in self.calls:
            if matches(call):
                return call
        raise Failure(f"{self.sha256}: {what}: there is no such call")

    def follows(self, what, before, matches):
        """The first of these calls after another one. Those that began before it ended do not count."""
        return self.first(what, lambda call: call.begin > before.end and call.result >= 0 and matches(call))

    def rename(self):
        return self.first("it gets its name", lambda call: call.name.startswith("rename") and call.result == 0
                          and f'"{self.sha256[:2]}/{self.sha256}"' in call.arguments)

    def check_bytes(self, rename):
        temp = "/tmp/" + re.findall(r'"([0-9a-f]{16})"', rename.arguments)[0]
        writes = [call for call in self.calls if call.file.endswith(temp) and call.name in ("write", "pwrite64", "ftruncate", "fallocate")]
        flushes = [call for call in self.calls if call.file.endswith(temp) and call.name in ("fdatasync", "fsync")]
        good = [call for call in flushes if call.result == 0 and call.end < rename.begin]
        if not writes:
            raise Failure(f"{self.sha256}: nothing was written to {temp}")
        if not good:
            raise Failure(f"{self.sha256}: named before its bytes were flushed")
        if any(call.result != 0 for call in flushes):
            raise Failure(f"{self.sha256}: named though a flush of its bytes had failed")
        for call in writes:
            if call.end > good[0].begin:
                raise Failure(f"{self.sha256}: written to after it was flushed: {call}")

    def is_row(self, call):
        return call.name == "pwrite64" and call.file.endswith("index.db-wal") and self.sha512 in call.arguments

    def check_stored(self, is_told):
        """is_told: the call that tells somebody that it is stored, or that gives him the last of its bytes."""
        rename = self.rename()
        self.check_bytes(rename)
        row = self.first("its row", self.is_row)
        directory = self.follows("its directory is flushed", rename, lambda call: call.name == "fsync" and call.file.endswith(self.shard))
        if row.begin < directory.end:
            raise Failure(f"{self.sha256}: its row is written before its name is durable: {row}")
        commit = self.follows("its row is flushed", row, lambda call: call.name in ("fdatasync", "fsync") and call.file.endswith("index.db-wal"))
        told = self.first("somebody is told", is_told)
        if told.begin < commit.end:
            raise Failure(f"{self.sha256}: told before its row was durable: {told}")

    def check_removed(self, is_told):
        """Its row has been written before: the next transaction takes it away."""
        unlink = self.first("it is deleted", lambda call: call.name == "unlinkat" and call.result == 0
                            and f'"{self.sha256[:2]}/{self.sha256}"' in call.arguments)
        stored = self.follows("its row was flushed", self.first("its row", self.is_row), lambda call: call.file.endswith("index.db-wal")
                              and call.name == "fdatasync")
        written = self.follows("its row is taken away", stored, lambda call: call.name == "pwrite64" and call.file.endswith("index.db-wal"))
        commit = self.follows("and that is flushed", written, lambda call: call.name == "fdatasync" and call.file.endswith("index.db-wal"))
        if commit.end > unlink.begin:
            raise Failure(f"{self.sha256}: deleted before it was out of the index")
        directory = self.follows("its directory is flushed", unlink, lambda call: call.name == "fsync" and call.file.endswith(self.shard))
        told = self.first("somebody is told", is_told)
        if told.begin < directory.end:
            raise Failure(f"{self.sha256}: told before it was durably gone")


class Scene:
    def __init__(self, larder, work):
        self.larder, self.work, self.number = larder, work, 0
        self.random = random.Random(1)
        self.store = os.path.join(work, "below", "store")
        self.config = os.path.join(work, "larder.conf")
        self.origin = Origin(work)
        self.origin.start()
        write_config(self.config, self.store, fetch_section(self.origin.port, 'verify_before_send = "64KiB"'), workers=1,
                     space='scrub_interval = "0"')
        self.daemon = None

    def read(self, name):
        return read(os.path.join(self.work, name))

    def body(self, size):
        return self.random.randbytes(size)

    def file(self, directory, body):
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, name_of(body))
        with open(path, "wb") as file:
            file.write(body)
        return path

    def learn(self, *bodies):
        """An origin serves them, and the catalog knows it."""
        path = os.path.join(self.work, "origins.list")
        with open(path, "w", encoding="utf-8") as file:
            for body in bodies:
                name = os.path.basename(self.file(self.origin.files, body))
                file.write(f"http://127.0.0.1:{self.origin.port}/ok/{name} sha256={name}\n")
        self.run("import", path)

    def environment(self):
        return dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")

    def strace(self, *arguments):
        return ["strace", "-f", "-qq", "-y", "-xx", "-s", "4200", *arguments]

    def run(self, *arguments):
        subprocess.run([self.larder, arguments[0], "-c", self.config, *arguments[1:]], check=True, capture_output=True)

    def trace(self, *arguments):
        """A command to its end: its calls."""
        path = os.path.join(self.work, "trace")
        subprocess.run([*self.strace("-o", path, "-e", "trace=" + CALLS), self.larder, arguments[0], "-c", self.config, *arguments[1:]],
                       check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        return read_trace(path)

    def address(self):
        return address_in(self.read("out"))

    def start(self, *before):
        """Serves. before: strace and its arguments, or nothing."""
        with open(os.path.join(self.work, "out"), "wb") as out, open(os.path.join(self.work, "err"), "wb") as err:
            self.daemon = subprocess.Popen([*before, self.larder, "serve", "-c", self.config], stdout=out, stderr=err, env=self.environment())
        wait_for(lambda: self.daemon.poll() is not None or self.address(), "larder to listen")
        if self.daemon.poll() is not None:
            raise Failure(f"larder serve does not start: {self.read('err')}")

    def pid(self):
        return int(read(os.path.join(self.store, "lock")).split()[0])

    def stop(self):
        if self.daemon is None:
            return
        os.kill(self.pid(), signal.SIGTERM)
        self.daemon.wait(60)
        self.daemon = None

    def ask(self, method, path, body=None, control=True):
        peer = Control(os.path.join(self.store, "control.sock")) if control else http.client.HTTPConnection(self.address(), timeout=60)
        peer.request(method, path, body)
        answer = peer.getresponse()
        got = answer.read()
        peer.close()
        return answer.status, got

    # --- the tests ---

    def test_add_and_make(self):
        """add, into a store that is not there yet"""
        body = self.body(20000)
        path = self.file(os.path.join(self.work, "adding"), body)
        calls = self.trace("add", path)
        judge = Judge(calls, body)
        judge.check_stored(lambda call: call.name in ("write", "writev") and call.file.startswith("pipe:") and judge.sha256 in call.arguments)
        told = judge.first("told", lambda call: call.file.startswith("pipe:") and judge.sha256 in call.arguments)
        for made in [call for call in calls if call.name in ("mkdir", "mkdirat") and call.result == 0]:
            self.check_directory(calls, made, told)

    @staticmethod
    def check_directory(calls, made, told):
        """A directory that was made: the one above it was flushed before anybody was told of what lies below."""
        name = re.findall(r'"([^"]*)"', made.arguments)[0]
        above = os.path.normpath(os.path.join(made.file, os.path.dirname(name)))
        if not any(call.name == "fsync" and call.file == above and call.result == 0 and call.begin > made.end and call.end < told.begin
                   for call in calls):
            raise Failure(f"{above}: {name} was made there, and it was not flushed")

    def test_fetch(self):
        """fetch, small and large"""
        small, large = self.body(9000), self.body(300000)
        self.learn(small, large)
        calls = self.trace("fetch", *("sha256:" + name_of(body) for body in (small, large)))
        for body in (small, large):
            judge = Judge(calls, body)
            judge.check_stored(lambda call, name=judge.sha256: call.file.startswith("pipe:") and name in call.arguments)

    @staticmethod
    def last_of(calls, name):
        """The call that sends the last bytes of the answer that has this digest in its header."""
        heads = [call for call in calls if call.name in ("sendto", "sendmsg", "write", "writev") and call.arguments.find("HTTP/1.1 20") > 0
                 and f'"sha256:{name}"' in call.arguments]
        if not heads:
            raise Failure(f"{name}: nobody was answered")
        sent = [call for call in calls if call.name.startswith(("send", "write")) and call.result > 0
                and re.match(r"\d+<([^>]*)>", call.arguments) and call.file == heads[0].file]
        return sent[-1]

    def test_serve(self):
        """uploads, misses and a removal, of a running daemon"""
        put, post, removed = self.body(30000), self.body(5000), self.body(7000)
        small, large = self.body(8000), self.body(400000)
        self.learn(small, large)
        path = os.path.join(self.work, "trace")
        self.start(*self.strace("-o", path, "-e", "trace=" + CALLS))
        for body in (put, removed):
            self.expect(201, "PUT", archive_path(name_of(body)), body)
        self.expect(201, "POST", "/api/v1/archives", post)
        for body in (small, large):
            self.expect(200, "GET", archive_path(name_of(body)), None, control=False)
        self.expect(200, "DELETE", archive_path(name_of(removed)))
        self.stop()
        calls = read_trace(path)
        for body in (put, removed, post):
            judge = Judge(calls, body)
            judge.check_stored(lambda call, name=judge.sha256: call.arguments.find("HTTP/1.1 201") > 0 and name in call.arguments)
        for body in (small, large):
            judge = Judge(calls, body)
            last = self.last_of(calls, judge.sha256)
            judge.check_stored(lambda call, last=last: call is last)
        judge = Judge(calls, removed)
        judge.check_removed(lambda call: call.name.startswith("send") and "HTTP/1.1 200" in call.arguments and judge.sha256 in call.arguments)

    def expect(self, status, method, path, body=None, control=True):
        got = self.ask(method, path, body, control)
        if got[0] != status:
            raise Failure(f"{method} {path}: {got[0]}, not {status}: {got[1][:200]!r}")

    def flushers(self):
        tasks = f"/proc/{self.pid()}/task"
        found = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm", encoding="utf-8") as comm:
                if comm.read().strip() == "flusher":
                    found.append(task)
        return found

    def test_failed_flush(self):
        """a flush that fails once is an upload that fails, and the next one is good"""
        body = self.body(40000)
        name = name_of(body)
        self.start()
        attached = subprocess.Popen(["strace", "-q", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1",
                                     *(part for task in self.flushers() for part in ("-p", task))], stderr=subprocess.DEVNULL)
        wait_for(lambda: all(self.is_traced(task) for task in self.flushers()), "strace")
        try:
            status, said = self.ask("PUT", archive_path(name), body)
            if status < 500:
                raise Failure(f"the bytes could not be flushed, and PUT answers {status}: {said[:200]!r}")
            if os.path.exists(os.path.join(self.store, "blobs", "sha256", name[:2], name)) or os.listdir(os.path.join(self.store, "tmp")):
                raise Failure("something is left of what could not be flushed")
        finally:
            attached.terminate()
            attached.wait()
        self.expect(201, "PUT", archive_path(name), body)
        self.expect(200, "GET", archive_path(name), None, control=False)
        self.stop()

    def is_traced(self, task):
        with open(f"/proc/{self.pid()}/task/{task}/status", encoding="utf-8") as status:
            return "TracerPid:\t0\n" not in status.read()

    def close(self):
        if self.daemon is not None:
            try:
                os.kill(self.pid(), signal.SIGKILL)
            except (OSError, IndexError):
                pass
            self.daemon.kill()
        self.origin.stop()


def main():
    work = make_directory("order")
    scene = Scene(sys.argv[1], work)
    tests = (scene.test_add_and_make, scene.test_fetch, scene.test_serve, scene.test_failed_flush)
    failed = False
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__doc__}", flush=True)
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            failed = True
            print(f"not ok {number} - {test.__doc__}\n# {failure}", flush=True)
            scene.close()
            scene.daemon = None
            break
    scene.close()
    print(f"1..{len(tests)}")
    if failed:
        print(f"# what is left lies in {work}")
        sys.exit(1)
    shutil.rmtree(work)


main()
