#!/usr/bin/env python3
"""free_ports.py N: N ports on which nothing listens, below those that the kernel hands out by itself."""
import random
import socket
import sys

found = []
while len(found) < int(sys.argv[1]):
    port = random.randrange(10000, 32000)
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            found.append(port)
        except OSError:
            pass
print(*found)
