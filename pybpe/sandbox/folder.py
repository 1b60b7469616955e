"""The temporary folder of code where the kernel gives no file system of memory: its place and its limits."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pybpe.errors import SandboxError
from pybpe.sandbox.inside.removal import remove

MAX_BYTES, MAX_ENTRIES = 16 << 20, 1024


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """Return a context with the path of an empty folder, which is removed with all that code has left in it.

    Raises SandboxError if there is no place for it that every user can enter, where this process is root's.
    """
    path = tempfile.mkdtemp(prefix="pybpe-", dir=_parent())
    try:
        yield path
    finally:
        remove(path)


def _parent() -> str | None:
    """Return the folder for temporary folders, None for the usual one.

    As root, code runs as a user who owns nothing, and who has to reach the folder by its path.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    for path in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        whole = Path(path).resolve()
        if whole.is_dir() and all(folder.stat().st_mode & stat.S_IXOTH for folder in (whole, *whole.parents)):
            return path
    raise SandboxError("no temporary folder can be entered by an ordinary user; set TMPDIR to one that can")


def is_full(path: str) -> bool:
    """Return True if a folder holds more than it may, or something that cannot be counted."""
    size = entries = 0
    folders = [path]
    try:
        while folders:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    with contextlib.suppress(FileNotFoundError):  # removed in the meantime
                        status = entry.stat(follow_symlinks=False)
                        size += max(status.st_size if not hasattr(status, "st_blocks") else 512 * status.st_blocks, 0)
                        entries += 1
                        if size > MAX_BYTES or entries > MAX_ENTRIES:
                            return True
                        if stat.S_ISDIR(status.st_mode):
                            folders.append(entry.path)
    except FileNotFoundError:
        return False  # a folder was removed; the next look sees what there is
    except OSError:
        return True  # a folder that denies being read, or names nested too deep
    return False
