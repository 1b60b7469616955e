"""Where in a text each token lies."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Unit = Literal["char", "byte"]


def token_spans(sizes: npt.NDArray[np.int64], text: bytes, unit: Unit) -> list[tuple[int, int]]:
    """(start, end) of consecutive tokens, of these sizes in bytes, that make up UTF-8 `text`.

    In bytes the spans follow each other without gap or overlap. In characters a token that holds part of a character
    spans all of it, so that two tokens may share one.
    """
    if unit not in ("char", "byte"):
        raise ValueError(f"unit is {unit!r}, must be 'char' or 'byte'")
    ends = np.cumsum(sizes)
    starts = ends - sizes
    if unit == "char" and not text.isascii():
        place = _char_of_byte(text)
        starts, ends = place[starts], place[ends - 1] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _char_of_byte(text: bytes) -> npt.NDArray[np.int64]:
    """For each byte, the number of the character it belongs to; a byte that is not UTF-8 is a character of its own."""
    chars = text.decode("utf-8", "surrogateescape").encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(chars, dtype="<u4")
    widths = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    widths[(points >= 0xDC80) & (points <= 0xDCFF)] = 1
    return np.repeat(np.arange(len(points)), widths)
