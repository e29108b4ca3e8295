#!/usr/bin/env python3
"""crawling.py PORT PATH FILE N HOW SECONDS MS [TOKEN]: N clients at once that take for ever, while a good one is served the archive at PATH,
whose bytes are those of FILE, again and again until all of them were closed: within SECONDS, and in 99 of 100 times the good one within MS.

  heads     each sends nothing, stops in the middle of a head, or sends it byte by byte, before and after a hit
  readers   each asks for the archive and reads none of it
  bodies    each begins an upload, with TOKEN, and sends a byte of its body now and then
  idle      each has had an answer and asks nothing more; they are not closed, and stay for SECONDS
"""
import multiprocessing
import resource
import select
import sys
import time

from wire import Wire, connections, request

PORT, PATH, FILE, COUNT, HOW = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
SECONDS, MS = float(sys.argv[6]), float(sys.argv[7])
TOKEN = sys.argv[8] if len(sys.argv) > 8 else ""
PATIENCE = 120  # seconds; a deadline for the test alone
PER_ADDRESS = 1000  # else there are not enough ports
with open(FILE, "rb") as stored:
    BYTES = stored.read()
HEAD = request(PATH, "X: " + "y" * 5000)


def begin(number):
    """How many bytes of a head follow at once."""
    wire = Wire(PORT, receive_buffer=4096, source=f"127.0.5.{1 + number // PER_ADDRESS}")
    if HOW == "readers":
        wire.send(request(PATH))
    elif HOW == "bodies":
        wire.send(request(f"/sha256/{number:064x}", f"Authorization: Bearer {TOKEN}", "Content-Length: 100000", method="PUT"))
    elif HOW == "idle" or number % 7 == 0:  # of the slow heads some have had an answer, and are slow only now
        wire.send(request(PATH, method="HEAD"))
        assert wire.answer("HEAD").status == 200
    return wire


def connect(number):
    """And whether it sends a byte now and then."""
    wire = begin(number)
    if HOW != "heads":
        return wire, HOW == "bodies"
    wire.send(HEAD[:(0, 30, 1)[number % 3]])
    return wire, number % 3 == 2


def is_closed(wire):
    poll = select.poll()
    poll.register(wire.socket, select.POLLRDHUP)
    return bool(poll.poll(0))


def drip(wire):
    try:
        wire.send(b"y")
    except OSError:
        pass


def good_client():
    wire = Wire(PORT)
    wire.send(request(PATH, "Connection: close"))
    assert wire.answer().body == BYTES
    wire.close()


class Good(multiprocessing.Process):
    """The good client, in a process of its own: it waits for nobody but larder."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ends, (self.told, self.tells) = multiprocessing.Event(), multiprocessing.Pipe(False)

    def run(self):
        took = []
        while not self.ends.is_set():
            began = time.monotonic()
            good_client()
            took.append(1000 * (time.monotonic() - began))
            time.sleep(0.01)
        self.tells.send(took)

    def end(self):
        """How long each answer took."""
        self.ends.set()
        assert self.told.poll(PATIENCE), "the good client was not served"
        return sorted(self.told.recv())


def who_is_left(slow):
    if HOW == "readers":
        # Who reads nothing does not see that it is over: the server is asked.
        return slow if connections(PORT) > 2 else []
    for wire, drips in slow:
        if drips:
            drip(wire)
    return [(wire, drips) for wire, drips in slow if not is_closed(wire)]


def wait_for_all(left, began):
    while left and (HOW != "idle" or time.monotonic() < began + SECONDS):
        assert time.monotonic() < began + PATIENCE, f"{len(left)} are still connected"
        left = who_is_left(left)
        time.sleep(0.05)
    return left


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    everybody = [connect(number) for number in range(COUNT)]
    began, good = time.monotonic(), Good()
    good.start()
    good.tells.close()  # here, so that its end is heard of
    left = wait_for_all(everybody, began)
    seconds, took = time.monotonic() - began, good.end()
    late = took[len(took) * 99 // 100]
    print(f"{COUNT} {HOW}: {COUNT - len(left)} closed in {seconds:.1f} s; {len(took)} good answers, half of them in {took[len(took) // 2]:.1f} ms, "
          f"99 of 100 in {late:.1f}", flush=True)
    assert len(left) == (COUNT if HOW == "idle" else 0), "some idle ones were closed"
    assert HOW == "idle" or seconds <= SECONDS, "too late"
    assert late <= MS, "the good client was held up"


main()
