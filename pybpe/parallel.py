"""Threads: how many there may be, and one long text on several of them.

It is cut where words are sure to end, so that the parts' ids are those of the whole.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable
from itertools import accumulate

from pybpe._core.encode import Encoder
from pybpe._core.ids import IdBuffer

MAX_THREADS = 1024
PART_BYTES = 1 << 18  # below so much text a thread, starting threads takes longer than it saves
MAX_PARTS = 512  # of a batch


def check_threads(threads: int | None) -> int:
    """A number of threads: one a core for None; ValueError below 1."""
    if threads is None:
        return os.cpu_count() or 1
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError(f"threads is {threads}, must be 1 to {MAX_THREADS:,}")
    return threads


def encode_in_parts(encoder: Encoder, content: bytes, cut: Callable[[bytes], int], threads: int, ids: IdBuffer) -> None:
    """Append the ids of `content` to `ids`; `cut` finds the last place to cut a text, 0 if there is none."""
    from concurrent.futures import ThreadPoolExecutor  # here, because few calls need it

    parts = cut_in_parts(content, cut, min(threads, len(content) // PART_BYTES))

    def encode(part: bytes) -> IdBuffer:
        part_ids = IdBuffer(kept=ids.kept)
        encoder.encode(part, part_ids)
        return part_ids

    with ThreadPoolExecutor(threads) as pool:
        for part_ids in pool.map(encode, parts):
            ids.take(part_ids)


def cut_in_parts(content: bytes, cut: Callable[[bytes], int], count: int) -> list[bytes]:
    """`content` in at most `count` parts of about equal size; fewer where there are not enough places to cut."""
    parts, start = [], 0
    for number in range(1, count):
        found = cut(content[start : len(content) * number // count])
        if found:
            parts.append(content[start : start + found])
            start += found
    return [*parts, content[start:]]


def bounds_of_parts(sizes: list[int], part_size: int) -> list[tuple[int, int]]:
    """(first, last + 1) of consecutive texts of these sizes, so that a part has about `part_size` or is one text."""
    ends = list(accumulate(sizes))
    part_size = max(part_size, (ends[-1] if ends else 0) // MAX_PARTS)
    bounds, first = [], 0
    while first < len(ends):
        begin = ends[first] - sizes[first]
        last = max(bisect.bisect_right(ends, begin + part_size), first + 1)
        bounds.append((first, last))
        first = last
    return bounds or [(0, 0)]
