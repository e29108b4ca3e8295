"""A DNS server that says what a test wants, on 127.0.0.1, port 53, of a network namespace of its own.

Names(NAMES).start(): NAMES has for each name a list of addresses (of either family; none: it exists, but has none), or NXDOMAIN, SERVFAIL or
SILENT; a list of such lists is gone through, one a lookup, the last one stays. Whatever else is NXDOMAIN.
"""
import ipaddress
import socketserver
import struct
import threading

NXDOMAIN, SERVFAIL, SILENT = "NXDOMAIN", "SERVFAIL", "SILENT"
CODES = {NXDOMAIN: 3, SERVFAIL: 2}
TYPES = {1: 4, 28: 6}  # A and AAAA: which version of IP


def question(query):
    """The name, its type, and the bytes of the whole question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])[0], query[12:at + 5]


class Names(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, names):
        super().__init__(("127.0.0.1", 53), None)
        self.names, self.lookups = names, {}

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def addresses(self, name, kind):
        """A lookup asks once for each family."""
        said = self.names.get(name, NXDOMAIN)
        if not isinstance(said, list) or not said or not isinstance(said[0], list):
            return said
        count = self.lookups.get((name, kind), 0)
        self.lookups[name, kind] = count + 1
        return said[min(count, len(said) - 1)]

    def finish_request(self, request, client_address):
        query, socket = request
        name, kind, asked = question(query)
        said = self.addresses(name, kind)
        if said == SILENT:
            return
        answers = []
        if isinstance(said, list):
            answers = [ipaddress.ip_address(address).packed for address in said if ipaddress.ip_address(address).version == TYPES.get(kind)]
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | (CODES.get(said, 0) if isinstance(said, str) else 0), 1, len(answers), 0, 0)
        socket.sendto(head + asked + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(answer)) + answer for answer in answers),
                      client_address)
