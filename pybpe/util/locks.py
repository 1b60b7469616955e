"""Locks between processes, by files that the operating system unlocks when their process ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, wait: bool) -> None:
        msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int, wait: bool) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def locked(path: Path, busy: Exception | None = None) -> Iterator[None]:
    """Hold the lock file `path`, which exists only as long as it is held.

    busy: raised if another process, or another part of this one, holds the lock; None to wait for it. A file that a
    killed process left holds nothing. On a file system without locks the block runs without one.
    """
    handle = _hold(path, busy)
    try:
        yield
    finally:
        if sys.platform == "win32":  # where an open file cannot be removed
            os.close(handle)
        with contextlib.suppress(OSError):
            path.unlink()
        if sys.platform != "win32":
            os.close(handle)


def _hold(path: Path, busy: Exception | None) -> int:
    """Return the handle of the locked file, which is created again if its last owner removed it meanwhile."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle, wait=busy is None)
        except (BlockingIOError, PermissionError):
            os.close(handle)
            if busy is not None:
                raise busy from None
            continue
        except OSError:  # no locks here
            return handle
        if _is(path, handle):
            return handle
        os.close(handle)


def _is(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
