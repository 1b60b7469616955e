"""System calls through ctypes, with errors raised as OSError."""

from __future__ import annotations

import ctypes
import os

from . import syscalls

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4


def call(name: str, *args: object) -> int:
    """Make a system call and return its result. Raises OSError, which names the call, if it fails.

    args: integers, bytes for a string that ends with a zero, None for a null pointer, or a ctypes object by reference.
    """
    number = syscalls.number(name, syscalls.machine())
    if number is None:
        raise OSError(f"{name}: this machine has no such system call")
    converted = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    ctypes.set_errno(0)
    result: int = _libc.syscall(ctypes.c_long(number), *converted)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def prctl(option: int, *args: int) -> int:
    """Call prctl with up to four arguments; missing ones are 0, as the kernel demands of many options."""
    return call("prctl", option, *(args + (0,) * 4)[:4])
