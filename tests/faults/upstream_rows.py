"""What an origin may do wrong, and what becomes of it: the table that upstreams.py tries, a row a way of being broken.

Of each row, without another origin:

    does       what it does, in words of origin.py: /DOES/NAME is asked for
    outcomes   the word that larder_upstream_outcomes_total counts for its host, and those that may come with it
    says       a regular expression that the 404 says to the client, and larder show to everybody
    reason     Larder-Reason of that 404, and the reason in the access log
    told       None: bytes only count when the end has been seen, so large archives get a 404 as small ones do. A number: the length is told
               beforehand, and larger than it is by so much; a large archive is streamed and breaks off
    then       who asks for the same archive again: has the origin asked AGAIN; is told the same without that, since these bytes REST at
               this URL, the HOST rests as it wished, or all origins have said that it is GONE
    host       after five archives the host rests, and the sixth is not asked for (FAILS); it rests from the first on, since it asked for
               that (WISHES); it is alive, and all six are asked for (LIVES)
    limit      the metric of the limit that was hit
    rests_s    WISHES: for how long, between these seconds

With a good origin behind it every row ends with the right bytes. Encrypted rows are asked by https; their certificate is one of tls.
"""
from dataclasses import dataclass

AGAIN, REST, HOST, GONE = "again", "rest", "host", "gone"
LIVES, FAILS, WISHES = "lives", "fails", "wishes"


@dataclass(frozen=True)
class Row:
    does: str
    outcomes: str
    says: str
    reason: str = "failing"
    told: int | None = None
    then: str = AGAIN
    host: str = LIVES
    limit: str = ""
    rests_s: tuple = ()
    tls: str = ""


@dataclass(frozen=True)
class Odd:
    """Looks odd and is right: it is asked alone, and everybody gets the right bytes."""
    does: str
    outcomes: str = "served"
    tls: str = ""


DAY, HALF_HOUR = 86400, 1800

BROKEN = (
    # the body is not all of it
    Row("cut", "cut", r"cut off after \d+ bytes", told=0, host=FAILS),
    Row("cut-no-length", "changed", "other bytes: sha256:", reason="changed", then=REST),
    Row("chunked-cut", "cut", "cut off after", host=FAILS),
    Row("rst-body", "cut resumed", "connection broken", told=0, host=FAILS),
    Row("short-length", "changed", "other bytes: sha256:", reason="changed", told=-1, then=REST),
    Row("long-length", "cut", r"cut off after \d+ bytes", told=1, host=FAILS),
    Row("wrong-part", "parts resumed cut", "parts that are not the archive together", told=0),
    Row("shifted-part", "cut no_part", "cut off after", told=0),
    Row("wrong-cut", "cut", "cut off after", told=0, host=FAILS),
    # or is another, or has no end
    Row("wrong", "changed", "other bytes: sha256:", reason="changed", told=0, then=REST),
    Row("wrong-no-length", "changed", "other bytes: sha256:", reason="changed", then=REST),
    Row("longer", "changed", "other bytes: sha256:", reason="changed", told=4, then=REST),
    Row("longer-no-length", "changed", "other bytes: sha256:", reason="changed", then=REST),
    Row("html", "changed", "other bytes: sha256:", reason="changed", then=REST),
    Row("empty", "changed", "other bytes: sha256:", reason="changed", then=REST),
    Row("endless", "too_large", "larger than", reason="limit", limit="max_archive"),
    # nothing comes, or too slowly
    Row("stall", "timeout", "timed out after", host=FAILS, limit="first_byte"),
    Row("stall-body", "timeout", "slower than", told=0, host=FAILS, limit="fetch_rate"),
    Row("drip", "timeout resumed", "slower than", told=0, host=FAILS, limit="fetch_rate"),
    Row("rst", "cut", "connection broken", host=FAILS),
    Row("fin", "cut", "closed without an answer", host=FAILS),
    # redirects
    Row("loop", "forbidden", "too many redirects", limit="redirects"),
    Row("hops=6", "forbidden", "too many redirects", limit="redirects"),
    Row("to=file:||||etc", "forbidden", "redirect to a scheme not allowed"),
    Row("to=http:||10.1.1.1:{port}", "forbidden", r": 10\.1\.1\.1: neither public nor in fetch\.allow_private", limit="address_policy"),
    Row("to=http:||127.2.0.1:{port}|ok", "forbidden", "redirect to a scheme not allowed", tls="good"),
    Row("to-nothing", "denied", "said 302"),
    # other statuses than 200
    Row("partial", "denied", "said 206"),
    Row("status=204", "denied", "said 204"),
    Row("status=304", "denied", "said 304"),
    Row("status=401", "denied", "said 401"),
    Row("status=403", "denied", "said 403"),
    Row("status=404", "gone", "said 404", then=GONE),
    Row("status=410", "gone", "said 410", then=GONE),
    Row("status=429:60", "busy", "said 429", then=HOST, host=WISHES, rests_s=(60, 60)),
    Row("status=429:in-an-hour", "busy", "said 429", then=HOST, host=WISHES, rests_s=(3500, 3600)),
    Row("status=429:99999999999", "busy", "said 429", then=HOST, host=WISHES, rests_s=(DAY, DAY)),
    Row("status=429", "busy", "said 429", then=HOST, host=WISHES, rests_s=(HALF_HOUR, HALF_HOUR)),
    Row("status=429:tomorrow", "busy", "said 429", then=HOST, host=WISHES, rests_s=(HALF_HOUR, HALF_HOUR)),
    Row("status=500", "broken", "said 500", host=FAILS),
    Row("status=503:60", "busy", "said 503", then=HOST, host=WISHES, rests_s=(60, 60)),
    Row("status=503", "busy", "said 503", then=HOST, host=WISHES, rests_s=(30, 30)),
    # heads that are not to be trusted
    Row("gzip", "unusable", "sent in a Content-Encoding"),
    Row("chunked-bad", "cut", "connection broken", host=FAILS),
    Row("two-lengths", "unusable", "contradictory Content-Length"),
    Row("big-header", "unusable", "header fields", limit="fetch_headers"),
    Row("many-headers", "unusable", "header fields", limit="fetch_headers"),
    Row("many-1xx", "unusable", "header fields", limit="fetch_headers"),
    Row("nul-header", "unusable", "not a clean HTTP answer"),
    Row("no-http", "unusable", "not an HTTP answer"),
    # certificates
    Row("ok", "refused", "certificate not valid", tls="expired", host=FAILS),
    Row("ok", "refused", "certificate not valid", tls="self-signed", host=FAILS),
    Row("ok", "refused", "certificate not valid", tls="unknown-authority", host=FAILS),
    Row("ok", "no_name", "certificate for another name", tls="other-name", host=FAILS),
    Row("ok", "refused", "no TLS connection", tls="none", host=FAILS),
)

ODD = (
    Odd("no-length"),
    Odd("chunked"),
    Odd("chunked-with-length"),
    Odd("equal-lengths"),
    Odd("few-1xx"),
    Odd("hops=5"),
    Odd("relative"),
    Odd("cut-once", "served resumed"),
    Odd("pieces=90000", "served resumed"),
    Odd("ok", tls="good"),
)
