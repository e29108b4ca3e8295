#!/usr/bin/env python3
"""A receiver of webhooks: receiver.py DIR listens on 127.0.0.1.

DIR/port gets the port; DIR/status is what it answers (200 where there is no such file). Each request becomes a line of DIR/got: its event's
number, the status it was answered with, and its Larder-Signature; the body of the last one is in DIR/body.
"""
import http.server
import json
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        base = self.server.base
        try:
            with open(os.path.join(base, "status"), encoding="utf-8") as file:
                status = int(file.read())
        except OSError:
            status = 200
        with open(os.path.join(base, "body"), "wb") as file:
            file.write(body)
        with open(os.path.join(base, "got"), "a", encoding="utf-8") as file:
            file.write(f"{json.loads(body)['event']['id']} {status} {self.headers['Larder-Event']} {self.headers['Larder-Signature']}\n")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status == 302:
            self.send_header("Location", "http://127.0.0.1/")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.base = sys.argv[1]
    port = os.path.join(server.base, "port")
    with open(port + ".new", "w", encoding="utf-8") as file:
        file.write(str(server.server_port))
    os.rename(port + ".new", port)
    server.serve_forever()


main()
