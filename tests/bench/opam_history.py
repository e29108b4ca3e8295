#!/usr/bin/env python3
"""opam_history.py REPOSITORY.tar.gz TARGET.git [COMMITS]: makes a bare git repository whose history has the shape of the opam repository's,
out of one day's metadata: packages come one by one, the older ones as opam, url and descr files of opam 1.2 that one large commit
converts; most commits change one or two files; digests and URLs are corrected, packages removed, an eighth of the commits are merges.
The same input gives the same repository."""
import hashlib
import os
import random
import re
import subprocess
import sys
import tarfile

CONVERTED_AT = 0.4  # of the history: when opam 1.2 ended
BEGAN = 1349900000  # October 2012
SECONDS = 6200      # between two commits
DIGEST = re.compile(rb'\b(md5|sha256|sha512)=([0-9a-f]+)')
URL_SECTION = re.compile(rb'^url \{\n(.*?)^\}\n', re.S | re.M)
SOURCE = re.compile(rb'"((?:https?|ftp)://[^"]*)"')


def other_digests(text, salt):
    """The text with other digests of the same kinds."""
    def other(found):
        value = hashlib.sha512(salt + found.group(2)).hexdigest()[:len(found.group(2))]
        return found.group(1) + b"=" + value.encode()
    return DIGEST.sub(other, text)


class Package:
    """One version of a package and how its files look now."""

    def __init__(self, directory, text, rng):
        self.directory, self.text = directory, text
        self.corrected = rng.random() < 0.35  # its first digests are today's
        self.revision, self.old_form = 0, False

    def files(self):
        text = self.text if self.corrected else other_digests(self.text, self.directory.encode())
        if self.revision:
            text = b"x-revision: %d\n" % self.revision + text
        section = URL_SECTION.search(text)
        if not self.old_form or section is None:
            return {"opam": text, "url": None, "descr": None}
        source, md5 = SOURCE.search(section.group(1)), hashlib.md5(section.group(0)).hexdigest()
        url = b'archive: "%s"\nchecksum: "%s"\n' % (source.group(1) if source else b"https://example.org/a.tar.gz", md5.encode())
        return {"opam": URL_SECTION.sub(b"", text), "url": url, "descr": b"A package.\n"}


class Stream:
    """What git fast-import reads."""

    def __init__(self, out):
        self.out, self.commits = out, 0

    def data(self, data):
        self.out.write(b"data %d\n%s\n" % (len(data), data))

    def commit(self, branch, parents, changed, gone=()):
        """Returns the mark of the new commit."""
        self.commits += 1
        self.out.write(b"commit refs/heads/%s\nmark :%d\n" % (branch, self.commits))
        self.out.write(b"committer A Packager <packager@example.org> %d +0000\n" % (BEGAN + SECONDS * self.commits))
        self.data(b"change %d" % self.commits)
        for verb, parent in zip((b"from", b"merge", b"merge"), parents):
            self.out.write(b"%s :%d\n" % (verb, parent))
        for package in changed:
            for name, text in package.files().items():
                if text is None:
                    if package.converting:
                        self.out.write(b"D %s/%s\n" % (package.directory.encode(), name.encode()))
                    continue
                self.out.write(b"M 100644 inline %s/%s\n" % (package.directory.encode(), name.encode()))
                self.data(text)
        for package in gone:
            self.out.write(b"D %s\n" % package.directory.encode())
        return self.commits


def read_packages(path, rng):
    packages = []
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith("/opam"):
                packages.append(Package(os.path.dirname(member.name), tar.extractfile(member).read(), rng))
    # Versions that today's metadata does not have any more.
    gone = [Package(other.directory + ".1", other_digests(other.text, b"gone"), rng) for other in rng.sample(packages, len(packages) // 8)]
    rng.shuffle(packages)
    return packages, gone


def change(rng, published, waiting, share):
    """What one commit changes: a new package (while fewer are out than this share of them), a correction, or an edit."""
    changed = []
    for _ in range(rng.choice((1, 1, 2))):
        if waiting and len(published) < share:
            package = waiting.pop()
            published.append(package)
        else:
            package = rng.choice(published)
            package.revision += 1
            if rng.random() < 0.25:
                package.corrected = True
        if package not in changed:
            changed.append(package)
    return changed


def write_history(stream, packages, gone, commits, rng):
    waiting, published, in_all = packages + gone, [], len(packages) + len(gone)
    rng.shuffle(waiting)
    doomed, recent, old_form = set(gone), [], True
    for package in waiting:
        package.converting = False
    recent.append(stream.commit(b"master", (), change(rng, published, waiting, 1)))
    while stream.commits < commits:
        part = stream.commits / commits
        if old_form and part > CONVERTED_AT:
            old_form = False
            for package in published:
                package.converting, package.old_form = package.old_form, False
            recent.append(stream.commit(b"master", recent[-1:], published))
            for package in published:
                package.converting = False
        before = len(published)
        changed = change(rng, published, waiting, in_all * min(1.0, part * 1.05) + 1)
        for package in published[before:]:
            package.old_form = old_form
        if rng.random() < 1 / 16:
            topic = stream.commit(b"topic", (rng.choice(recent[-3:]),), changed)
            recent.append(stream.commit(b"master", (recent[-1], topic), changed))
        else:
            lost = [package for package in published if package in doomed] if rng.random() < 1 / 40 and part > 0.2 else []
            lost = [package for package in rng.sample(lost, min(2, len(lost))) if package not in changed]
            recent.append(stream.commit(b"master", recent[-1:], changed, lost))
            for package in lost:
                published.remove(package)
                doomed.discard(package)
                in_all -= 1
        del recent[:-3]


def main():
    source, target = sys.argv[1:3]
    commits = int(sys.argv[3]) if len(sys.argv) > 3 else 70000
    rng = random.Random(commits)
    packages, gone = read_packages(source, rng)
    subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=master", target], check=True)
    with subprocess.Popen(["git", "-C", target, "fast-import", "--quiet", "--done", "--depth=50"], stdin=subprocess.PIPE) as importer:
        stream = Stream(importer.stdin)
        write_history(stream, packages, gone, commits, rng)
        importer.stdin.write(b"done\n")
    if importer.returncode != 0:
        sys.exit("opam_history.py: git fast-import failed")
    # As a server packs what it sends.
    subprocess.run(["git", "-C", target, "update-ref", "-d", "refs/heads/topic"], check=True)
    subprocess.run(["git", "-C", target, "repack", "-a", "-d", "-f", "-q", "--window=10", "--depth=50"], check=True)


main()
