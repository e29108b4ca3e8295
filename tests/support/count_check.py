#!/usr/bin/env python3
"""count_check.py REAL INDEX: what `larder check` of the real lockfile has to count, from the lockfile's text, archives.tsv and the rows.

Prints {"archives", "stored", "stored_bytes", "only_here", and a count for each state} in order.
"""
import csv
import json
import os
import re
import sqlite3
import sys

ALGOS = ("md5", "sha1", "sha256", "sha512")
UNTRIED, SERVING, FAILING, VANISHED, CHANGED = range(5)


def read_lockfile(path):
    """{digests of an archive: its URLs}"""
    with open(path, encoding="utf-8") as file:
        text = file.read().split("x-opam-monorepo-duniverse-dirs:", 1)[1]
    found = {}
    for url, sums in re.findall(r'\[\s*"(https?://[^"]+)"\s*"[^"]*"\s*\[((?:\s*"\w+=[0-9a-f]+")+)\s*\]', text):
        key = frozenset(tuple(one.split("=")) for one in re.findall(r'"(\w+=[0-9a-f]+)"', sums))
        found.setdefault(key, [url])
    return found


def read_entries(index):
    """[(digests, {URL: state})] of the catalog."""
    entries = {}
    for number, *values in index.execute("SELECT id, md5, sha1, sha256, sha512 FROM entry"):
        entries[number] = ({algo: value.hex() for algo, value in zip(ALGOS, values) if value is not None}, {})
    for number, url, state in index.execute("SELECT entry, url, state FROM origin"):
        entries[number][1][url] = state
    return list(entries.values())


def origins_of(digests, entries, by_digest):
    """The URLs of the entries that share a digest with this archive, or with one of these, and contradict none of them."""
    family = {n for pair in digests.items() for n in by_digest.get(pair, ())}
    wider = {n for own in family for pair in entries[own][0].items() for n in by_digest.get(pair, ())}
    urls = {}
    for number in wider:
        if number in family or any(agree(entries[number][0], entries[own][0]) for own in family):
            urls.update(entries[number][1])
    return urls


def agree(left, right):
    return all(right.get(algo, value) == value for algo, value in left.items())


def judge(states):
    for state, name in ((SERVING, "reachable"), (CHANGED, "changed"), (UNTRIED, "untried"), (FAILING, "failing"), (VANISHED, "vanished")):
        if state in states:
            return name
    return "unknown"


def main(real, index):
    archives = read_lockfile(os.path.join(real, "monorepo-bench.opam.locked"))
    entries = read_entries(sqlite3.connect(index))
    with open(os.path.join(real, "archives.tsv"), encoding="utf-8", newline="") as file:
        stored = list(csv.DictReader(file, delimiter="\t"))
    by_digest = {}
    for number, (digests, _) in enumerate(entries):
        for pair in digests.items():
            by_digest.setdefault(pair, []).append(number)
    counts = dict.fromkeys(("archives", "stored", "stored_bytes", "only_here", "reachable", "untried", "failing", "vanished",
                            "changed", "unknown", "removed"), 0)
    counts["archives"] = len(archives)
    for key, locked in archives.items():
        digests = dict(key)
        urls = origins_of(digests, entries, by_digest)
        state = judge(set(urls.values()) | ({UNTRIED} if any(url not in urls for url in locked) else set()))
        here = [row for row in stored if all(row[algo] == value for algo, value in digests.items())]
        if not here:
            counts[state] += 1
            continue
        counts["stored"] += 1
        counts["stored_bytes"] += int(here[0]["bytes"])
        counts["only_here"] += state not in ("reachable", "untried")
    print(json.dumps(counts, indent=2, sort_keys=True))


main(*sys.argv[1:])
