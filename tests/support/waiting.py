#!/usr/bin/env python3
"""waiting.py PORT GATE PATH FILE SCENARIO: asks for the archive at PATH, which is not stored and whose origin goes on when the file GATE exists; what comes are
the bytes of FILE. Fails where the answer is another."""
import socket
import struct
import sys
import time

from wire import Wire, request

PORT, GATE, PATH, FILE, SCENARIO = int(sys.argv[1]), *sys.argv[2:6]
with open(FILE, "rb") as stored:
    BYTES = stored.read()
SPECIAL = 'If-Match: "x"'  # makes it libmicrohttpd's
NOWHERE = "/sha256/" + "0" * 64


def metric(name):
    wire = Wire(PORT)
    wire.send(request("/metrics", "Connection: close"))
    lines = wire.answer().body.decode().split("\n")
    wire.close()
    return int(next(line for line in lines if line.startswith(f"larder_{name} ")).split()[1])


def until(name, value):
    end = time.monotonic() + 30
    while metric(name) != value:
        assert time.monotonic() < end, (name, metric(name), value)
        time.sleep(0.01)


def open_gate():
    with open(GATE, "w", encoding="ascii"):
        pass


def is_right(answer):
    assert answer is not None and answer.status == 200 and answer.body == BYTES, answer and answer.status


def reset(wire):
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


def crowd():
    """Those who wait on both ways, with GET and HEAD, get the same, in the same words."""
    wires = [(Wire(PORT), method, more) for method in ("GET", "HEAD") for more in ((), (SPECIAL,), ("Connection: close",)) for _ in range(4)]
    for wire, method, more in wires:
        wire.send(request(PATH, *more, method=method))
    until("flight_joins_total", len(wires) - 1)
    open_gate()
    answers = [(wire.answer(method), method, more) for wire, method, more in wires]
    for answer, method, more in answers:
        assert answer.status == 200 and answer.body == (BYTES if method == "GET" else b""), (method, more, answer.status)
    assert len({tuple(answer.but_date()) for answer, _, more in answers if "Connection: close" not in more}) == 1
    assert all(b"Connection: close\r\n" in answer.fields for answer, _, more in answers if "Connection: close" in more)
    for wire, _, more in wires:
        if "Connection: close" in more:
            assert wire.answer() is None
            wire.close()
            continue
        wire.send(request(PATH))  # everybody else is still connected
        is_right(wire.answer())
        wire.close()


def thousand():
    """A thousand on both ways, read one after the other."""
    wires = [Wire(PORT, receive_buffer=4096, source=f"127.0.5.{1 + number // 200}") for number in range(1000)]
    for number, wire in enumerate(wires):
        wire.send(request(PATH, *((SPECIAL,) if number % 2 else ())))
    until("flight_joins_total", len(wires) - 1)
    open_gate()
    for wire in wires:
        is_right(wire.answer())
        wire.close()


def errors():
    """What is nowhere is refused in the same words on both ways, on a connection that goes on."""
    for method in "GET", "HEAD":
        fast, slow = Wire(PORT), Wire(PORT)
        for path in NOWHERE, "/md5/" + "1" * 32:
            fast.send(request(path, method=method))
            slow.send(request(path, SPECIAL, method=method))
            first, second = fast.answer(method), slow.answer(method)
            assert first.status == second.status == 404
            assert first.but_date() == second.but_date(), (first.fields, second.fields)
            assert first.body == second.body
        fast.send(request("/healthz"))
        assert fast.answer().body == b"ok\n"


def in_line():
    """Requests behind one that waits, some sent with it and some later, are answered in their order; and half closed."""
    wire = Wire(PORT)
    wire.send(request(PATH), request(NOWHERE), request(PATH))
    until("requests_parked", 1)
    wire.send(request(PATH, "Range: bytes=1-3"), request(PATH))
    wire.socket.shutdown(socket.SHUT_WR)
    open_gate()
    is_right(wire.answer())
    assert wire.answer().status == 404
    is_right(wire.answer())
    assert wire.answer().body in (BYTES[1:4], BYTES)  # what is not kept comes as a whole
    is_right(wire.answer())
    assert wire.answer() is None


def behind_the_last():
    """What comes behind a last request that waits, or whose answer does, is nobody's: it is not counted again and does not cut the answer short."""
    wires = [Wire(PORT) for _ in range(4)]
    for wire in wires:
        wire.send(request(PATH, "Connection: close"))
    until("requests_parked", len(wires))
    for wire in wires:
        wire.send(b"\r\n")
    open_gate()
    for wire in wires:
        is_right(wire.answer())
        assert wire.answer() is None
        wire.close()
    assert metric("archive_misses_total") == len(wires)
    assert metric("archive_misses_served_total") == len(wires)
    assert metric("archive_hits_total") == 0


def leaving():
    """Those who leave while they wait are not waited for, and those who stay get all of it; the fetch goes on for nobody as well."""
    leavers = [Wire(PORT) for _ in range(10)]
    for wire in leavers:
        wire.send(request(PATH))
    until("requests_parked", len(leavers))
    for wire in leavers:
        reset(wire)
    until("requests_parked", 0)
    stays = Wire(PORT)
    stays.send(request(PATH))
    until("requests_parked", 1)
    open_gate()
    is_right(stays.answer())


def leaving_late():
    """Those who reset the connection after so many hundredths of what comes: who stays gets all of it."""
    leavers = [(Wire(PORT, receive_buffer=4096), share) for share in (0, 1, 50, 99) * 3]
    stays = Wire(PORT)
    for wire, _ in leavers:
        wire.send(request(PATH))
    stays.send(request(PATH))
    until("flight_joins_total", len(leavers))
    open_gate()
    for wire, share in leavers:
        assert wire.socket.recv(1)
        wire.file.read(len(BYTES) * share // 100)
        reset(wire)
    is_right(stays.answer())
    until("requests_parked", 0)


def slowly():
    """Readers that leave their buffers full, and some who reset the connection in the middle: the others get all of it, at their own pace."""
    slow = [Wire(PORT, receive_buffer=4096) for _ in range(10)]
    for wire in slow:
        wire.send(request(PATH))
    leavers = slow[::2]
    for wire in leavers:
        assert wire.socket.recv(1)
        reset(wire)
    quick = Wire(PORT)
    quick.send(request(PATH))
    open_gate()
    is_right(quick.answer())
    for wire in slow[1::2]:
        is_right(wire.answer())
    until("requests_parked", 0)


globals()[SCENARIO]()
