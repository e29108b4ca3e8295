#!/usr/bin/env python3
"""A scripted internet: internet.py DIR serves many hosts on one port of this machine.

A host is the first part of a path (larder's `rewrite "https://github.com/" { to = "http://127.9.0.1:PORT/github.com/" }`; each host may be
given an address of its own). DIR/port gets the port, DIR/log a line for each request: "METHOD HOST/PATH STATUS". What is answered stands
in DIR/rules, read again for each request: lines of `PREFIX BEHAVIOUR [ARGUMENT]`; the last one whose prefix "HOST/PATH" has counts, and without one it is
404.

    ok [FILE]        DIR/files/FILE, or the file that is called like the last part of the path; with ETag, HEAD and Range
    status CODE [RETRY-AFTER]
    moved PREFIX     302 to the same path below another prefix
    page             200 and an HTML page
    reset            the connection is reset before anything is said
    flaky SHARE SEED BEHAVIOUR...   in SHARE of 100 requests (by a hash of seed, path and a counter) 500, else the behaviour
"""
import hashlib
import os
import socket
import socketserver
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    counts = {}

    def rule(self, place):
        last = ("", ["status", "404"])
        with open(os.path.join(self.server.base, "rules"), encoding="utf-8") as file:
            for line in file:
                prefix, *behaviour = line.split()
                if place.startswith(prefix):
                    last = (prefix, behaviour)
        return last

    def answer(self, status, body=b"", **fields):
        with self.lock, open(os.path.join(self.server.base, "log"), "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.place} {status}\n")
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_ok(self, name=None):
        with open(os.path.join(self.server.base, "files", name or os.path.basename(self.place)), "rb") as file:
            body = file.read()
        tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and self.headers.get("If-Range", tag) == tag:
            first, _, last = wanted[6:].partition("-")
            first, last = int(first), min(int(last or len(body) - 1), len(body) - 1)
            self.answer(206, body[first:last + 1], ETag=tag, Content_Range=f"bytes {first}-{last}/{len(body)}")
        else:
            self.answer(200, body, ETag=tag)

    def do_status(self, code, retry=None):
        self.answer(int(code), b"no\n", **({"Retry_After": retry} if retry else {}))

    def do_moved(self, prefix):
        where, _ = self.rule(self.place)
        self.answer(302, Location="/" + prefix + self.place[len(where):])

    def do_page(self):
        self.answer(200, b"<!doctype html><title>For sale</title><p>This domain is for sale.\n", Content_Type="text/html")

    def do_reset(self):
        with self.lock, open(os.path.join(self.server.base, "log"), "a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.place} reset\n")
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        self.wfile = open(os.devnull, "wb")

    def do_flaky(self, share, seed, *behaviour):
        with self.lock:
            count = self.counts[self.place] = self.counts.get(self.place, 0) + 1
        chance = int.from_bytes(hashlib.sha256(f"{seed} {self.place} {count}".encode()).digest()[:4], "big") % 100
        self.behave(["status", "500"] if chance < int(share) else list(behaviour))

    def behave(self, behaviour):
        getattr(self, "do_" + behaviour[0])(*behaviour[1:])

    def do_GET(self):
        self.place = self.path.lstrip("/")
        self.behave(self.rule(self.place)[1])

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass  # who was reset is not there any more


def main():
    server = Server(("0.0.0.0", 0), Handler)
    server.base = sys.argv[1]
    port = os.path.join(server.base, "port")
    with open(port + ".new", "w", encoding="utf-8") as file:
        file.write(str(server.server_address[1]))
    os.rename(port + ".new", port)
    server.serve_forever()


main()
