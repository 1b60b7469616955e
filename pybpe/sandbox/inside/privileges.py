"""What the process gives up: the root user and capabilities."""

from __future__ import annotations

import os
import struct

from . import libc

_CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_HIGHEST_ID = 1 << 31


def leave_root(folder: str) -> None:
    """Become an ordinary user with a random id, whom no account has; a process that is not root's keeps its user.

    folder: the temporary folder, which the new user owns from then on; "" for none. Raises OSError if root may not
    change the user.
    """
    if os.geteuid() != 0:
        os.setresgid(os.getegid(), os.getegid(), os.getegid())  # root may be the real or the saved user
        os.setresuid(os.geteuid(), os.geteuid(), os.geteuid())
        return
    uid, gid = _unused("uid"), _unused("gid")
    try:
        if folder:
            os.chown(folder, uid, gid)
        _drop_bounding_set()
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except PermissionError:
        raise OSError("root may not become another user here: CAP_SETUID, CAP_SETGID or CAP_CHOWN is missing") from None
    libc.prctl(libc.PR_SET_DUMPABLE, 1)  # otherwise /proc/self, with the maps of ids, belongs to root


def _unused(kind: str) -> int:
    """Return a random id from the upper half of the largest range of ids that this process may use."""
    with open(f"/proc/self/{kind}_map", encoding="ascii") as file:
        ranges = [(int(line.split()[0]), int(line.split()[2])) for line in file]
    first, count = max(ranges, key=lambda found: found[1])
    end = min(first + count, _HIGHEST_ID)
    if end - first < 1 << 12:
        raise OSError(f"root has only {end - first} {kind}s here, and the jail needs one that nobody uses")
    upper = first + (end - first) // 2
    return upper + int.from_bytes(os.urandom(8), "little") % (end - 2 - upper)  # the last two are nobody and no id


def _drop_bounding_set() -> None:
    for capability in range(64):
        try:
            libc.prctl(libc.PR_CAPBSET_DROP, capability)
        except OSError:
            return  # beyond the last one, or not allowed to a user who has none


def drop_capabilities() -> None:
    """Give up all capabilities for ever, and the way to gain some by starting a program."""
    _drop_bounding_set()
    libc.prctl(libc.PR_CAP_AMBIENT, libc.PR_CAP_AMBIENT_CLEAR_ALL)
    libc.call("capset", struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24))
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
