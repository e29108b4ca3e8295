#!/usr/bin/env python3
"""hostile.py PORT DIR REQUESTS [SEED]: sends mutated requests to larder on 127.0.0.1:PORT, which has the archives in DIR, and judges what comes back.

What real clients send, and what smugglers do, is mutated, put in line, sent in pieces, half closed, reset. A parser of its own, stricter
than any server's, says of each request on a connection whether it is surely right (then it is answered, in its order, with exactly its
bytes), surely to be refused (then neither it nor anything behind it is answered 2xx), or neither (then whatever is answered complete is
still some archive's bytes). After each batch a plain hit works and nobody else is connected. SEED (1) makes the same requests again.
"""
import hashlib
import os
import random
import re
import socket
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from wire import Wire, connections, request

PORT, DIR, REQUESTS = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 1
CLIENTS = 32    # at once
BATCH = 10000   # requests
PATIENCE = 60   # seconds for what takes milliseconds
HEAD_SURE = 4000  # bytes of a head, up to which it is surely not too large
FIELDS_SURE = 30


def stored():
    """PATH: BYTES of every archive, by all its names."""
    found = {}
    for name in sorted(os.listdir(DIR)):
        with open(os.path.join(DIR, name), "rb") as file:
            data = file.read()
        for algo in "md5", "sha1", "sha256", "sha512":
            digest = hashlib.new(algo, data).hexdigest()
            found[f"/{algo}/{digest[:2]}/{digest}".encode()] = data
            found[f"/{algo}/{digest}".encode()] = data
    return found


ARCHIVES = stored()
SMALL = [path for path, data in ARCHIVES.items() if len(data) < 100000]
LARGE = [path for path, data in ARCHIVES.items() if len(data) >= 100000] or SMALL

CLIENT_HEADS = [head.replace("\n", "\r\n").encode() for head in (
    "GET @ HTTP/1.1\nHost: x:8080\nUser-Agent: opam/2.1.2\nAccept: */*\n\n",
    "GET @ HTTP/1.1\nHost: x\nUser-Agent: curl/7.88.1\nAccept: */*\nConnection: keep-alive\n\n",
    "GET @ HTTP/1.1\nHost: x\nUser-Agent: Wget/1.21.3\nAccept: */*\nAccept-Encoding: identity\nConnection: Keep-Alive\n\n",
    "GET @ HTTP/1.1\nHost: x\nUser-Agent: Wget/1.21.3\nAccept: */*\nRange: bytes=3-\nConnection: Keep-Alive\n\n",
    "HEAD @ HTTP/1.1\nHost: x\nUser-Agent: curl/8.4.0 Nix/2.34\nAccept: */*\nAccept-Encoding: zstd, br, gzip\n\n",
    "GET @ HTTP/1.1\nHost: x\nUser-Agent: curl/8.4.0 Nix/2.34\nAccept-Encoding: zstd, br, gzip, deflate\nRange: bytes=0-9\n\n",
    "GET @ HTTP/1.1\nHost: x\nUser-Agent: cmake/3.25\nAccept: */*\nIf-None-Match: \"x\"\n\n",
    "GET @ HTTP/1.1\nHost: x\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\n"
    "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\nAccept-Language: en-US,en;q=0.5\nAccept-Encoding: gzip, deflate\n"
    "DNT: 1\nConnection: keep-alive\nUpgrade-Insecure-Requests: 1\nSec-Fetch-Dest: document\nPragma: no-cache\nCache-Control: no-cache\n\n",
    "GET @ HTTP/1.1\nHost: x\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\nX-Forwarded-Proto: https\nX-Varnish: 2\nVia: 1.1 v (Varnish/7.1)\n\n",
    "GET @ HTTP/1.0\nHost: x\nConnection: close\n\n",
    "GET @ HTTP/1.1\nHost: x\nConnection: close\n\n",
    "GET @ HTTP/1.1\nuser-agent: cargo/1.95\nhost: x\nconnection: Upgrade, HTTP2-Settings\nupgrade: h2c\nhttp2-settings: AAMAAABkAAQ\n\n",
    "GET /healthz HTTP/1.1\nHost: x\n\n",
    "GET /sha256/00/" + "0" * 64 + " HTTP/1.1\nHost: x\n\n",
)]
SMUGGLERS = [head.encode() for head in (
    "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n",
    "GET @ HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nX: y\r\n Content-Length: 5\r\nContent-Length:\r\n 5\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length\x0b: 5\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n12345",
    "GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345",
    "HEAD @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nX-A: a\x01b\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\r\nX(A): a\r\n\r\n",
    "GET http://x@ HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST @ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "PUT @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n12345",
    "GET @ HTTP/1.1\r\n\r\n",
)]
PIECES = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b"%", b"?", b"#", b"/", b",", b"\r\n ", b"\x7f", b"\xff", b"HTTP/1.1",
          b"\r\nContent-Length: 5", b"\r\nContent-Length: 0", b"\r\nTransfer-Encoding: chunked", b"\r\nHost: y", b"\r\nConnection: close",
          b"\r\nConnection: keep-alive", b"\r\nRange: bytes=1-2", b"\r\nExpect: 100-continue", b"\r\nX: " + b"y" * 3000]

