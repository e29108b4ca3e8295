"""Branches of larder's own code and how often they were taken, out of what llvm-cov exports."""
import functools
import json
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@functools.lru_cache(maxsize=None)
def lines_of(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read().split("\n")


@functools.lru_cache(maxsize=None)
def asserted_lines(path):
    """The numbers of the lines of assertions; one may go on for several lines."""
    numbers, inside = set(), False
    for number, line in enumerate(lines_of(path), 1):
        inside = inside or re.match(r"\s*assert\(", line) is not None
        if inside:
            numbers.add(number)
        inside = inside and not line.rstrip().endswith(";")
    return numbers


def can_be_taken(path, line, column, side):
    """No side of an assertion is of interest, nor is the value that a switch over an enum does not name, since there is none, nor that
    what makes an error is true, since it never is."""
    text = lines_of(path)[line - 1]
    if side == "true" and re.match(r"err_(set|errno|wrap)\(", text[column - 1:]):
        return False
    return line not in asserted_lines(path) and not text[:column - 1].rstrip().endswith("switch (")


def taken(profiles, binaries, counts):
    """{(path, line, column, function, side): times} of the functions for which counts(path, function) is true."""
    data = profiles[0] + ".data"
    subprocess.run(["llvm-profdata", "merge", "-sparse", *profiles, "-o", data], check=True)
    objects = [word for binary in binaries[1:] for word in ("-object", binary)]
    out = subprocess.run(["llvm-cov", "export", f"-instr-profile={data}", binaries[0], *objects], check=True,
                         stdout=subprocess.PIPE).stdout
    times = {}
    for function in json.loads(out)["data"][0]["functions"]:
        path, name = os.path.relpath(function["filenames"][0], TOP), function["name"].split(":")[-1]
        if not counts(path, name):
            continue
        for line, column, _, _, when_true, when_false, *_ in function["branches"]:
            for side, count in (("true", when_true), ("false", when_false)):
                if not can_be_taken(path, line, column, side):
                    continue
                place = (path, line, column, name, side)
                times[place] = times.get(place, 0) + count
    return times


def share(times):
    return 100 * sum(count > 0 for count in times.values()) / max(1, len(times))
