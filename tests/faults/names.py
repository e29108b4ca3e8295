#!/usr/bin/env python3
"""names.py LARDER: in a network namespace, where public addresses are this machine's and a DNS server tells what it is told to. larder has
its usual policy, and the usual ports. One origin listens at every address, with the right bytes: what is right is reached, what is not
never is. Each is asked for by GET, HEAD, Range and two clients at once, for an archive that is verified before it is sent, and for one that
is streamed: as a name, as one that leads elsewhere than it did, as where a redirect leads, and by https.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support")]
from names import NXDOMAIN, SERVFAIL, SILENT, Names  # noqa: E402
from serving import Archive, Daemon, Origin, certificate, certificate_authority, check, curl, in_directory  # noqa: E402

PUBLIC, PUBLIC_6 = "11.0.0.1", "2600::1"
PRIVATE = ("10.0.0.1", "192.168.0.1", "169.254.169.254", "fd00::1", "2002:a00:1::1", "64:ff9b::a00:1")
KINDS = {"GET": [()], "HEAD": [("-I",)], "Range": [("-r", "100-199")], "two clients": [(), ()]}
SIZES = {"small": 300, "large": 200000}
ADDRESS = "neither public nor in fetch.allow_private"

# The name, what DNS says, and what becomes of an archive there: "" where it comes; the outcome that is counted. Large archives are at a
# name of their own, SIZE.NAME: of four failures a host does not rest.
ROWS = (
    ("public.example", [PUBLIC], "", "served"),
    ("six.example", [PUBLIC_6], "", "served"),
    ("both.example", [PUBLIC, PUBLIC_6], "", "served"),
    ("mixed.example", ["10.0.0.1", PUBLIC], "", "served"),
    ("mixed-six.example", ["fd00::1", "::1", PUBLIC], "", "served"),
    ("private.example", ["10.0.0.1"], f": 10.0.0.1: {ADDRESS}", "forbidden"),
    ("many.example", ["192.168.0.1", "10.0.0.1"], ADDRESS, "forbidden"),
    ("self.example", ["127.0.0.1", "::1"], ADDRESS, "forbidden"),
    ("nothing.example", ["0.0.0.0"], ADDRESS, "forbidden"),
    ("cloud.example", ["169.254.169.254"], ADDRESS, "forbidden"),
    ("mapped.example", ["::ffff:10.0.0.1"], ADDRESS, "forbidden"),
    ("local-six.example", ["fd00::1"], ADDRESS, "forbidden"),
    ("sixtofour.example", ["2002:a00:1::1"], ADDRESS, "forbidden"),
    ("nat64.example", ["64:ff9b::a00:1"], ADDRESS, "forbidden"),
    ("no-address.example", [], "host name not found", "no_name"),
    ("nowhere.example", NXDOMAIN, "host name not found", "no_name"),
    ("ill.example", SERVFAIL, "host name not found", "no_name"),
    ("silent.example", SILENT, "no connection in time", "timeout"),
)
# The name, what DNS says one lookup after another, and what becomes of the first archive there, and of the second: after a restart, which
# forgets what a name was. Each is looked up twice only, so each way to ask has a name of its own: KIND.SIZE.NAME.
CHANGING = (
    ("later.example", [[PUBLIC], ["10.0.0.1"]], (("", "served"), (ADDRESS, "forbidden"))),
    ("later-self.example", [[PUBLIC_6], ["127.0.0.1", "::1"]], (("", "served"), (ADDRESS, "forbidden"))),
    ("earlier.example", [["10.0.0.1"], [PUBLIC]], ((ADDRESS, "forbidden"), ("", "served"))),
)
# The name that a public one leads to, and what becomes of it.
REDIRECTS = (
    ("public.example", "", "served"),
    ("private.example", ADDRESS, "forbidden"),
    ("self.example", ADDRESS, "forbidden"),
    ("cloud.example", ADDRESS, "forbidden"),
    ("mapped.example", ADDRESS, "forbidden"),
    ("nat64.example", ADDRESS, "forbidden"),
    ("nowhere.example", "host name not found", "no_name"),
)
# https://NAME/, all at PUBLIC, whose certificate is for good.example, large.good.example and six.example.
SECURE = (("good.example", "", "served"), ("wrong.example", "certificate for another name", "no_name"))


def is_new(kind):
    """The namespace is another than that of who started this. Who may not even look has one."""
    try:
        return os.readlink(f"/proc/self/ns/{kind}") != os.readlink(f"/proc/{os.getppid()}/ns/{kind}")
    except PermissionError:
        return True


def furnish(work):
    """The network of the namespace, and what the C library reads of names there."""
    links = subprocess.run(["ip", "-o", "link", "show", "up"], capture_output=True, text=True, check=True).stdout
    check(is_new("net") and is_new("mnt") and links == "", "names.sh makes the namespaces that this is run in; nothing was changed here")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (PUBLIC, PUBLIC_6, *PRIVATE):
        subprocess.run(["ip", "address", "add", address + ("/128" if ":" in address else "/32"), "dev", "lo"], check=True)
    texts = {"resolv.conf": "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n", "nsswitch.conf": "hosts: files dns\n",
             "hosts": "127.0.0.1 localhost\n"}
    for name, text in texts.items():
        with open(f"{work}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["mount", "--bind", f"{work}/{name}", f"/etc/{name}"], check=True)


class Ask:
    """One archive at one name, asked for in one way."""

    def __init__(self, what, host, says, outcome, kind, size):
        self.what, self.host, self.says, self.outcome, self.kind = what, host, says, outcome, kind
        self.archive = Archive(f"{what} {kind} {size}".replace(" ", "-"), SIZES[size])
        self.url = f"http://{host}/ok/{self.archive.name}"

    def line(self, origin):
        origin.has(self.archive)
        return f"{self.url} sha256={self.archive.sha256}"

    def is_right(self, seen):
        body = self.archive.body
        if self.says != "":
            told = seen.wish == "HEAD" or re.search(self.says, seen.body.decode()) is not None
            return seen.status == 404 and seen.field("Larder-Reason") == "failing" and told
        if seen.wish == "HEAD":
            return seen.status == 200 and seen.field("Content-Length") == str(len(body))
        if seen.status == 206:
            return seen.wish == "Range" and seen.ended == 0 and seen.body == body[100:200]
        return seen.status == 200 and seen.ended == 0 and seen.body == body

    def problems(self, daemon):
        with ThreadPoolExecutor(2) as clients:
            seen = list(clients.map(lambda args: curl(daemon.url + self.archive.path, *args), KINDS[self.kind]))
        if self.says == "":  # whatever was asked for first, now it is here
            seen.append(curl(daemon.url + self.archive.path))
        wrong = [f"{self.archive.name}: {one}" for one in seen if not self.is_right(one)]
        count = daemon.metrics().get(f'larder_upstream_outcomes_total{{host="{self.host}",outcome="{self.outcome}"}}', 0)
        return wrong + ([] if count > 0 else [f"{self.archive.name}: not counted as {self.outcome}"])


class Redirected(Ask):
    """Asked of a public name, which leads to another."""

    def __init__(self, name, size, kind, says, outcome):
        super().__init__(f"redirect to {name}", f"{size}.to-{name}", says, outcome, kind, size)
        self.target = f"http://{name}/ok/{self.archive.name}"
        self.url = f"http://{self.host}/moved/{self.archive.name}"

    def line(self, origin):
        origin.moves(self.archive, self.target)
        return super().line(origin)


class Secure(Ask):
    def __init__(self, name, size, kind, says, outcome):
        super().__init__("https " + name, name_of(name, size), says, outcome, kind, size)
        self.url = self.url.replace("http:", "https:")


def name_of(name, size):
    return name if size == "small" else f"{size}.{name}"


def changing_name_of(name, size, kind):
    return f"{kind}.{size}.{name}".replace(" ", "-").lower()


def asks_in_all_ways():
    """Those before a restart, and those after it."""
    before, after = [], []
    for size, kind in ((size, kind) for size in SIZES for kind in KINDS):
        before += [Ask(name, name_of(name, size), says, outcome, kind, size) for name, _, says, outcome in ROWS]
        before += [Redirected(name, size, kind, says, outcome) for name, says, outcome in REDIRECTS]
        before += [Secure(name, size, kind, says, outcome) for name, says, outcome in SECURE]
        for name, _, (first, second) in CHANGING:
            host = changing_name_of(name, size, kind)
            before.append(Ask(name, host, *first, kind, size))
            after.append(Ask(name + " after it changed", host, *second, kind, size))
    return before, after


def all_names():
    """What DNS says of each."""
    names = {name_of(name, size): said for name, said, _, _ in ROWS for size in SIZES}
    names |= {f"{size}.to-{name}": [PUBLIC] for name, _, _ in REDIRECTS for size in SIZES}
    names |= {name_of(name, size): [PUBLIC] for name, _, _ in SECURE for size in SIZES}
    return names | {changing_name_of(name, size, kind): said for name, said, _ in CHANGING for size in SIZES for kind in KINDS}


def main(work, tap):
    furnish(work)
    Names(all_names()).start()
    origin = Origin(work, 80)
    certificate(f"{origin.base}/tls/{PUBLIC}.pem", "DNS:good.example,DNS:large.good.example,DNS:six.example",
                certificate_authority(work, "authority"))
    before, after = asks_in_all_ways()
    daemon = None
    try:
        origin.start()
        daemon = Daemon(sys.argv[1], work, f'fetch {{ connect_timeout = "1s" verify_before_send = "64KiB" ca_file = "{work}/authority.pem" }}')
        daemon.learn([ask.line(origin) for ask in before + after])
        for round_of_asks in (before, after):
            daemon.start()
            for what in dict.fromkeys(ask.what for ask in round_of_asks):
                cells = [ask for ask in round_of_asks if ask.what == what]
                tap.test(f"{what}: {len(cells)} cells", [problem for ask in cells for problem in ask.problems(daemon)])
            if round_of_asks is before:
                metrics = daemon.metrics()
                check(metrics["larder_limit_connect_total"] >= 1, "a DNS server that says nothing is not counted")
                least = sum(ask.outcome == "forbidden" for ask in before)
                check(metrics["larder_limit_address_policy_total"] >= least, "a refused address is not counted")
            daemon.stop()
        reached = set(origin.reached())
        tap.test("the public addresses were reached, and no other", [] if reached == {PUBLIC, PUBLIC_6} else [str(reached)])
        daemon.store_is_sound()
    finally:
        if daemon is not None:
            daemon.kill()
        origin.stop()


in_directory("names", main)
