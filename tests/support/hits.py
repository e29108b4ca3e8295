#!/usr/bin/env python3
"""hits.py PORT PATH FILE SCENARIO: asks for the archive at PATH, whose bytes are those of FILE, in one of the ways below; fails where the answer is another."""
import os
import signal
import socket
import struct
import sys

from wire import Wire, request

PORT, PATH, FILE, SCENARIO = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
with open(FILE, "rb") as stored:
    BYTES = stored.read()


def is_right(answer):
    assert answer is not None and answer.status == 200 and answer.body == BYTES, answer and answer.status


def both_ways():
    """The fast path and libmicrohttpd, which is asked where a field is special, say the same in the same words."""
    for method in "GET", "HEAD":
        fast, slow = Wire(PORT), Wire(PORT)
        for more in (), ("Connection: close",):
            fast.send(request(PATH, *more, method=method))
            slow.send(request(PATH, 'If-Match: "x"', *more, method=method))
            first, second = fast.answer(method), slow.answer(method)
            assert first.status == second.status == 200
            assert first.but_date() == second.but_date(), (first.fields, second.fields)
            assert first.body == second.body
        assert fast.answer() is None and slow.answer() is None


def in_line():
    """Many requests at once are answered in their order, whoever answers them."""
    wire = Wire(PORT)
    plain, part = request(PATH), request(PATH, "Range: bytes=1-3")
    missing = request("/sha256/" + "0" * 64)
    many = 100 if len(BYTES) < 100000 else 3
    wire.send(plain * many, part, plain, missing, request("/healthz"), plain * 2)
    for _ in range(many):
        is_right(wire.answer())
    assert wire.answer().status == (206 if BYTES else 416)
    is_right(wire.answer())
    assert wire.answer().status == 404
    assert wire.answer().body == b"ok\n"
    is_right(wire.answer())
    is_right(wire.answer())
    wire.close()


def in_pieces():
    """A head that comes in two parts, and byte by byte, on a connection that had a plain one before."""
    head = request(PATH)
    for at in 1, 5, 20, len(head) - 3, len(head) - 1:
        wire = Wire(PORT)
        wire.send(head)
        is_right(wire.answer())
        wire.send(head[:at])
        wire.send(head[at:])
        is_right(wire.answer())
        wire.close()
    wire = Wire(PORT)
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in head:
        wire.send(bytes([byte]))
    is_right(wire.answer())
    wire.close()


def then_others():
    """After hits, each asked for when the one before was answered, others are answered who need libmicrohttpd, and hits again."""
    for hits in 1, 2, 30, 200:
        wire = Wire(PORT)
        for _ in range(hits):
            wire.send(request(PATH))
            is_right(wire.answer())
        wire.send(request(PATH, "Range: bytes=1-3"))
        part = wire.answer()
        assert part.status == (206 if BYTES else 416) and (not BYTES or part.body == BYTES[1:4])
        wire.send(request(PATH))
        is_right(wire.answer())
        wire.send(request(PATH, "Connection: close"))
        is_right(wire.answer())
        assert wire.answer() is None


def urgent():
    """A byte out of band (RFC 9293, section 3.8.5) is no part of a request: who sends one is answered rightly or refused, and is not waited for."""
    for hits in 0, 1, 5:
        wire = Wire(PORT)
        for _ in range(hits):
            wire.send(request(PATH))
            is_right(wire.answer())
        wire.socket.send(b"!", socket.MSG_OOB)
        wire.send(request(PATH) * 2, request(PATH, "Connection: close"))
        answers = []
        while answer := wire.answer():
            answers.append(answer)
        assert answers
        for answer in answers[:-1]:
            is_right(answer)
        if answers[-1].status != 400:
            assert len(answers) == 3
            is_right(answers[-1])


def stopped():
    """When LARDER_PID is told to stop, who had hits and keeps his connection sees its end, and no reset."""
    wire = Wire(PORT)
    for _ in range(5):
        wire.send(request(PATH))
        is_right(wire.answer())
    os.kill(int(os.environ["LARDER_PID"]), signal.SIGTERM)
    assert wire.answer() is None


def half_closed():
    """Who will send nothing more gets his answers, and then the end."""
    wire = Wire(PORT)
    wire.send(request(PATH) * 3)
    wire.socket.shutdown(socket.SHUT_WR)
    for _ in range(3):
        is_right(wire.answer())
    assert wire.answer() is None


def last():
    """Connection: close is the end, whatever was sent behind it."""
    wire = Wire(PORT)
    wire.send(request(PATH), request(PATH, "Connection: close"), b"GET /nothing")
    is_right(wire.answer())
    is_right(wire.answer())
    assert wire.answer() is None
    wire = Wire(PORT)
    wire.send(request(PATH, "Connection: close"))
    is_right(wire.answer())
    assert wire.answer() is None


def as_much_as_is_read():
    """A head of exactly the 8 KiB that are looked at, with another one right behind it."""
    wire = Wire(PORT)
    wire.send(request(PATH))
    is_right(wire.answer())
    padding = 8192 - len(request(PATH, "X: "))
    wire.send(request(PATH, "X: " + "x" * padding), request(PATH))
    is_right(wire.answer())
    is_right(wire.answer())
    wire.close()


def segments_received(wire):
    """tcpi_segs_in of struct tcp_info."""
    return struct.unpack_from("I", wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144), 140)[0]


def end_with_the_last():
    """The end of the connection comes in the segment that has the end of an answer in memory: two others acknowledge, the connection and the request."""
    least = 100
    for _ in range(20):
        wire = Wire(PORT)
        wire.send(request(PATH, "Connection: close"))
        is_right(wire.answer())
        assert wire.answer() is None
        least = min(least, segments_received(wire))
        wire.close()
    assert least <= 3, least


def behind_the_last():
    """What comes behind a last request while its answer is sent does not cut the answer short."""
    wire = Wire(PORT, receive_buffer=4096)
    wire.send(request(PATH, "Connection: close"))
    first = wire.socket.recv(1)
    wire.send(b"\r\n")
    answer = first
    while piece := wire.socket.recv(65536):
        answer += piece
    assert answer.endswith(b"\r\n\r\n" + BYTES), len(answer)
    wire.close()


def slowly():
    """Readers that leave their buffers full do not keep others waiting, and get all of it."""
    slow = [Wire(PORT, receive_buffer=4096) for _ in range(20)]
    for wire in slow:
        wire.send(request(PATH))
    quick = Wire(PORT)
    for _ in range(3):
        quick.send(request(PATH))
        is_right(quick.answer())
    for wire in slow:
        is_right(wire.answer())
        wire.close()


def leaving():
    """Clients that reset the connection under their answer, after so many hundredths of it."""
    for share in (0, 1, 50, 99) * 5:
        wire = Wire(PORT, receive_buffer=4096)
        wire.send(request(PATH) * 2)
        assert wire.socket.recv(1)
        wire.file.read(len(BYTES) * share // 100)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()


def shortened():
    """The file of BLOB loses its end while it is sent: the answer ends before its length does."""
    wire = Wire(PORT, receive_buffer=4096)
    wire.send(request(PATH))
    answer = wire.socket.recv(1)
    os.chmod(os.environ["BLOB"], 0o600)
    os.truncate(os.environ["BLOB"], 1000)
    while piece := wire.socket.recv(65536):
        answer += piece
    assert len(answer) < len(BYTES), len(answer)
    wire.close()


globals()[SCENARIO]()
