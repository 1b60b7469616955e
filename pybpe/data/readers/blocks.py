"""Blocks of an open file, cut at places where splitting each block gives the words of the whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import IO

from pybpe.errors import FormatError

NO_LIMIT = sys.maxsize
BLOCK_BYTES = 1 << 20  # read at a time: small enough to share among threads, large enough that overhead is negligible

Cut = Callable[[bytes], int]  # returns the last cut in a block, 0 if there is none


def cut_blocks(file: IO[bytes], cut: Cut | None, limit: int = NO_LIMIT) -> Iterator[bytes]:
    """Yield the rest of an open file in blocks that, split one by one, give the words of the whole.

    cut: finds the last cut in a block; with None, the file is one block. Empty blocks are skipped.
    limit: the maximum number of bytes without a cut. Raises FormatError beyond it.
    """
    if cut is None and limit == NO_LIMIT:
        yield from filter(None, [file.read()])
        return
    kept = b""
    # While there is no cut, the bytes read are doubled, so that the time stays linear.
    while block := file.read(min(max(BLOCK_BYTES, len(kept)), limit - len(kept) + 1)):
        text = kept + block
        end = cut(text) if cut else 0
        if end:
            yield text[:end]
        kept = text[end:]
        if len(kept) > limit:
            raise FormatError(f"{file.name} holds {limit:,} bytes without a place to cut them: unpack it first")
    if kept:
        yield kept
