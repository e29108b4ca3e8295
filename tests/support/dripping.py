#!/usr/bin/env python3
"""dripping.py PORT N TOKEN FILE: N uploads at once, each of which sends its head and then a byte a second, for ever. FILE is made once all
of them have been heard: the server has opened each of them before it asks for its body.
"""
import socket
import sys
import time

PORT, COUNT, TOKEN, FILE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]


def begin(number):
    peer = socket.create_connection(("127.0.0.1", PORT), timeout=20)
    peer.sendall(f"PUT /sha256/{number:064x} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
                 "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n".encode())
    assert peer.recv(65536).startswith(b"HTTP/1.1 100")
    return peer


peers = [begin(number) for number in range(COUNT)]
with open(FILE, "w", encoding="utf-8"):
    pass
while True:
    for one in peers:
        one.sendall(b"x")
    time.sleep(1)
