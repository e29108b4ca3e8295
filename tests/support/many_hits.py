#!/usr/bin/env python3
"""many_hits.py URL COUNT FILE: asks for it so often on one connection; each answer is the file."""
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

url, count = urlsplit(sys.argv[1]), int(sys.argv[2])
with open(sys.argv[3], "rb") as file:
    wanted = file.read()
connection = HTTPConnection(url.hostname, url.port, timeout=60)
for _ in range(count):
    connection.request("GET", url.path)
    if connection.getresponse().read() != wanted:
        sys.exit("many_hits: another answer")
