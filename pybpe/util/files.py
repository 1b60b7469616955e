"""Files that are written completely or not at all, and a reader of bytes that checks their size."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pybpe.errors import FormatError

PathLike = str | os.PathLike[str]

# Errors of writing alone: reading gives none of them.
FULL_DISK = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))


@contextlib.contextmanager
def full_disk_named(path: PathLike) -> Iterator[None]:
    """Name `path`, which the block writes, in the OSError of a full disk: a write to an open file names no file."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            error.filename = os.fspath(path)
        raise


@contextlib.contextmanager
def atomic_writer(path: PathLike) -> Iterator[IO[bytes]]:
    """Yield a binary file that replaces `path` only when the block ends without an error.

    It is written to a temporary file in the same folder, which is then renamed, so that a crash, a full disk or Ctrl-C
    leaves the old file. A symbolic link stays and its target is replaced; a file keeps its permissions. Raises OSError
    for a device or a pipe.
    """
    import tempfile  # here, because reading files does not need it

    target = Path(path).resolve()
    mode = 0o666 & ~_umask()
    if target.exists():
        if not target.is_file():
            raise OSError(errno.EINVAL, "not a regular file, and so nothing that can be replaced", str(path))
        mode = stat.S_IMODE(target.stat().st_mode)
    with full_disk_named(path):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    temporary = Path(name)
    try:
        with full_disk_named(path):
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(mode)  # mkstemp makes files that only their owner can read
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomic(path: PathLike, content: bytes) -> None:
    """Write a file completely or not at all."""
    with atomic_writer(path) as file:
        file.write(content)


@contextlib.contextmanager
def atomic_folder(path: PathLike) -> Iterator[Path]:
    """Yield a new folder to fill, which is renamed to `path` when the block ends, and removed after an error.

    If there is a folder at `path`, new files replace those of the same names; its other files stay.
    """
    import shutil
    import tempfile

    target = Path(path).resolve()
    with full_disk_named(path):
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        with full_disk_named(path):
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if not target.exists():
                temporary.rename(target)
                return
            for entry in sorted(temporary.iterdir()):
                old = target / entry.name
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                entry.replace(old)
            temporary.rmdir()
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Reader:
    """A reader of consecutive parts of `content` that raises FormatError instead of reading past the end.

    name: the file to name in errors.
    """

    def __init__(self, content: bytes | memoryview, name: str) -> None:
        self._content = memoryview(content)
        self._name = name
        self._position = 0

    def take(self, size: int, what: str) -> memoryview:
        """Return the next `size` bytes without a copy. what: their meaning, to name in errors."""
        left = len(self._content) - self._position
        if size > left:
            raise FormatError(f"{self._name} is truncated: its {what} needs {size:,} bytes, and {left:,} are left")
        self._position += size
        return self._content[self._position - size : self._position]

    def unpack(self, layout: str, what: str) -> tuple[Any, ...]:
        """Return the next fields by a `struct` layout. what: their meaning, to name in errors."""
        return struct.unpack(layout, self.take(struct.calcsize(layout), what))

    def finish(self) -> None:
        """Raise FormatError if there are bytes left."""
        left = len(self._content) - self._position
        if left:
            raise FormatError(f"{self._name} has {left:,} bytes after its end")
