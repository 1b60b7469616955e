"""Several patterns in one string, each of which splits the words of the one before.

The patterns are separated by U+001E, the record separator, which a pattern can write as \\x1e. So the split pattern of
a tokenizer is always one string, in files and in memory.
"""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = "\x1e"


def join_stages(stages: Iterable[str]) -> str:
    """Return several patterns as one string, in the order in which they split."""
    return SEPARATOR.join(stages)


def stages_of(pattern: str) -> tuple[str, ...]:
    """Return the patterns in a string. Raises ValueError if one of them is empty."""
    stages = tuple(pattern.split(SEPARATOR))
    if not all(stages):
        raise ValueError("one of the patterns, which U+001E separates, is empty")
    return stages
