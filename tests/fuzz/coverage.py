#!/usr/bin/env python3
"""coverage.py BUILD [-v] [PARSER]...: replays the corpora with the targets of BUILD, which count, and prints for each parser of the list
`parsers` how many branches of its files were taken. What the list names as no part of a parser is left out, and so are assertions.
Exit status 1 when a parser stays below the least that is wanted.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import branches  # noqa: E402

LEAST = 90  # per cent


def read_list():
    """{parser: files}, {function: the file whose it is, or all}: those that do not count"""
    parsers, left_out = {}, {}
    with open(os.path.join(HERE, "parsers"), encoding="utf-8") as file:
        for line in file:
            line = line.split("#")[0].strip()
            if line.startswith("not "):
                _, name, why = line.split(None, 2)
                left_out[name] = why[3:].split(":")[0] if why.startswith("of ") else ""
            elif line:
                name, *files = line.split()
                parsers[name] = files
    return parsers, left_out


def measure(build, parser, files, left_out):
    binary, profile = (os.path.join(build, "tests", f"fuzz_{parser}"), os.path.join(build, f"{parser}.profile"))
    subprocess.run([binary, os.path.join(HERE, "corpus", parser)], check=True, stdout=subprocess.DEVNULL,
                   env=os.environ | {"LLVM_PROFILE_FILE": profile})
    return branches.taken([profile], [binary], lambda path, name: path in files and not (name in left_out and path.endswith(left_out[name])))


def main():
    build, *names = sys.argv[1:]
    verbose = "-v" in names
    names = [name for name in names if name != "-v"]
    parsers, left_out = read_list()
    low = 0
    for parser, files in parsers.items():
        if names and parser not in names:
            continue
        times = measure(build, parser, files, left_out)
        hit, share = sum(count > 0 for count in times.values()), branches.share(times)
        low += share < LEAST
        print(f"{parser:16} {hit:4} of {len(times):4} branches  {share:5.1f} %{'' if share >= LEAST else '  too few'}")
        for (path, line, column, name, side), count in sorted(times.items()):
            if verbose and count == 0:
                print(f"    {path}:{line}:{column}: {name}: never {side}")
    sys.exit(low > 0)


main()
