#!/usr/bin/env python3
"""crawling.py PORT PATH FILE N HOW: N clients at once that take for ever, while a good one is served the archive at PATH, whose bytes are those of FILE, until all of them were closed.

  heads     each sends nothing, stops in the middle of a head, or sends it byte by byte, before and after a hit
  readers   each asks for the archive and reads none of it
"""
import select
import socket
import sys
import time

from wire import Wire, connections, request

PORT, PATH, FILE, COUNT, HOW = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
PATIENCE = 120  # seconds; a deadline for the test alone
with open(FILE, "rb") as stored:
    BYTES = stored.read()
HEAD = request(PATH, "X: " + "y" * 5000)


def connect(number):
    """And how many bytes of its head are sent at once, and then each time."""
    wire = Wire(PORT, receive_buffer=4096)
    if HOW == "readers":
        wire.send(request(PATH))
        return wire, 0
    if number % 7 == 0: # has had an answer, and is slow only now
        wire.send(request(PATH, method="HEAD"))
        assert wire.answer("HEAD").status == 200
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


def who_is_left(slow):
    if HOW == "readers":
        # Who reads nothing does not see that it is over: the server is asked.
        return slow if connections(PORT) > 1 else []
    for wire, drips in slow:
        if drips:
            drip(wire)
    return [(wire, drips) for wire, drips in slow if not is_closed(wire)]


everybody = left = [connect(number) for number in range(COUNT)]
end = time.monotonic() + PATIENCE
served = 0
while left:
    assert time.monotonic() < end, f"{len(left)} are still connected"
    good_client()
    served += 1
    left = who_is_left(left)
    time.sleep(0.05)
assert served > 1
