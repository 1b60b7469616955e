"""Files as streams of bytes, decompressed if their names end in .gz or .zst.

Memory is bounded for any file. A damaged or truncated archive raises FormatError, so that a part of its content is
never taken for the whole.
"""

from __future__ import annotations

import importlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pybpe.errors import FormatError
from pybpe.util.extras import extra_module

_READ_BYTES = 1 << 20


class _Codec(NamedTuple):
    """A method of decompression.

    new: makes an object with `decompress(bytes)`, `eof` and `unused_data`, as in zlib, for one compressed stream.
    step: the compressed bytes to give it at a time: few enough that they decompress to at most 32 MiB.
    """

    new: Callable[[], Any]
    error: type[Exception]
    step: int


def _gzip() -> _Codec:
    import zlib

    return _Codec(lambda: zlib.decompressobj(wbits=31), zlib.error, 1 << 14)  # one byte gives at most 1,032


def _zstd() -> _Codec:
    step = 1 << 10  # four bytes give at most 128 KiB
    try:
        module = importlib.import_module("compression.zstd")  # of Python 3.14
    except ImportError:
        module = extra_module("zstandard", "data", "to read .zst files")
        return _Codec(lambda: module.ZstdDecompressor().decompressobj(), module.ZstdError, step)
    return _Codec(module.ZstdDecompressor, module.ZstdError, step)


_CODECS = {".gz": _gzip, ".zst": _zstd}


def without_archives(path: Path) -> Path:
    """Return a path without .gz and .zst: corpus.jsonl for corpus.jsonl.gz; other paths unchanged."""
    while path.suffix.lower() in _CODECS:
        path = path.with_suffix("")
    return path


def check_archives(path: Path) -> None:
    """Raise MissingPackageError if the package that decompresses this file is not installed."""
    _codecs(path)


def open_unpacked(path: Path) -> io.BufferedReader:
    """Open a file for reading from start to end, decompressed if it is an archive.

    A file that grows meanwhile is read up to its size at opening.
    """
    parts = _read_parts(path)
    for codec in _codecs(path):
        parts = _unpack(parts, codec, path)
    return io.BufferedReader(_Stream(parts, path), _READ_BYTES)


def _codecs(path: Path) -> list[_Codec]:
    """Return the codecs of a file's suffixes, the outermost first."""
    codecs = []
    while path.suffix.lower() in _CODECS:
        codecs.append(_CODECS[path.suffix.lower()]())
        path = path.with_suffix("")
    return codecs


def _read_parts(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        state = os.fstat(file.fileno())
        # Pipes have no size, nor have the files in /proc.
        left = state.st_size if stat.S_ISREG(state.st_mode) and state.st_size else 1 << 62
        while left and (part := file.read(min(_READ_BYTES, left))):
            left -= len(part)
            yield part


def _unpack(parts: Iterator[bytes], codec: _Codec, path: Path) -> Iterator[bytes]:
    """Yield the content of one or several concatenated compressed streams, with zero bytes between or after them."""
    decompressor = codec.new()
    try:
        for part in parts:
            for start in range(0, len(part), codec.step):
                packed = part[start : start + codec.step]
                while packed:
                    if decompressor.eof:
                        packed = packed.lstrip(b"\0")
                        if not packed:
                            break
                        decompressor = codec.new()
                    yield decompressor.decompress(packed)
                    packed = decompressor.unused_data
    except (codec.error, EOFError) as error:
        raise FormatError(f"{path} is damaged, or no {path.suffix} file ({error}): get it again") from None
    if not decompressor.eof:
        raise FormatError(f"{path} is truncated: it ends before its packed data does; get it again")


class _Stream(io.RawIOBase):
    """A readable file over an iterator of bytes."""

    def __init__(self, parts: Iterator[bytes], path: Path) -> None:
        self._parts = parts
        self._left = memoryview(b"")
        self.name = str(path)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the start of the buffer, and return the number of bytes, 0 at the end."""
        while not self._left:
            self._left = memoryview(b"")  # frees the part before the next is made
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left = memoryview(part)
        n = min(len(buffer), len(self._left))
        buffer[:n] = self._left[:n]
        self._left = self._left[n:]
        return n
