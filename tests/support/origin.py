#!/usr/bin/env python3
"""A scripted origin: origin.py DIR serves DIR/files on 127.0.0.0/8, each request behaving as the first part of its path says.

    /BEHAVIOUR/NAME or /BEHAVIOUR=ARGUMENT/NAME

DIR/port gets the port (PORT, where the command line ends with one), DIR/log a line for each request ("METHOD PATH" and its Range), when
its headers have been read, DIR/reached one for each connection: the address that was connected to. A gate is open once the file
DIR/gate/NAME exists. Every answer ends its connection. Behaviours are the functions below named do_*.

Where there is a DIR/tls, the same is served over TLS on another port, DIR/tls_port, by each address with the key and certificate in
DIR/tls/ADDRESS.pem.
"""
import email.utils
import gzip
import os
import random
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

PIECE = 65536
HANDSHAKE = 22  # the first byte of who wants TLS


class Gone(Exception):
    """The client left."""


class Request:
    def __init__(self, handler, method, path, headers):
        self.socket = handler.request
        self.base = handler.server.base
        self.method = method
        self.path = path
        self.headers = headers
        behaviour, _, self.name = path.lstrip("/").partition("/")
        self.verb, _, self.argument = behaviour.partition("=")

    def body(self):
        with open(os.path.join(self.base, "files", os.path.basename(self.name)), "rb") as file:
            return file.read()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Gone from error

    def head(self, status="200 OK", **fields):
        lines = [f"HTTP/1.1 {status}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def answer(self, body, status="200 OK", **fields):
        fields.setdefault("Content_Length", len(body))
        self.head(status, **fields)
        if self.method != "HEAD":
            self.send(body)

    def wait_until_gone(self):
        """Stalls: nothing more is sent, until the client gives up."""
        try:
            while self.socket.recv(PIECE):
                pass
        except OSError:
            pass
        raise Gone

    def wait_for_gate(self, name):
        self.socket.settimeout(0.02)
        while not os.path.exists(os.path.join(self.base, "gate", name)):
            try:
                if self.socket.recv(PIECE) == b"":
                    raise Gone
            except (TimeoutError, socket.timeout):
                pass
            except OSError as error:
                raise Gone from error
        self.socket.settimeout(60)

    def reset(self):
        """RST, and no FIN before it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def flipped(body):
    return body[:-1] + bytes([body[-1] ^ 1])


def do_ok(r):
    body = r.body()
    wanted = r.headers.get("range", "")
    if wanted.startswith("bytes=") and wanted.endswith("-") and 0 < int(wanted[6:-1]) < len(body):
        first = int(wanted[6:-1])
        r.answer(body[first:], "206 Partial Content", Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}", ETag='"one"')
    else:
        r.answer(body, ETag='"one"')


def do_no_length(r):
    r.head()
    r.send(r.body())


def do_chunked(r):
    body = r.body()
    r.head(Transfer_Encoding="chunked")
    for at in range(0, len(body), PIECE):
        piece = body[at:at + PIECE]
        r.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    r.send(b"0\r\n\r\n")


def do_chunked_cut(r):
    body = r.body()
    r.head(Transfer_Encoding="chunked")
    r.send(b"%x\r\n%s" % (len(body), body[:len(body) // 2]))


def do_chunked_bad(r):
    r.head(Transfer_Encoding="chunked")
    r.send(b"zz\r\n" + r.body() + b"\r\n0\r\n\r\n")


def do_cut(r):
    """The length is promised, half of it sent; a Range for the rest is refused by sending all of it, cut again."""
    body = r.body()
    r.head(Content_Length=len(body))
    r.send(body[:len(body) // 2])


def do_cut_once(r):
    """Half of it at first; who comes back with a Range gets the rest."""
    if "range" in r.headers:
        do_ok(r)
        return
    body = r.body()
    r.head(Content_Length=len(body), ETag='"one"', Accept_Ranges="bytes")
    r.send(body[:len(body) // 2])


def do_pieces(r):
    """pieces=BYTES: Range is honoured, and every answer breaks off after so many bytes of its body."""
    body, first = r.body(), 0
    wanted = r.headers.get("range", "")
    if wanted.startswith("bytes=") and wanted.endswith("-") and r.headers.get("if-range", '"one"') == '"one"':
        first = int(wanted[6:-1])
    fields = {"Content_Length": len(body) - first, "ETag": '"one"'}
    if first > 0:
        fields["Content_Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
    r.head("206 Partial Content" if first > 0 else "200 OK", **fields)
    r.send(body[first:first + int(r.argument)])


def do_wrong_cut(r):
    """Other bytes, and half of them; a Range changes nothing."""
    body = r.body()
    r.head(Content_Length=len(body))
    r.send(bytes([body[0] ^ 1]) + body[1:len(body) // 2])


def do_wrong_part(r):
    """Half of it at first; the rest that is asked for is other bytes."""
    body = r.body()
    if "range" in r.headers:
        first = len(body) // 2
        r.answer(flipped(body)[first:], "206 Partial Content", ETag='"one"', Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}")
    else:
        do_cut_once(r)


def do_shifted_part(r):
    """Half of it at first; then a part that begins elsewhere than was asked for."""
    body = r.body()
    if "range" in r.headers:
        first = len(body) // 2 + 1
        r.answer(body[first:], "206 Partial Content", ETag='"one"', Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}")
    else:
        do_cut_once(r)


def do_whole(r):
    """All of it, whatever part is asked for."""
    r.answer(r.body())


def do_cut_no_length(r):
    r.head()
    r.send(r.body()[:-1])


def do_wrong(r):
    """Other bytes of the same length; those who ask for a Range get them too."""
    r.answer(flipped(r.body()))


def do_wrong_no_length(r):
    r.head()
    r.send(flipped(r.body()))


def do_longer(r):
    r.answer(r.body() + b"more")


def do_longer_no_length(r):
    r.head()
    r.send(r.body() + b"more")


def do_endless(r):
    r.head()
    while True:
        r.send(b"x" * PIECE)


def do_drip(r):
    """Headers, then a byte a second."""
    body = r.body()
    r.head(Content_Length=len(body))
    for at in range(len(body)):
        r.send(body[at:at + 1])
        time.sleep(1)


def do_stall(r):
    r.wait_until_gone()


def do_stall_body(r):
    body = r.body()
    r.head(Content_Length=len(body))
    r.send(body[:len(body) // 2])
    r.wait_until_gone()


def do_rst(r):
    r.reset()


def do_rst_body(r):
    body = r.body()
    r.head(Content_Length=len(body))
    r.send(body[:len(body) // 2])
    r.reset()


def do_fin(_):
    pass


def do_status(r):
    """status=CODE or status=CODE:RETRY-AFTER; "in-an-hour" is told as a date."""
    code, _, retry = r.argument.partition(":")
    if retry == "in-an-hour":
        retry = email.utils.formatdate(time.time() + 3600, usegmt=True)
    if retry:
        r.answer(b"no\n", f"{code} Scripted", Retry_After=retry)
    elif code in ("204", "304"):
        r.head(f"{code} Scripted")
    else:
        r.answer(b"no\n", f"{code} Scripted")


def do_html(r):
    r.answer(b"<!DOCTYPE html><title>Log in</title>\n", Content_Type="text/html")


def do_empty(r):
    r.answer(b"")


def do_partial(r):
    """206, though nobody asked for a part."""
    body = r.body()
    r.answer(body, "206 Partial Content", Content_Range=f"bytes 0-{len(body) - 1}/{len(body)}")


def do_gzip(r):
    r.answer(gzip.compress(r.body()), Content_Encoding="gzip")


def do_short_length(r):
    r.answer(r.body(), Content_Length=len(r.body()) - 1)


def do_long_length(r):
    r.answer(r.body(), Content_Length=len(r.body()) + 1)


def do_two_lengths(r):
    body = r.body()
    r.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\nContent-Length: 5\r\n\r\n" % len(body))
    r.send(body)


def do_equal_lengths(r):
    body = r.body()
    r.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + 2 * (b"Content-Length: %d\r\n" % len(body)) + b"\r\n" + body)


def do_chunked_with_length(r):
    """What is said of the length does not count where the body is chunked."""
    body = r.body()
    r.head(Content_Length=5, Transfer_Encoding="chunked")
    r.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))


def do_no_http(r):
    r.send(b"no HTTP at all\r\n\r\n" + r.body())


def do_nul_header(r):
    r.answer(r.body(), X_Nul="a\0b")


def do_big_header(r):
    r.answer(r.body(), X_Padding="x" * (1 << 20))


def do_many_headers(r):
    r.answer(r.body(), **{f"X_Padding_{number}": "x" * 1000 for number in range(1000)})


def do_few_1xx(r):
    r.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3)
    r.answer(r.body())


def do_many_1xx(r):
    while True:
        r.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100)


def do_loop(r):
    r.answer(b"", "302 Found", Location=r.path)


def do_hops(r):
    """hops=N: N redirects, then ok."""
    left = int(r.argument)
    r.answer(b"", "302 Found", Location=f"/hops={left - 1}/{r.name}" if left > 1 else f"/ok/{r.name}")


def do_relative(r):
    r.answer(b"", "301 Moved", Location=f"../ok/{r.name}")


def do_to(r):
    """to=SCHEME:REST with | for / : a redirect to anywhere."""
    r.answer(b"", "302 Found", Location=r.argument.replace("|", "/") + "/" + r.name)


def do_to_nothing(r):
    r.answer(b"", "302 Found", Location="")


def do_moved(r):
    """A redirect to what the file DIR/moved/NAME holds."""
    with open(os.path.join(r.base, "moved", r.name), encoding="utf-8") as file:
        target = file.read()
    r.send(b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: " + target.encode() + b"\r\n\r\n")


def do_gate(r):
    r.wait_for_gate(r.argument)
    do_ok(r)


def do_gate_body(r):
    """Half of it, then the rest when the gate opens."""
    body = r.body()
    r.head(Content_Length=len(body))
    r.send(body[:len(body) // 2])
    r.wait_for_gate(r.argument)
    r.send(body[len(body) // 2:])


def do_rate(r):
    """rate=BYTES a second."""
    body = r.body()
    r.head(Content_Length=len(body))
    rate, begin, sent = int(r.argument), time.monotonic(), 0
    while sent < len(body):
        due = min(len(body), int((time.monotonic() - begin) * rate) + 1)
        r.send(body[sent:due])
        sent = due
        time.sleep(0.005)


def do_chaos(r):
    """chaos=LIST: as one line, any, of the file DIR/chaos/LIST says, which may be another each time it is asked."""
    with open(os.path.join(r.base, "chaos", r.argument), encoding="utf-8") as file:
        r.verb, _, r.argument = random.choice(file.read().split()).partition("=")
    script_of(r.verb)(r)


def script_of(verb):
    return globals().get("do_" + verb.replace("-", "_"))


class Handler(socketserver.BaseRequestHandler):
    def note(self, name, line):
        with self.server.lock, open(os.path.join(self.server.base, name), "a", encoding="utf-8") as log:
            print(line, file=log)

    def encrypt(self, address):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.server.base, "tls", address + ".pem"))
        self.request = context.wrap_socket(self.request, server_side=True)

    def read_request(self):
        raw = b""
        while b"\r\n\r\n" not in raw:
            more = self.request.recv(PIECE)
            if not more:
                raise Gone
            raw += more
            if raw[0] == HANDSHAKE:
                self.request.sendall(b"HTTP/1.1 400 Not TLS here\r\nConnection: close\r\n\r\n")
                raise Gone
        lines = raw.decode("latin-1").split("\r\n")
        method, path = lines[0].split()[:2]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.note("log", f"{method} {path} {headers.get('range', '')}")
        return Request(self, method, path, headers)

    def converse(self):
        address = self.request.getsockname()[0].removeprefix("::ffff:")
        self.note("reached", address)
        if self.server.encrypts:
            self.encrypt(address)
        request = self.read_request()
        script = script_of(request.verb)
        if script is None or (request.name and not os.path.exists(
                os.path.join(request.base, "files", os.path.basename(request.name)))):
            request.answer(b"no such thing\n", "404 Not Found")
        else:
            script(request)

    def handle(self):
        self.request.settimeout(60)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.converse()
        except (Gone, OSError):
            pass  # the client left
        finally:
            if isinstance(self.request, ssl.SSLSocket):
                self.request.close()  # the plain one, which the server closes, is not the connection's any more


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512
    lock = threading.Lock()

    def __init__(self, base, port, port_file, encrypts):
        self.base, self.encrypts = base, encrypts
        self.address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        # Every address of this machine is this origin, so that one test's broken host is not another's.
        super().__init__(("", port), Handler)
        path = os.path.join(base, port_file)
        with open(path + ".new", "w", encoding="utf-8") as file:
            print(self.server_address[1], file=file)
        os.rename(path + ".new", path)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def main():
    base, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if os.path.isdir(os.path.join(base, "tls")):
        secure = Server(base, 443 if port == 80 else 0, "tls_port", True)
        threading.Thread(target=secure.serve_forever, daemon=True).start()
    Server(base, port, "port", False).serve_forever()


if __name__ == "__main__":
    main()
