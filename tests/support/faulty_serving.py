"""What a running daemon is asked to do while its calls fail. Each operation prepares itself with all well, acts while calls fail, and has to
work again afterwards."""
import os
import signal
import time

from faulty import LARGE, PAST_CONFIGURATION, PATIENCE, READS_CONFIGURATION, SMALL
from serving import Failure, archive_path, name_of, wait_for

TROUBLED = (None, 500, 503, 507)  # what larder may say, or not say, of trouble of its own


class Operation:
    phase = PAST_CONFIGURATION

    def __init__(self, bench):
        self.bench = bench
        self.name = type(self).__name__.lower()

    @property
    def daemon(self):
        return self.bench.daemon

    def survive(self, order):
        """The daemon may have died of it, cleanly."""
        if self.daemon.is_dying():
            self.bench.bury(order, self.phase)

    def expect(self, answer, statuses):
        if answer.status not in statuses:
            raise Failure(f"answered with {answer}")


class Upload(Operation):
    size, method = SMALL, "PUT"

    def prepare(self):
        self.body = self.bench.new(self.size)

    def act(self):
        self.expect(self.daemon.put(self.body), (201, 200, *TROUBLED))

    def again(self):
        self.expect(self.daemon.put(self.body), (200, 201))


class UploadLarge(Upload):
    size = LARGE


class UploadTouched(Upload):
    """One that is stored, and whose file was touched since: it has to be proven, or written, again."""

    def prepare(self):
        super().prepare()
        self.expect(self.daemon.put(self.body), (201,))
        name = name_of(self.body)
        os.utime(os.path.join(self.bench.store, "blobs", "sha256", name[:2], name))

    def again(self):
        if self.daemon.get(name_of(self.body)).status != 200:
            raise Failure("acknowledged before, and lost")
        super().again()


class Miss(Operation):
    size = SMALL

    def prepare(self):
        self.body = self.bench.offered(self.size)

    def act(self):
        self.expect(self.daemon.get(name_of(self.body)), (200, 404, *TROUBLED))

    def again(self):
        answer = self.daemon.get(name_of(self.body))
        self.expect(answer, (200,))
        answer = wait_for(lambda: self.hit(), "a miss to be kept", PATIENCE)
        self.bench.acknowledged[name_of(self.body)] = self.body

    def hit(self):
        answer = self.daemon.get(name_of(self.body))
        return answer.status == 200 and answer.fields["X-Cache"] == "HIT"


class MissLarge(Miss):
    size = LARGE


class Hit(Operation):
    size = SMALL
    span = None

    def prepare(self):
        if not hasattr(self, "body"):
            self.body = self.bench.new(self.size)
            self.expect(self.daemon.put(self.body), (201,))

    def ask(self):
        name = name_of(self.body)
        if self.span is None:
            return self.daemon.get(name)
        answer = self.daemon.ask("GET", archive_path(name), Range=f"bytes={self.span}")
        first, last = (int(end) for end in self.span.split("-"))
        if answer.status == 206 and answer.body != self.body[first:last + 1]:
            raise Failure("a part is complete, and wrong")
        return answer

    def act(self):
        self.expect(self.ask(), (200 if self.span is None else 206, 404, *TROUBLED))

    def again(self):
        self.expect(self.ask(), (200 if self.span is None else 206,))


class HitLarge(Hit):
    size = LARGE


class HitRange(Hit):
    size = LARGE
    span = "1000-90000"


class HitTouched(Hit):
    """Its file was touched since: the bytes are proven again."""
    size = LARGE

    def prepare(self):
        super().prepare()
        name = name_of(self.body)
        os.utime(os.path.join(self.bench.store, "blobs", "sha256", name[:2], name))


class Fetch(Operation):
    def prepare(self):
        self.body = self.bench.offered(SMALL)

    def act(self):
        job = self.bench.hire("/api/v1/fetch?name=one", f"sha256:{name_of(self.body)}\n")
        if job.get("exit_status") == 0:
            self.bench.acknowledged[name_of(self.body)] = self.body

    def again(self):
        job = self.bench.hire("/api/v1/fetch?name=one", f"sha256:{name_of(self.body)}\n")
        if job.get("exit_status") != 0:
            raise Failure(f"afterwards a fetch fails: {job}")
        self.bench.acknowledged[name_of(self.body)] = self.body


class Import(Operation):
    def prepare(self):
        body = self.bench.new(100)
        self.archive = name_of(body)
        self.line = self.bench.offer(body)

    def learn(self):
        job = self.bench.hire(f"/api/v1/catalog?name={self.archive[:8]}.list", self.line)
        if job.get("exit_status") == 0:
            self.bench.learned[self.archive] = self.line.split()[0]
        return job

    def act(self):
        self.learn()

    def again(self):
        job = self.learn()
        if job.get("exit_status") != 0:
            raise Failure(f"afterwards an import fails: {job}")


class Remove(Operation):
    def prepare(self):
        body = self.bench.new(SMALL)
        self.archive = name_of(body)
        self.expect(self.daemon.put(body), (201,))
        del self.bench.acknowledged[self.archive]

    def remove(self):
        answer = self.daemon.control("DELETE", archive_path(self.archive))
        if answer.status in (200, 204):
            self.bench.removed.add(self.archive)
        return answer

    def act(self):
        self.expect(self.remove(), (200, 204, 404, *TROUBLED))

    def again(self):
        self.expect(self.remove(), (200, 204, 404))
        answer = self.daemon.get(self.archive)
        if answer.status != 404:
            raise Failure(f"removed, and there: {answer}")


class Reload(Operation):
    phase = READS_CONFIGURATION
    words = "configuration read again", "the configuration in use stays"

    def prepare(self):
        self.before = self.said()

    def said(self):
        said = self.daemon.said()
        return sum(said.count(words) for words in self.words)

    def act(self):
        self.daemon.process.send_signal(signal.SIGHUP)
        begin = time.monotonic()
        # What could not be said is not waited for.
        wait_for(lambda: self.daemon.ended() or self.said() > self.before or self.bench.page.struck() and time.monotonic() > begin + 1,
                 "a reload", PATIENCE)

    def again(self):
        before = self.daemon.said().count(self.words[0])
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.daemon.said().count(self.words[0]) > before, "a reload", PATIENCE)


OPERATIONS = [Upload, UploadLarge, UploadTouched, Miss, MissLarge, Hit, HitLarge, HitRange, HitTouched, Fetch, Import, Remove, Reload]
