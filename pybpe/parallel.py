"""One long text on several threads: cut where words are sure to end, so that the parts' ids are those of the whole."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pybpe._core.encode import Encoder
from pybpe._core.ids import IdBuffer

PART_BYTES = 1 << 18  # below so much text a thread, starting threads takes longer than it saves


def encode_in_parts(encoder: Encoder, content: bytes, cut: Callable[[bytes], int], threads: int, ids: IdBuffer) -> None:
    """Append the ids of `content` to `ids`; `cut` finds the last place to cut a text, 0 if there is none."""
    parts = cut_in_parts(content, cut, min(threads, len(content) // PART_BYTES))

    def encode(part: bytes) -> IdBuffer:
        part_ids = IdBuffer(kept=ids.kept)
        encoder.encode(part, part_ids)
        return part_ids

    with ThreadPoolExecutor(threads) as pool:
        for part_ids in pool.map(encode, parts):
            ids.extend(part_ids)


def cut_in_parts(content: bytes, cut: Callable[[bytes], int], count: int) -> list[bytes]:
    """`content` in at most `count` parts of about equal size; fewer where there are not enough places to cut."""
    parts, start = [], 0
    for number in range(1, count):
        found = cut(content[start : len(content) * number // count])
        if found:
            parts.append(content[start : start + found])
            start += found
    return [*parts, content[start:]]
