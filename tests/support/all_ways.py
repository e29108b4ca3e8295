#!/usr/bin/env python3
"""all_ways.py PORT FILES SEED: clients that ask for the archives in the directory FILES, which come from an origin that may fail, in all ways at once: with GET and
HEAD, plain and special, many requests in a line, in pieces, with more behind the last, at once and later; and that leave in all ways: half closed, closed, by a reset. Fails where one
gets, whole, other bytes than those asked for, or waits for ever."""
import hashlib
import os
import random
import socket
import struct
import sys
import threading
import time

from wire import Wire, request

PORT, FILES, SEED = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
CLIENTS, VISITS = 16, 15
WRONG = []


def archives():
    found = {}
    for name in sorted(os.listdir(FILES)):
        with open(os.path.join(FILES, name), "rb") as file:
            body = file.read()
        found["/sha256/" + hashlib.sha256(body).hexdigest()] = body
    return found


ARCHIVES = archives()
PATHS = list(ARCHIVES)


def asks(chance, visit):
    """What is asked for in one line, most of it by several clients at once, and what comes behind it."""
    first = visit * len(PATHS) // VISITS
    asked, sent = [], b""
    for _ in range(chance.choice((1, 1, 2, 5))):
        path = chance.choice(PATHS[first:first + 4]) if chance.random() < 0.9 else f"/sha256/{chance.getrandbits(256):064x}"
        method = chance.choice(("GET", "GET", "HEAD"))
        fields = [field for field, share in (('If-Match: "x"', 0.1), ("User-Agent: x", 0.2), ("Connection: close", 0.2)) if chance.random() < share]
        asked.append((path, method))
        sent += request(path, *fields, method=method)
        if "Connection: close" in fields:
            break
    return asked, sent + chance.choice((b"", b"", b"", b"\r\n", b"GET /"))


def leaves(chance, wire):
    time.sleep(chance.random() / 20)
    if chance.random() < 0.5:
        wire.socket.recv(chance.choice((1, 100000)))
    if chance.random() < 0.5:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reads(wire, asked):
    for path, method in asked:
        answer = wire.answer(method)
        if answer is None:
            return
        length = next(int(field.split(b":")[1]) for field in answer.fields if field.startswith(b"Content-Length:"))
        if method == "GET" and len(answer.body) < length:
            return
        if method == "GET" and answer.status == 200 and answer.body != ARCHIVES[path]:
            WRONG.append(path)


def comes(chance, visit):
    wire = Wire(PORT, receive_buffer=chance.choice((None, None, 4096)))
    asked, sent = asks(chance, visit)
    at = chance.choice((0, 0, chance.randrange(len(sent))))
    wire.send(sent[:at])
    wire.send(sent[at:])
    way = chance.random()
    if way < 0.2:
        leaves(chance, wire)
    else:
        if way < 0.3:
            wire.socket.shutdown(socket.SHUT_WR)
        elif way < 0.5:
            time.sleep(chance.random() / 50)
            wire.send(b"\r\n")
        reads(wire, asked)
    wire.close()


def client(number):
    chance = random.Random(f"{SEED} {number}")
    for visit in range(VISITS):
        try:
            comes(chance, visit)
        except socket.timeout:
            WRONG.append("no answer")
        except OSError:
            pass  # a connection that was reset


threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not WRONG, WRONG
