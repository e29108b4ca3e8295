#!/usr/bin/env python3
"""A daemon at a control socket that does as it is told: odd_daemon.py SOCKET BEHAVIOUR [N], for tests of the commands.

Whatever work it is asked for becomes job 12; a pin, a removal, a token is done. It prints a line for each request. Behaviours are what becomes of the job:

    done N        it tells of N archives stored, and one that is missing
    failed        it could not be done
    cancelled     somebody ended it
    endless       it tells of three archives, and never ends
    refuses       there is no job: 503
    busy          the first three looks at the job meet 503; then it is done
    forgot        nothing is known of the job when it is looked at
    numberless    there is a job, but it has no number
    thinks FILE   it says that there is a job, or that a short act is done, only once the file is there; the job never ends
"""
import http.server
import json
import os
import socketserver
import sys
import time

SOCKET, BEHAVIOUR, ARGUMENT = sys.argv[1], sys.argv[2], (sys.argv[3:] or ["3"])[0]
COUNT = int(ARGUMENT) if ARGUMENT.isdigit() else 3
TOLD = 1000
EVENTS = [
    {"event": "stored", "digest": f"sha256:{i:064x}", "package": f"p{i:06}", "size": 1} for i in range(COUNT if BEHAVIOUR in ("done", "busy", "endless") else 0)
]
MISSING = {"package": "gone.1.0", "digests": {"md5": "0" * 32}, "reason": "unknown", "text": "nobody has it", "attempts": []}
RESULT = {"named": COUNT + 1, "present": 0, "stored_bytes": COUNT, "stored": [], "missing": [MISSING], "stopped": False}


def job(since):
    told = EVENTS[since : since + TOLD]
    progress = {"verb": "fetched", "done": since + len(told), "total": COUNT, "bytes": since + len(told)}
    answer = {"id": 12, "kind": "fetch", "state": BEHAVIOUR, "progress": progress, "events": told, "next": since + len(told)}
    if BEHAVIOUR in ("endless", "thinks"):
        answer["state"] = "running"
    if BEHAVIOUR in ("done", "busy"):
        answer.update(state="done", result=RESULT)
    if BEHAVIOUR == "failed":
        answer.update(result=None, error="nonsense is neither a digest nor a package", exit_status=1)
    if BEHAVIOUR == "cancelled":
        answer.update(result=None, error="cancelled", exit_status=3)
    return answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "control"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hear(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        print(self.command, self.path, body, flush=True)
        while BEHAVIOUR == "thinks" and not os.path.exists(ARGUMENT):
            time.sleep(0.01)

    def do_act(self):
        self.hear()
        digests = dict([self.path.split("/")[-2:]]) if self.path.count("/") > 2 else {}
        self.answer(200, {"pinned": self.command == "PUT", "removed": True, "size": 1, "digests": digests})

    do_PUT = do_DELETE = do_act

    def do_POST(self):
        self.hear()
        if self.path == "/api/v1/tokens":
            self.answer(201, {"token": "told-once", "name": "laptop", "rights": ["upload"]})
        elif BEHAVIOUR == "refuses":
            self.answer(503, {"error": "too much to do"})
        elif BEHAVIOUR == "numberless":
            self.answer(202, {"url": "/api/v1/jobs/"})
        else:
            self.answer(202, {"id": 12, "url": "/api/v1/jobs/12"})

    looks = 0

    def do_GET(self):
        print("GET", self.path, flush=True)
        Handler.looks += 1
        if BEHAVIOUR == "busy" and Handler.looks <= 3:
            self.answer(503, {"error": "too much to do"})
        elif BEHAVIOUR == "forgot":
            self.answer(404, {"error": "there is no job 12", "reason": "not-found"})
        else:
            self.answer(200, job(int(self.path.rpartition("=")[2])))


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


server = Server(SOCKET, Handler)
os.chmod(SOCKET, 0o600)
print("listening", flush=True)
server.serve_forever()
