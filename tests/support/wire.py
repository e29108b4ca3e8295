"""Requests as bytes on one connection, and its answers taken apart."""
import socket


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def but_date(self):
        return [field for field in self.fields if not field.lower().startswith(b"date:")]


class Wire:
    def __init__(self, port, receive_buffer=None, source=None):
        self.socket = socket.socket()
        if source:
            self.socket.bind((source, 0))
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def send(self, *requests):
        self.socket.sendall(b"".join(requests))

    def answer(self, method="GET"):
        """The next one; None: the connection has ended."""
        status = self.file.readline()
        if not status:
            return None
        fields = []
        for line in iter(self.file.readline, b"\r\n"):
            assert line.endswith(b"\r\n"), line
            fields.append(line)
        length = [int(field.split(b":")[1]) for field in fields if field.lower().startswith(b"content-length:")]
        body = self.file.read(length[0]) if method != "HEAD" and length else b""
        return Answer(int(status.split()[1]), fields, body)

    def close(self):
        self.file.close()
        self.socket.close()


def connections(port):
    """How many clients larder has, with who asks here."""
    wire = Wire(port)
    wire.send(request("/metrics", "Connection: close"))
    lines = wire.answer().body.split(b"\n")
    wire.close()
    return int(next(line for line in lines if line.startswith(b"larder_connections ")).split()[1])


def request(path, *fields, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *fields, "", ""]
    return "\r\n".join(lines).encode()
