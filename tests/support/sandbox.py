#!/usr/bin/env python3
"""sandbox.py [--kill] UNIT COMMAND...: runs the command in the sandbox that the [Service] section of this unit describes, as far as it is made of what a
process may ask of the kernel: SystemCallFilter (its groups expanded by systemd-analyze), SystemCallErrorNumber, RestrictAddressFamilies,
MemoryDenyWriteExecute, RestrictNamespaces, RestrictRealtime, RestrictSUIDSGID, LockPersonality, NoNewPrivileges, CapabilityBoundingSet, LimitNOFILE, UMask.
--kill: what the filter of system calls refuses ends the process, so that whoever lives was refused nothing.
"""
import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys

ALLOW, KILL = 0x7FFF0000, 0x80000000
NOT_EQUAL, LESS, GREATER_EQUAL, EQUAL, MASKED = 1, 2, 5, 4, 7
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
NAMESPACES = (0x00000080, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
LOCAL = ctypes.CDLL(None, use_errno=True)


def refuse(number):
    return 0x00050000 | number


class Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


class Filter:
    """One filter; those that are loaded one after the other all hold."""

    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p

    def __init__(self, default):
        self.context = ctypes.c_void_p(self.seccomp.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action, name, *compares):
        number = self.seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # this machine has no such call
        rules = (Compare * len(compares))(*compares)
        if self.seccomp.seccomp_rule_add_array(self.context, ctypes.c_uint32(action), number, len(compares), rules) != 0:
            raise OSError(f"no rule for {name}")

    def load(self):
        if self.seccomp.seccomp_load(self.context) != 0:
            raise OSError("the kernel takes no filter")


def read_unit(path):
    """Of [Service]: each name and what it was set to, in order."""
    settings, section = [], ""
    with open(path, encoding="utf-8") as unit:
        for line in unit:
            line = line.strip()
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                settings.append(tuple(line.split("=", 1)))
    return settings


def read_groups():
    groups, name = {}, ""
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], check=True, capture_output=True, text=True).stdout.split("\n"):
        word = line.strip()
        if line.startswith("@"):
            name = word
            groups[name] = []
        elif word and line.startswith(" ") and not word.startswith("#"):
            groups[name].append(word)
    return groups


def expand(word, groups):
    if not word.startswith("@"):
        return {word}
    return set().union(*(expand(inner, groups) for inner in groups[word]))


def system_calls(settings, groups):
    """The calls that may be made (systemd.exec(5)): the first line says that it is a list of what is allowed."""
    allowed = expand("@default", groups)
    for name, value in settings:
        if name != "SystemCallFilter":
            continue
        for word in value.lstrip("~").split():
            if value.startswith("~"):
                allowed -= expand(word, groups)
            else:
                allowed |= expand(word, groups)
    return allowed


def filter_calls(settings, unit, refused):
    groups = read_groups()
    allowed = system_calls(settings, groups)
    calls = Filter(refuse(errno.ENOSYS))
    for name in expand("@known", groups):
        if name in allowed:
            calls.add(ALLOW, name)
        else:
            # SQLite gives its files to their owner where it runs as root, which the unit does not.
            as_root = os.getuid() == 0 and name == "fchown"
            calls.add(refuse(getattr(errno, unit["SystemCallErrorNumber"])) if as_root or not refused else refused, name)
    return calls


def filter_arguments(unit):
    rest = Filter(ALLOW)
    families = {getattr(socket, name) for name in unit["RestrictAddressFamilies"].split()}
    for family in set(range(64)) - families:
        rest.add(refuse(errno.EAFNOSUPPORT), "socket", Compare(0, EQUAL, family, 0))
    rest.add(refuse(errno.EAFNOSUPPORT), "socket", Compare(0, GREATER_EQUAL, 64, 0))
    no = refuse(errno.EPERM)
    if unit["MemoryDenyWriteExecute"] == "yes":
        rest.add(no, "mmap", Compare(2, MASKED, 6, 6))
        for name in ("mprotect", "pkey_mprotect"):
            rest.add(no, name, Compare(2, MASKED, 4, 4))
        rest.add(no, "shmat", Compare(2, MASKED, 0o100000, 0o100000))
    if unit["RestrictNamespaces"] == "yes":
        for flag in NAMESPACES:
            rest.add(no, "clone", Compare(0, MASKED, flag, flag))
        for name in ("unshare", "setns"):
            rest.add(no, name)
        rest.add(refuse(errno.ENOSYS), "clone3")
    if unit["RestrictRealtime"] == "yes":
        for policy in (os.SCHED_FIFO, os.SCHED_RR, 6):
            rest.add(no, "sched_setscheduler", Compare(1, EQUAL, policy, 0))
    if unit["RestrictSUIDSGID"] == "yes":
        for name, mode in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2), ("openat", 3)):
            for bit in (0o4000, 0o2000):
                rest.add(no, name, Compare(mode, MASKED, bit, bit))
    if unit["LockPersonality"] == "yes":
        rest.add(no, "personality", Compare(0, NOT_EQUAL, 0, 0))
    return rest


def main():
    kill = sys.argv[1] == "--kill"
    path, command = sys.argv[1 + kill], sys.argv[2 + kill:]
    settings = read_unit(path)
    unit = dict(settings)
    calls, rest = filter_calls(settings, unit, KILL if kill else None), filter_arguments(unit)
    files = min(int(unit["LimitNOFILE"]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.umask(int(unit["UMask"], 8))
    if os.getuid() == 0 and unit["CapabilityBoundingSet"] == "":
        for capability in range(41):
            LOCAL.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if unit["NoNewPrivileges"] != "yes" or LOCAL.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError("new privileges cannot be given up")
    rest.load()
    calls.load()
    os.execvp(command[0], command)


main()
