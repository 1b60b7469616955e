"""An open file as blocks: small enough for memory, and cut where that changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import IO

from pybpe.errors import FormatError

NO_LIMIT = sys.maxsize
BLOCK_BYTES = 1 << 20  # read at a time; small enough to share among threads, large enough to forget the overhead

Cut = Callable[[bytes], int]  # where a block may be cut: the last safe place, 0 if there is none


def cut_blocks(file: IO[bytes], cut: Cut | None, limit: int = NO_LIMIT) -> Iterator[bytes]:
    """What is left of an open file as blocks that, split one by one, give the words of the whole.

    cut: None if no place is known to be safe; then all is one block. Empty blocks are left out.
    limit: the most bytes to look for a place to cut in. Raises FormatError where there is none.
    """
    if cut is None and limit == NO_LIMIT:
        yield from filter(None, [file.read()])
        return
    kept = b""
    # A text without a cut is read in doubling steps.
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
