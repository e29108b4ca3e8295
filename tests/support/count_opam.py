#!/usr/bin/env python3
"""count_opam.py FILE: counts what an opam repository (.tar.gz), a lockfile or the history of a repository (a .git directory or a .bundle)
names, with nothing but regular expressions, so that the importer's own lexer and parser can be compared with it. Prints JSON.

archives: distinct sets of digests that one section lists together; origins: distinct http(s) and ftp URLs of each such set;
not_archives: sections that name a git repository or the like. Of a history everything that a commit's tree ever held counts, and packages
are counted too; each tree is listed whole, so that nothing depends on what git takes for a difference.
"""
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

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


def sections_of_url_file(text):
    """A file of opam 1.2: the fields stand in no section."""
    yield from sections_of_opam("url {" + text + "}")


def git(repository, *arguments, data=None):
    return subprocess.run(["git", "-C", repository, *arguments], check=True, capture_output=True, input=data).stdout


def files_of_history(repository):
    """(path, text) of each content of an opam or url file at each path where a commit has it."""
    named = set()
    for commit in git(repository, "rev-list", "HEAD").decode().split():
        for entry in git(repository, "ls-tree", "-r", "-z", commit).decode("utf-8", "replace").split("\0"):
            mode, _, rest = entry.partition(" ")
            _, _, rest = rest.partition(" ")
            blob, _, path = rest.partition("\t")
            if mode.startswith("100") and re.search(r"(^|/)packages/(?!.*/files/).*/(opam|url)$", path):
                named.add((blob, path))
    for blob, path in sorted(named):
        yield path, git(repository, "cat-file", "blob", blob).decode("utf-8", "replace")


def main():
    path = sys.argv[1]
    packages = set()
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
    elif path.endswith(".git") or path.endswith(".bundle"):
        with tempfile.TemporaryDirectory() as work:
            repository = os.path.join(work, "clone.git")
            subprocess.run(["git", "clone", "-q", "--bare", path, repository], check=True)
            for name, text in files_of_history(repository):
                found = list(sections_of_opam(text) if name.endswith("opam") else sections_of_url_file(text))
                counts["files"] += 1
                learn(found)
                if any(any(map(digest, checksums)) and re.match(r"(https?|ftp)://", " ".join(urls)) for urls, checksums in found):
                    packages.add(name.split("/")[-2])
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
    json.dump(counts | {"archives": len(archives), "digests": len(digests), "origins": len(origins), "packages": len(packages)}, sys.stdout)
    print()


main()
