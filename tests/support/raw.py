#!/usr/bin/env python3
"""raw.py PORT: sends standard input as it is to 127.0.0.1:PORT and prints all that comes back until the peer closes."""
import socket
import sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as peer:
    try:
        peer.sendall(sys.stdin.buffer.read())
        while True:
            got = peer.recv(65536)
            if not got:
                break
            sys.stdout.buffer.write(got)
    except ConnectionError:
        pass
