#!/usr/bin/env python3
"""count_opam.py FILE: counts what an opam repository (.tar.gz) or a lockfile names, with nothing but regular expressions, so that the
importer's own lexer and parser can be compared with it. Prints JSON.

archives: distinct sets of digests that one section lists together; origins: distinct http(s) and ftp URLs of each such set;
not_archives: sections that name a git repository or the like.
"""
import json
import re
import sys
import tarfile

STRING = r'"(?:[^"\\]|\\.)*"'
# Triple-quoted text and comments go, plain strings stay.
NOT_DATA = re.compile(r'"""(?:[^\\]|\\.)*?"""|(' + STRING + r')|#[^\n]*|\(\*.*?\*\)', re.S)
SECTION = re.compile(r'(?<![\w:+-])(?:url|extra-source\s+' + STRING + r')\s*\{((?:' + STRING + r'|[^"}])*)\}')
LISTED = r'\s*:\s*(\[(?:\s*' + STRING + r')*\s*\]|' + STRING + ")"
FIELD = re.compile(r"\b(src|http|archive|mirrors|checksum)" + LISTED)
URLS = ("src", "http", "archive", "mirrors")
LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
DUNIVERSE = re.compile(r'^x-opam-monorepo-duniverse-dirs:\s*\[(.*?)^\]', re.M | re.S)
DIR = re.compile(r'\[\s*"([^"]*)"\s+"[^"]*"\s*(?:\[((?:\s*"[^"]*")*)\s*\])?\s*\]')


def strings(text):
    return [item[1:-1] for item in re.findall(STRING, text)]


def digest(text):
    algo, _, value = text.rpartition("=")
    algo, value = (algo or "md5").lower(), value.lower()
    return f"{algo}:{value}" if LENGTHS.get(algo) == len(value) else None


def sections_of_opam(text):
    text = NOT_DATA.sub(lambda found: found.group(1) or '""', text)
    for section in SECTION.finditer(text):
        fields = {}
        for field in FIELD.finditer(section.group(1)):
            fields.setdefault(field.group(1), []).extend(strings(field.group(2)))
        yield [url for name in URLS for url in fields.get(name, [])], fields.get("checksum", [])


def sections_of_lockfile(text):
    for block in DUNIVERSE.finditer(text):
        for entry in DIR.finditer(block.group(1)):
            yield [entry.group(1)], strings(entry.group(2) or "")


def main():
    path = sys.argv[1]
    counts = {"files": 0, "without_section": 0, "sections": 0, "not_archives": 0}
    archives, digests, origins = set(), set(), set()

    def learn(found):
        for urls, checksums in found:
            urls = [url for url in urls if re.match(r"(https?|ftp)://", url)]
            known = frozenset(filter(None, map(digest, checksums)))
            counts["sections"] += 1
            counts["not_archives"] += not urls
            if known and urls:
                archives.add(known)
                digests.update(known)
                origins.update((known, url) for url in urls)

    if path.endswith(".gz"):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and re.search(r"(^|/)packages/.*/opam$", member.name):
                    found = list(sections_of_opam(tar.extractfile(member).read().decode("utf-8", "replace")))
                    counts["files"] += 1
                    counts["without_section"] += not found
                    learn(found)
    else:
        with open(path, encoding="utf-8") as file:
            counts["files"] = 1
            learn(list(sections_of_lockfile(file.read())))
    # A set that lies within a larger one names the same archive.
    holders = {}
    for known in archives:
        for value in known:
            holders.setdefault(value, []).append(known)
    archives = [known for known in archives if not any(known < other for value in known for other in holders[value])]
    json.dump(counts | {"archives": len(archives), "digests": len(digests), "origins": len(origins)}, sys.stdout)
    print()


main()
