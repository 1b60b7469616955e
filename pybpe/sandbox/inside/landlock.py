"""Landlock: the process may read and write only beneath given folders. See landlock(7)."""

from __future__ import annotations

import os
import stat
import struct

from . import libc

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE_RULESET_VERSION = 1
_PATH_BENEATH = 1
_LOG_SAME_EXEC_OFF = 1  # ABI 7: what the code tries does not fill the audit log

READ_FILE, READ_DIR = 1 << 2, 1 << 3
WRITE_FILE, REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 1, 1 << 4, 1 << 5, 1 << 7, 1 << 8
REFER, TRUNCATE = 1 << 13, 1 << 14
READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
_OF_FILES = READ_FILE | WRITE_FILE | TRUNCATE  # the rights that a rule on a file may have

_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # {ABI: number of rights to files that it can deny}
_NET_RIGHTS = {4: 2}  # bind and connect, TCP
_SCOPES = {6: 2}  # abstract sockets, and signals to processes outside


def abi() -> int:
    """Return the version of Landlock that the kernel has, 1 or more. Raises OSError if it has none."""
    return libc.call("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)


def restrict(rules: Iterable[tuple[int, int]]) -> None:
    """Confine this process for ever to what the rules allow. Raises OSError if that is not possible.

    rules: (descriptor, rights) of files, and of folders with all that is beneath them. All rights that the kernel
    knows are denied elsewhere, and TCP, abstract sockets and signals to others with them. Needs no_new_privs.
    """
    version = abi()
    handled = _mask(_FS_RIGHTS, version)
    attributes = struct.pack("=QQQ", handled, _mask(_NET_RIGHTS, version), _mask(_SCOPES, version))
    size = 8 if version < 4 else 16 if version < 6 else 24  # what this version knows of struct landlock_ruleset_attr
    ruleset = libc.call("landlock_create_ruleset", attributes, size, 0)
    for descriptor, rights in rules:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights & handled, descriptor)  # struct landlock_path_beneath_attr, which is packed
        libc.call("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0)
    libc.call("landlock_restrict_self", ruleset, _LOG_SAME_EXEC_OFF if version >= 7 else 0)
    os.close(ruleset)


def _mask(table: dict[int, int], version: int) -> int:
    return (1 << max((count for since, count in table.items() if since <= version), default=0)) - 1
