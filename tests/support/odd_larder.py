#!/usr/bin/env python3
"""A larder that does as it is told: odd_larder.py DIR BEHAVIOUR [N] serves on 127.0.0.1, for tests of its clients.

It lacks everything it is asked about. With DIR/cert.pem (a key and its certificate) it speaks TLS. DIR/port gets the port, DIR/log a line "METHOD PATH BYTES" for each request whose body came. Behaviours
are what a PUT meets, or a question before it:

    takes            201
    busy N           the first N get 503 with Retry-After: 0, the others 201
    breaks N         the connections of the first N end without an answer, the others get 201
    later            429 with Retry-After: 3600
    forbids          403
    full             507
    held             201 once DIR/gate exists
    knows            200
    silent           /api/v1/check does not say what is lacking
    wordless         /api/v1/check answers without JSON
    strange          /api/v1/check lacks, too, what nobody asked about and what is no entry
    ponders N        the first N questions to /api/v1/check get 503
    stops            /version is 503
    other            /version is another program's
    elsewhere        every path is a redirect
"""
import hashlib
import http.server
import json
import os
import ssl
import sys
import threading
import time

DIR, BEHAVIOUR, COUNT = sys.argv[1], sys.argv[2], int((sys.argv[3:] or ["0"])[0])
LOCK = threading.Lock()
early = 0


def log(line):
    with LOCK, open(os.path.join(DIR, "log"), "a", encoding="utf-8") as file:
        file.write(line + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, value, **fields):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, field in fields.items():
            self.send_header(name.replace("_", "-"), field)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if BEHAVIOUR == "elsewhere":
            self.answer(301, {}, Location="http://127.0.0.1:1/version")
        elif BEHAVIOUR == "stops":
            self.answer(503, {"error": "larder is stopping", "reason": "stopping"}, Retry_After="1")
        else:
            self.answer(200, {"name": "cellar" if BEHAVIOUR == "other" else "larder", "version": "0"})
        log(f"GET {self.path} 0")

    def do_POST(self):
        asked = json.loads(self.body())["digests"]
        log(f"POST {self.path} {len(asked)}")
        missing = [{"digests": dict(name.split(":") for name in one), "state": "untried"} for one in asked]
        if BEHAVIOUR == "strange":
            missing += [{"digests": {"sha256": "0" * 64}, "state": "untried"}, {"digests": {"sha256": "12"}}, {"digests": {}}, {}, 3, None]
        if BEHAVIOUR == "ponders" and self.is_early():
            self.answer(503, {"error": "too much to do"}, Retry_After="0")
        elif BEHAVIOUR == "wordless":
            self.answer(200, "all of them")
        else:
            self.answer(200, {} if BEHAVIOUR == "silent" else {"missing": missing})

    def is_early(self):
        global early
        with LOCK:
            early += 1
            return early <= COUNT

    def do_PUT(self):
        body = self.body()
        right = hashlib.sha256(body).hexdigest() == self.path.rsplit("/", 1)[1]
        log(f"PUT {self.path} {len(body)}")
        early = self.is_early()
        if BEHAVIOUR == "breaks" and early:
            self.close_connection = True
        elif BEHAVIOUR == "busy" and early:
            self.answer(503, {"error": "too much to do"}, Retry_After="0")
        elif BEHAVIOUR == "later":
            self.answer(429, {"error": "enough for this hour"}, Retry_After="3600")
        elif BEHAVIOUR == "forbids":
            self.answer(403, {"error": "this token may not upload"})
        elif BEHAVIOUR == "knows":
            self.answer(200, {"result": "known"})
        elif BEHAVIOUR == "full":
            self.answer(507, {"error": "no space"})
        else:
            while BEHAVIOUR == "held" and not os.path.exists(os.path.join(DIR, "gate")):
                time.sleep(0.01)
            self.answer(201 if right else 422, {"result": "stored"})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if os.path.exists(os.path.join(DIR, "cert.pem")):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(DIR, "cert.pem"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(os.path.join(DIR, "port.new"), "w", encoding="utf-8") as port_file:
    port_file.write(str(server.server_port))
os.rename(os.path.join(DIR, "port.new"), os.path.join(DIR, "port"))
server.serve_forever()
