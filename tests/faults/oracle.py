"""What larder acknowledged, kept outside its store, and the judgement of a store by it."""
import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from serving import Failure  # noqa: E402, F401


def blob_path(store, name):
    return os.path.join(store, "blobs", "sha256", name[:2], name)


def read_index(store):
    """The rows of a store that nobody writes: {sha256: size}, and the sha256 of its tombstones. From a copy, since reading alone would
    bring what a kill left beside the index into it."""
    copy = tempfile.mkdtemp(prefix="larder-index.")
    try:
        for name in ("index.db", "index.db-wal"):
            if os.path.exists(os.path.join(store, name)):
                shutil.copy(os.path.join(store, name), copy)
        database = sqlite3.connect(os.path.join(copy, "index.db"))
        try:
            rows = {sha256.hex(): size for sha256, size in database.execute("SELECT sha256, size FROM archive")}
            tombstones = {sha256.hex() for sha256, in database.execute("SELECT sha256 FROM tombstone WHERE sha256 IS NOT NULL")}
        except sqlite3.OperationalError:  # a store that was killed before it had tables
            rows, tombstones = {}, set()
        database.close()
        return rows, tombstones
    finally:
        shutil.rmtree(copy)


class Oracle:
    def __init__(self):
        self.lock = threading.Lock()
        self.stored = {}      # sha256 → bytes, of what was acknowledged as stored
        self.removed = set()  # acknowledged as removed, since then
        self.removals = 0     # ever acknowledged
        self.learned = {}     # sha256 → bytes, of catalog entries whose import ended well

    def copy(self):
        """As it is at this moment, which is what a cut of the power after it is judged by."""
        with self.lock:
            copy = Oracle()
            copy.stored, copy.removed, copy.learned = dict(self.stored), set(self.removed), dict(self.learned)
            copy.removals = self.removals
            return copy

    def was_stored(self, made):
        with self.lock:
            self.stored.update(made)

    def was_removed(self, name):
        with self.lock:
            self.stored.pop(name, None)
            self.removals += name not in self.removed
            self.removed.add(name)

    def forget(self, names):
        """Nothing is promised of these any more."""
        with self.lock:
            for name in names:
                self.stored.pop(name, None)

    @staticmethod
    def is_whole(store, name):
        """False: it is not there at all."""
        try:
            with open(blob_path(store, name), "rb") as file:
                right = hashlib.sha256(file.read()).hexdigest() == name
        except FileNotFoundError:
            return False
        except OSError as error:
            raise Failure(f"cannot be read: {error}") from error
        if not right:
            raise Failure(f"not what its name says: {blob_path(store, name)}")
        return True

    def check_files(self, store, names=None):
        for name in self.stored if names is None else names:
            if name in self.stored and not self.is_whole(store, name):
                raise Failure(f"acknowledged, and lost: {blob_path(store, name)}")
        for name in self.removed:
            if os.path.exists(blob_path(store, name)):
                raise Failure(f"acknowledged as removed, and there again: {blob_path(store, name)}")

    def check_rows(self, store, doubtful=()):
        """No row without its file; a row for whatever was acknowledged, a tombstone for whatever was removed."""
        rows, tombstones = read_index(store)
        for name, size in rows.items():
            try:
                there = os.stat(blob_path(store, name)).st_size
            except FileNotFoundError:
                there = None
            if there != size:
                raise Failure(f"a row of {size} bytes for a file of {there}: sha256:{name}")
        for name in self.stored:
            if name not in rows and name not in doubtful:
                raise Failure(f"acknowledged, and not in the index: sha256:{name}")
        for name in self.removed - tombstones:
            raise Failure(f"acknowledged as removed, and without a tombstone: sha256:{name}")

    def check_tree(self, store):
        """Every file in the place of an archive is one, acknowledged or not."""
        for directory, _, names in os.walk(os.path.join(store, "blobs")):
            for name in names:
                if len(name) == 64:
                    self.is_whole(store, name)

    def settle(self, store, doubtful, ret_gone=None):
        """These may be there, and then whole, or gone; what is gone is not expected any more."""
        gone = [name for name in doubtful if not self.is_whole(store, name)]
        self.forget(gone)
        if ret_gone is not None:
            ret_gone.extend(gone)
