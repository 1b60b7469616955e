"""Detection of text that is not UTF-8 by its bytes, and the warnings about it."""

from __future__ import annotations

import codecs
import shlex
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from pybpe._core.unicode import is_utf8

BOM = codecs.BOM_UTF8

_LOOKED_AT = 4096  # the maximum number of bytes examined
_LEAST_BYTES = 16  # the minimum to detect UTF-16 without a BOM
_LEAST_NULS = 0.4  # the minimum share of zeros among every second byte in UTF-16 without a BOM
# UTF-32 first: in little-endian order its BOM begins with that of UTF-16.
_BOMS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def wide_encoding(start: bytes) -> str | None:
    """Return the name for iconv of the encoding of UTF-16 or UTF-32 text, None for any other bytes.

    start: the first bytes of a text. Without a BOM, 16 bytes or more are UTF-16 if they decode as UTF-16 to printable
    characters and white space, and if two in five of either the odd or the even bytes are 0, as in Latin letters.
    """
    for bom, name in _BOMS.items():
        if start.startswith(bom) and _is_text(start[:_LOOKED_AT], name):
            return name
    if len(start) < _LEAST_BYTES:
        return None
    part = start[: min(len(start), _LOOKED_AT) // 2 * 2]
    for name, nuls in (("UTF-16LE", part[1::2]), ("UTF-16BE", part[::2])):
        if nuls and nuls.count(0) >= _LEAST_NULS * len(nuls) and _is_text(part, name):
            return name
    return None


def _is_text(part: bytes, encoding: str) -> bool:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(part)  # which may end in half a character
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char.isspace() for char in text)


def conversion(encoding: str, path: Path | None) -> str:
    """Return advice for text in another encoding. path: its file, None for standard input."""
    return f"convert it to UTF-8, for example with: iconv -f {encoding} -t UTF-8 {_quoted(path)} > new.txt"


def problem_at_start(start: bytes, path: Path | None) -> tuple[str | None, bool]:
    """Return (a warning about the first bytes of a text or None, True if it covers all of the bytes to come)."""
    if encoding := wide_encoding(start):
        return f"{_named(path)} is {encoding} text; its bytes are taken as they are: {conversion(encoding, path)}", True
    if start.startswith(BOM):
        remove = f"remove it, for example with: tail -c +4 {_quoted(path)} > new.txt"
        return f"{_named(path)} begins with a byte order mark (BOM), which is taken as text, U+FEFF: {remove}", False
    return None, False


def problem_of_bytes(text: bytes, path: Path | None) -> str | None:
    """Return a warning about text that is not UTF-8; None if it is UTF-8."""
    if is_utf8(text):
        return None
    kind = "binary data" if b"\0" in text else "not UTF-8"
    return f"{_named(path)} is {kind}; its bytes are taken as they are"


def checked(chunks: Iterable[tuple[bytes, bool]], path: Path | None) -> Iterator[tuple[bytes, bool]]:
    """Yield the chunks that are not empty; give a UnicodeWarning for a BOM, and one for bytes that are not UTF-8."""
    explained: bool | None = None
    for text, ends in chunks:
        found = None
        if explained is None:
            found, explained = problem_at_start(text, path)
            if found:
                warnings.warn(found, UnicodeWarning, stacklevel=2)
        if not explained and (found := problem_of_bytes(text, path)):
            explained = True
            warnings.warn(found, UnicodeWarning, stacklevel=2)
        if text:
            yield text, ends


def _named(path: Path | None) -> str:
    return "standard input" if path is None else str(path)


def _quoted(path: Path | None) -> str:
    return "FILE" if path is None else shlex.quote(str(path))
