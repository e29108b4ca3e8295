#!/usr/bin/env python3
"""addresses.py LARDER: one address is allowed, and no URL in the catalog and no redirect from there leads anywhere else.

At every other address of this machine the same origin waits with the right bytes: who gets there gets an archive, and is in the list of the
addresses that were connected to.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support")]
from serving import Archive, Daemon, Origin, curl, get, in_directory  # noqa: E402

ALLOWED = "127.2.0.1"
ADDRESS = "neither public nor in fetch.allow_private"
PORT = "the port is not one of fetch.allow_ports"
NO_NAME = "host name not found"
SCHEME, REDIRECT_SCHEME = "neither http nor https", "redirect to a scheme not allowed"
USER, REDIRECT_USER = "carries a user name", "redirect to a URL with a user name"
NO_URL, REDIRECT_NO_URL = "not a URL larder can read", "redirect to something that is no URL"

# What stands before the path, what is said of it in a URL, and of a redirect to it where that is another thing.
PLACES = (
    # 127.0.0.1 in disguise
    ("http://127.0.0.1:{port}", ADDRESS),
    ("http://2130706433:{port}", ADDRESS),
    ("http://0x7f000001:{port}", ADDRESS),
    ("http://0X7F.1:{port}", ADDRESS),
    ("http://0177.0.0.1:{port}", ADDRESS),
    ("http://017700000001:{port}", ADDRESS),
    ("http://127.1:{port}", ADDRESS),
    ("http://127.0.1:{port}", ADDRESS),
    ("http://0:{port}", ADDRESS),
    ("http://0.0.0.0:{port}", ADDRESS),
    ("http://localhost:{port}", ADDRESS),
    ("http://LocalHost:{port}", ADDRESS),
    ("http://127.0.0.1.:{port}", f"{ADDRESS}|{NO_NAME}"),
    ("http://%31%32%37.0.0.1:{port}", ADDRESS),
    ("http://\u2460\u2461\u2466.0.0.1:{port}", NO_URL, REDIRECT_NO_URL),
    ("http://127\u30020\u30020\u30021:{port}", NO_URL, REDIRECT_NO_URL),
    ("HTTP://127.0.0.1:{port}", ADDRESS),
    ("https://127.0.0.1:{tls_port}", ADDRESS),
    # and in IPv6
    ("http://[::1]:{port}", ADDRESS),
    ("http://[0:0:0:0:0:0:0:1]:{port}", ADDRESS),
    ("http://[::]:{port}", ADDRESS),
    ("http://[::ffff:127.0.0.1]:{port}", ADDRESS),
    ("http://[::ffff:7f00:1]:{port}", ADDRESS),
    ("http://[::127.0.0.1]:{port}", ADDRESS),
    ("http://[64:ff9b::127.0.0.1]:{port}", ADDRESS),
    ("http://[64:ff9b:1::7f00:1]:{port}", ADDRESS),
    ("http://[2002:7f00:1::1]:{port}", ADDRESS),
    ("http://[2001:0:7f00:1::1]:{port}", ADDRESS),
    ("http://[fe80::1]:{port}", ADDRESS),
    ("http://[fd00::1]:{port}", ADDRESS),
    ("http://[ff02::1]:{port}", ADDRESS),
    # private networks, and what clouds keep at a special address
    ("http://10.0.0.1:{port}", ADDRESS),
    ("http://172.16.0.1:{port}", ADDRESS),
    ("http://192.168.0.1:{port}", ADDRESS),
    ("http://100.64.0.1:{port}", ADDRESS),
    ("http://169.254.169.254:{port}", ADDRESS),
    ("http://[::ffff:a9fe:a9fe]:{port}", ADDRESS),
    ("http://[fd00:ec2::254]:{port}", ADDRESS),
    ("http://255.255.255.255:{port}", ADDRESS),
    ("http://224.0.0.1:{port}", ADDRESS),
    # the right address is only the name of a user, or behind what looks like the end
    (f"http://{ALLOWED}@127.0.0.1:{{port}}", USER, REDIRECT_USER),
    (f"http://{ALLOWED}:{{port}}@127.0.0.1:{{port}}", USER, REDIRECT_USER),
    (f"http://user:word@{ALLOWED}:{{port}}", USER, REDIRECT_USER),
    (f"http://127.0.0.1:{{port}}#@{ALLOWED}:{{port}}", ADDRESS),
    (f"http://127.0.0.1:{{port}}?@{ALLOWED}:{{port}}", ADDRESS),
    (f"http://127.0.0.1:{{port}}\\@{ALLOWED}:{{port}}", f"{ADDRESS}|{USER}|{NO_URL}", f"{ADDRESS}|{REDIRECT_USER}|{REDIRECT_NO_URL}"),
    # other ports
    (f"http://{ALLOWED}:22", PORT),
    (f"http://{ALLOWED}", PORT),
    (f"https://{ALLOWED}", PORT),
    (f"http://{ALLOWED}:0", PORT, f"{PORT}|{REDIRECT_NO_URL}"),
    (f"http://{ALLOWED}:99999999", NO_URL, REDIRECT_NO_URL),
    # other protocols, which libcurl could all speak
    ("file://", SCHEME, REDIRECT_SCHEME),
    ("file://localhost", SCHEME, REDIRECT_SCHEME),
) + tuple((f"{scheme}://{ALLOWED}:{{port}}", SCHEME, REDIRECT_SCHEME) for scheme in (
    "ftp", "ftps", "gopher", "gophers", "dict", "ldap", "ldaps", "scp", "sftp", "smb", "smbs", "telnet", "tftp", "imap", "pop3", "smtp", "rtsp",
    "rtmp", "mqtt", "ws", "unix", "javascript"))


class Try:
    """One archive that only a forbidden place has."""

    def __init__(self, number, place, says, redirected):
        self.archive = Archive(f"forbidden{number}", 300)
        self.place, self.says, self.redirected = place, says, redirected

    def line(self, origin):
        target = self.place.format(port=origin.port, tls_port=origin.tls_port) + "/ok/" + self.archive.name
        origin.has(self.archive)
        origin.moves(self.archive, target)
        url = f"http://{ALLOWED}:{origin.port}/moved/{self.archive.name}" if self.redirected else target
        return f"{url} sha256={self.archive.sha256}"

    def problems(self, daemon):
        # What larder would not even remember is as unknown as what nobody named.
        says = self.says if self.redirected else f"{self.says}|the catalog names no origin"
        seen = curl(daemon.url + self.archive.path)
        if seen.status == 404 and seen.ended == 0 and re.search(says, seen.body.decode()):
            return []
        return [f"{self.place}: {seen}"]


def tries():
    number = 0
    for place, says, *of_redirect in PLACES:
        yield Try(number, place, says, False)
        yield Try(number + 1, place, of_redirect[0] if of_redirect else says, True)
        number += 2


def main(work, tap):
    origin = Origin(work)
    daemon = None
    try:
        origin.start()
        daemon = Daemon(sys.argv[1], work, f"""fetch {{ allow_private = {{"{ALLOWED}/32"}} allow_ports = {{{origin.port}, {origin.tls_port}}}
            connect_timeout = "2s" }}""")
        all_tries = list(tries())
        good = Archive("good", 300)
        origin.has(good)
        daemon.learn([one.line(origin) for one in all_tries] + [f"http://{ALLOWED}:{origin.port}/ok/good sha256={good.sha256}"], statuses=(0, 1))
        daemon.start()
        for redirected, name in ((False, "a URL of the catalog"), (True, "a redirect")):
            chosen = [one for one in all_tries if one.redirected == redirected]
            tap.test(f"{name} leads to none of {len(chosen)} places", [problem for one in chosen for problem in one.problems(daemon)])
        seen = get(daemon.url + good.path)
        tap.test("the allowed address is asked", [] if seen.body == good.body else [str(seen)])
        elsewhere = set(origin.reached()) - {ALLOWED}
        tap.test("nobody else was connected to", [f"{address} was" for address in elsewhere])
        count = daemon.metrics()["larder_limit_address_policy_total"]
        least = sum(one.says in (ADDRESS, PORT) for one in all_tries)
        tap.test("each refusal of an address or a port is counted", [] if count >= least else [f"{least} were refused, {count} are counted"])
        daemon.stop()
        daemon.store_is_sound()
    finally:
        if daemon is not None:
            daemon.kill()
        origin.stop()


in_directory("addresses", main)