# --- making them ---


def flip(chance, head):
    at = chance.randrange(len(head))
    return head[:at] + bytes([head[at] ^ 1 << chance.randrange(8)]) + head[at + 1:]


def insert(chance, head):
    at = chance.randrange(len(head))
    return head[:at] + chance.choice(PIECES) + head[at:]


def insert_field(chance, head):
    ends = [found.start() for found in re.finditer(b"\r\n", head)] or [0]
    at = chance.choice(ends)
    return head[:at] + chance.choice(PIECES) + head[at:]


def cut_out(chance, head):
    at = chance.randrange(len(head))
    return head[:at] + head[at + chance.randint(1, 8):]


def double_line(chance, head):
    lines = head.split(b"\r\n")
    at = chance.randrange(len(lines))
    return b"\r\n".join(lines[:at + 1] + lines[at:])


def swap_lines(chance, head):
    lines = head.split(b"\r\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def other_case(chance, head):
    at = chance.randrange(len(head))
    end = at + chance.randint(1, 20)
    return head[:at] + head[at:end].swapcase() + head[end:]


def fill(chance, head):
    """To about the 8 KiB that are looked at, or the 16 KiB that are taken."""
    most = chance.choice((8192, 16384)) + chance.choice((-1, 0, 1, chance.randint(-600, 600)))
    at = head.rfind(b"\r\n\r\n")
    return head if at < 0 or most - len(head) < 6 else head[:at] + b"\r\nP: " + b"y" * (most - len(head) - 5) + head[at:]


def a_request(chance):
    head = chance.choice(CLIENT_HEADS if chance.random() < 0.85 else SMUGGLERS)
    head = head.replace(b"@", chance.choice(LARGE if chance.random() < 0.01 else SMALL))
    if chance.random() < 0.02:
        return fill(chance, head)
    while head and chance.random() < 0.25:
        head = chance.choice((flip, insert, insert_field, cut_out, double_line, swap_lines, other_case))(chance, head)
    return head


# --- what they are ---

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
UNSURE, REFUSED = "unsure", "refused"


class Clean:
    def __init__(self, method, path, is_plain, is_last):
        self.method, self.path, self.is_plain, self.is_last = method, path, is_plain, is_last

    def is_here(self):
        return self.path in ARCHIVES or self.path == b"/healthz"


def judge_fields(lines):
    """The fields by their names in lower case, or UNSURE or REFUSED."""
    fields, verdict = {}, None
    for line in lines:
        name, colon, value = line.partition(b":")
        # A line without a name is dropped by libmicrohttpd before the guard sees it.
        if re.search(rb"[\r\n\0]|^[ \t:]|[ \t]$", line) or not colon:
            return UNSURE
        if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            verdict = REFUSED
        fields.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return verdict or fields


def judge_framing(method, version, fields):
    framing = fields.get(b"content-length", []) + fields.get(b"transfer-encoding", [])
    hosts = fields.get(b"host", [])
    begins = any(name.startswith((b"content-length", b"transfer-encoding")) and name not in (b"content-length", b"transfer-encoding") for name in fields)
    if begins or len(framing) > 1 or len(hosts) > 1 or (not hosts and version == b"HTTP/1.1"):
        return REFUSED
    if b"transfer-encoding" in fields or (framing and framing != [b"0"]):
        return REFUSED
    return UNSURE if any(re.search(rb"[^A-Za-z0-9.:\[\]-]", host) or not host for host in hosts) else None


def judge(head):
    """A head to its empty line."""
    lines = head[:-4].split(b"\r\n")
    found = re.fullmatch(rb"(GET|HEAD) ([!-~]+) (HTTP/1\.[01])", lines[0])
    fields = judge_fields(lines[1:])
    if not found or fields == UNSURE or len(head) > HEAD_SURE or len(lines) > FIELDS_SURE:
        return UNSURE
    method, path, version = found.groups()
    verdict = fields if fields == REFUSED else judge_framing(method, version, fields)
    if verdict == REFUSED or path[:1] != b"/":
        return REFUSED
    connection = [value.lower() for value in fields.get(b"connection", [])]
    if verdict or b"expect" in fields or b"cookie" in fields or b"?" in path or b"#" in path or any(c not in (b"close", b"keep-alive") for c in connection):
        return UNSURE
    is_last = b"close" in connection or (version == b"HTTP/1.0" and b"keep-alive" not in connection)
    is_plain = path in ARCHIVES and not {b"range", b"if-range", b"if-none-match", b"if-match"} & fields.keys()
    return Clean(method, path, is_plain, is_last)


def verdicts(sent):
    """Of the requests in what was sent, up to the first that is not surely clean, or the last; and how many bytes came behind."""
    found = []
    while sent:
        end = sent.find(b"\r\n\r\n")
        if end < 0:
            return found + [UNSURE], len(sent)
        found.append(judge(sent[:end + 4]))
        sent = sent[end + 4:]
        if not isinstance(found[-1], Clean) or found[-1].is_last:
            break
    return found, len(sent)


# --- what came back ---


class Wrong(Exception):
    pass


def answers(got, asked):
    """(STATUS, FIELDS, BODY or None where it is not complete) of each that begins in what came back."""
    found = []
    while got:
        end = got.find(b"\r\n\r\n")
        if end < 0 or not got.startswith(b"HTTP/1."):
            if found and found[-1][0] >= 400:
                return found # libmicrohttpd says some refusals twice
            if end < 0 and b"HTTP/1.1"[:len(got)] == got[:8]:
                return found
            raise Wrong(f"no answer: {got[:200]!r}")
        lines = got[:end].split(b"\r\n")
        status = int(lines[0].split()[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
        got = got[end + 4:]
        if status == 100:
            continue
        of = asked[len(found)] if len(found) < len(asked) else UNSURE
        length = int(fields.get(b"content-length", b"0"))
        is_head = isinstance(of, Clean) and of.method == b"HEAD"
        if not isinstance(of, Clean) and length > 0 and (got == b"" or got.startswith(b"HTTP/1.1 ")):
            is_head = True # nobody knows, and both are well
        body = b"" if is_head or status in (204, 304) else got[:length] if len(got) >= length else None
        found.append((status, fields, body))
        got = got[len(body):] if body is not None else b""
    return found


def check_part(fields, body, whole):
    first, last, size = map(int, re.fullmatch(rb"bytes (\d+)-(\d+)/(\d+)", fields[b"content-range"]).groups())
    if size != len(whole) or body != whole[first:last + 1]:
        raise Wrong("another part")


def check_one(of, status, fields, body):
    if of == REFUSED and 200 <= status < 300:
        raise Wrong(f"{status} for what is to be refused")
    if of in (REFUSED, UNSURE):
        is_archive = status == 200 and body and b"etag" in fields
        if is_archive and body not in ARCHIVES.values():
            raise Wrong("bytes of nothing")
        return
    if of.is_plain and status != 200:
        raise Wrong(f"{status} for a plain request")
    if of.path in ARCHIVES and of.method == b"GET" and body is not None:
        if status == 200 and body != ARCHIVES[of.path]:
            raise Wrong("other bytes")
        if status == 206:
            check_part(fields, body, ARCHIVES[of.path])


def check(sent, got, is_whole):
    """is_whole: the client has sent all and read to the end."""
    asked, behind = verdicts(sent)
    found = answers(got, asked)
    for at, answer in enumerate(found):
        of = asked[at] if at < len(asked) else UNSURE
        if at >= len(asked) and asked and (asked[-1] == REFUSED or isinstance(asked[-1], Clean)) and 200 <= answer[0] < 300:
            raise Wrong("an answer to nothing that was asked")
        check_one(of, *answer)
    whole = sum(answer[2] is not None for answer in found)
    # What comes behind a last or a refused request is not read: a reset, which may overtake the answers. And libmicrohttpd takes who has
    # closed his half for gone when it comes back to him, after asking for an archive that is not here.
    if is_whole and behind == 0 and all(isinstance(of, Clean) and of.is_here() for of in asked) and whole < len(asked):
        raise Wrong(f"{whole} complete answers of {len(asked)}")


# --- sending them ---


def send_in_pieces(chance, peer, sent):
    cuts = sorted(chance.randrange(len(sent) + 1) for _ in range(chance.choice((0, 0, 1, 2, 5)))) if sent else []
    for begin, end in zip([0] + cuts, cuts + [len(sent)]):
        peer.sendall(sent[begin:end])
        if chance.random() < 0.1:
            time.sleep(0.001)


def read_to_end(peer, most=1 << 62):
    got = b""
    while len(got) < most:
        piece = peer.recv(1 << 18)
        if not piece:
            return got, True
        got += piece
    return got, False


def talk(chance, peer, sent, how):
    """What came back, and whether all of it did."""
    try:
        send_in_pieces(chance, peer, sent)
        if how < 0.80:
            if how < 0.76:
                peer.shutdown(socket.SHUT_WR)
            return read_to_end(peer)
        got, _ = read_to_end(peer, chance.choice((0, 1, 100))) if how < 0.9 else (b"", False)
        if how < 0.95:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return got, False
    except TimeoutError:
        raise
    except OSError:
        return b"", False # what was sent behind a last request is a reset


def connection(number, count):
    chance = random.Random(f"{SEED}/{number}")
    sent, how = b"".join(a_request(chance) for _ in range(count)), chance.random()
    if 0.76 <= how < 0.80:
        sent += request(chance.choice(SMALL).decode(), "Connection: close")
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            got, is_whole = talk(chance, peer, sent, how)
        check(sent, got, is_whole)
    except (Wrong, OSError, ValueError, KeyError, AttributeError) as error:
        print(f"seed {SEED}, connection {number}: {error!r}\n  sent {sent[:3000]!r}", flush=True)
        raise SystemExit(1) from error


def check_daemon():
    wire = Wire(PORT)
    wire.send(request(SMALL[-1].decode()))
    assert wire.answer().body == ARCHIVES[SMALL[-1]], "a plain hit"
    wire.close()
    end = time.monotonic() + PATIENCE
    while connections(PORT) != 1:
        assert time.monotonic() < end, "somebody is still connected"
        time.sleep(0.02)


def main():
    print(f"seed {SEED}", flush=True)
    sizes, left, number = random.Random(SEED), REQUESTS, 0
    with ThreadPoolExecutor(CLIENTS) as clients:
        while left > 0:
            batch, running = min(BATCH, left), []
            left -= batch
            while batch > 0:
                count = min(batch, sizes.choice((1, 2, 4, 8, 16)))
                running.append(clients.submit(connection, number, count))
                batch -= count
                number += 1
            for one in running:
                one.result()
            check_daemon()
    print(f"{REQUESTS} requests on {number} connections: all is right")


threading.stack_size(1 << 20)
main()
