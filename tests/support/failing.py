"""The test's side of failing_calls.c: the file that a larder with failing calls shares with the test, and the ways in which each kind of
call fails."""
import errno
import mmap
import os
import struct

HEAD = struct.Struct("=6q")  # times, kind, caller, error, nth, struck
KIND = struct.Struct("=16s2q")
ANY, SQLITE = 0, 1
SHORT = 0
ALWAYS = 1 << 40

# What a system can say; EINTR where a signal may come, SHORT where fewer bytes may be moved than were asked for. Neither
# on sockets, where nobody waits in such a call: SHORT would say that a buffer is empty, or full, and that a change will be told.
WAYS = {
    "write": ("EIO", "EROFS", "ENOSPC", "EINTR", "SHORT"),
    "pwrite": ("EIO", "EROFS", "ENOSPC", "EINTR", "SHORT"),
    "writev": ("EIO", "EINTR"),
    "send": ("ECONNRESET", "ENOMEM"),
    "sendfile": ("EIO", "ENOMEM"),
    "read": ("EIO", "EINTR", "SHORT"),
    "pread": ("EIO", "EINTR", "SHORT"),
    "recv": ("ECONNRESET", "ENOMEM"),
    "fsync": ("EIO", "ENOSPC", "EINTR"),
    "fdatasync": ("EIO", "ENOSPC", "EINTR"),
    "syncfs": ("EIO", "ENOSPC"),
    "rename": ("EIO", "EROFS", "ENOSPC", "ENOMEM"),
    "open": ("EIO", "EROFS", "EMFILE", "ENFILE", "ENOSPC", "EINTR"),
    "mmap": ("ENOMEM",),
    "fallocate": ("EIO", "EROFS", "ENOSPC", "EINTR", "EOPNOTSUPP"),
    "ftruncate": ("EIO", "EROFS", "ENOSPC", "EINTR"),
    "stat": ("EIO", "ENOMEM"),
    "unlink": ("EIO", "EROFS", "ENOSPC"),
    "mkdir": ("EIO", "EROFS", "ENOSPC"),
    "lock": ("EIO", "ENOLCK"),
    "socket": ("EMFILE", "ENFILE", "ENOMEM"),
    "connect": ("ENETUNREACH", "EINTR"),
    "accept": ("EMFILE", "ENFILE", "ECONNABORTED", "EINTR", "ENOMEM"),
    "epoll_ctl": ("ENOMEM", "ENOSPC"),
    "inotify": ("EMFILE", "ENOSPC", "ENOMEM"),
    "epoll_wait": ("EINTR",),
    "poll": ("EINTR", "ENOMEM"),
    "thread": ("EAGAIN",),
    "malloc": ("ENOMEM",),
    "calloc": ("ENOMEM",),
    "realloc": ("ENOMEM",),
}
MEMORY = ("malloc", "calloc", "realloc", "thread", "mmap")


class Order:
    """The Nth call of this kind fails in this way: once, or from there on."""

    def __init__(self, kind, caller, way, nth, times):
        self.kind, self.caller, self.way, self.nth, self.times = kind, caller, way, nth, times

    def __str__(self):
        who = "SQLite's " if self.caller == SQLITE else ""
        return f"{self.way} of {who}{self.kind} {self.nth}{'' if self.times == 1 else ' and on'}"

    def error(self):
        return SHORT if self.way == "SHORT" else getattr(errno, self.way)


class Page:
    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.truncate(4096)
        descriptor = os.open(path, os.O_RDWR)
        self.memory = mmap.mmap(descriptor, 4096)
        os.close(descriptor)
        self.kinds = []

    def environment(self, library):
        return dict(os.environ, LD_PRELOAD=library, FAILING_CALLS=self.path,
                    ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""))

    def learn(self):
        """Once a process has been there: the kinds it counts."""
        self.kinds = []
        while True:
            name = KIND.unpack_from(self.memory, HEAD.size + KIND.size * len(self.kinds))[0].rstrip(b"\0").decode()
            if not name:
                return
            self.kinds.append(name)

    def count(self):
        """From here on."""
        for number, name in enumerate(self.kinds):
            KIND.pack_into(self.memory, HEAD.size + KIND.size * number, name.encode(), 0, 0)

    def counted(self):
        """(kind, caller) → calls since count."""
        found = {}
        for number, name in enumerate(self.kinds):
            seen = KIND.unpack_from(self.memory, HEAD.size + KIND.size * number)[1:]
            found[name, ANY], found[name, SQLITE] = seen
        return found

    def give(self, order):
        self.off()
        self.count()
        HEAD.pack_into(self.memory, 0, 0, self.kinds.index(order.kind), order.caller, order.error(), order.nth, 0)
        struct.pack_into("=q", self.memory, 0, order.times)

    def off(self):
        struct.pack_into("=q", self.memory, 0, 0)

    def struck(self):
        return HEAD.unpack_from(self.memory, 0)[5]
