#!/usr/bin/env python3
"""slow_body.py PORT MODE BYTES < HEADER: sends a request header (standard input, its lines end in LF) and a body of zeros, and prints
all that comes back. What it waits for, it waits for 20 s at most.

  all       sends the whole body before it reads anything, as simple clients do
  chunked   the same in chunks of 1 MiB
  wait      reads first; sends the body once "100 Continue" came
  half      sends half of the body and leaves
  endless   sends for as long as the other side takes it; prints "cut" at the end
"""
import socket
import sys

BLOCK = b"\0" * (1 << 20)


def send_body(peer, mode, left):
    while left > 0:
        piece = BLOCK[:left]
        left -= len(piece)
        peer.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if mode == "chunked" else piece)
    if mode == "chunked":
        peer.sendall(b"0\r\n\r\n")


def receive(peer):
    """All there is, until the other side has nothing more to say; b"" after a reset would be no answer at all."""
    got = b""
    while piece := peer.recv(65536):
        got += piece
    return got


def run(peer, mode, size):
    if mode == "wait":
        first = peer.recv(65536)
        if not first.startswith(b"HTTP/1.1 100"):
            return first + receive(peer)
        send_body(peer, "all", size)
        return first + receive(peer)
    if mode == "half":
        send_body(peer, "all", size // 2)
        return b""
    if mode == "endless":
        try:
            while True:
                peer.sendall(BLOCK)
        except ConnectionError:
            return b"cut\n"
    send_body(peer, mode, size)
    return receive(peer)


with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as client:
    client.sendall(sys.stdin.buffer.read().replace(b"\n", b"\r\n"))
    sys.stdout.buffer.write(run(client, sys.argv[2], int(sys.argv[3])))
