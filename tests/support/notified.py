#!/usr/bin/env python3
"""notified.py SOCKET: stands in for systemd, and prints what it is told there (sd_notify(3)), a line each."""
import os
import socket
import sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1] + ".new")
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    print(receiver.recv(4096).decode(), flush=True)
