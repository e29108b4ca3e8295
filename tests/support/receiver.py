#!/usr/bin/env python3
"""A receiver of webhooks: receiver.py DIR listens on 127.0.0.1.

DIR/port gets the port; DIR/status is what it answers (200 where there is no such file), with as many bytes as DIR/talk says (none). Each
request becomes a line of DIR/got: its event's number, the status it was answered with, and its Larder-Signature; the body of the last one
is in DIR/body. While there is DIR/held nobody is answered. With DIR/cert.pem (a key and its certificate) it speaks TLS.
"""
import http.server
import json
import os
import ssl
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        base = self.server.base
        status, talk = self.told("status", 200), self.told("talk", 0)
        with open(os.path.join(base, "body"), "wb") as file:
            file.write(body)
        with open(os.path.join(base, "got"), "a", encoding="utf-8") as file:
            file.write(f"{json.loads(body)['event']['id']} {status} {self.headers['Larder-Event']} {self.headers['Larder-Signature']}\n")
        while os.path.exists(os.path.join(base, "held")):
            time.sleep(0.01)
        self.send_response(status)
        self.send_header("Content-Length", str(talk))
        if status == 302:
            self.send_header("Location", "http://127.0.0.1/")
        self.end_headers()
        self.wfile.write(b"x" * talk)

    def told(self, name, otherwise):
        try:
            with open(os.path.join(self.server.base, name), encoding="utf-8") as file:
                return int(file.read())
        except OSError:
            return otherwise

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.base = sys.argv[1]
    certificate = os.path.join(server.base, "cert.pem")
    if os.path.exists(certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    port = os.path.join(server.base, "port")
    with open(port + ".new", "w", encoding="utf-8") as file:
        file.write(str(server.server_port))
    os.rename(port + ".new", port)
    server.serve_forever()


main()
