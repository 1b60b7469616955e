"""Several patterns in one string: each splits the words of the one before, as if every word were a text of its own.

Between two patterns stands U+001E, the record separator, which no pattern needs as itself: it can be written \\x1e. So
what says how a tokenizer splits is one string, in files as in memory. A pattern alone is a row of one.
"""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = "\x1e"


def join_stages(stages: Iterable[str]) -> str:
    """One string of several patterns, the first to split first."""
    return SEPARATOR.join(stages)


def stages_of(pattern: str) -> tuple[str, ...]:
    """The patterns in a string. Raises ValueError if one of several is empty."""
    stages = tuple(pattern.split(SEPARATOR))
    if not all(stages):
        raise ValueError("one of the patterns in the row is empty")
    return stages
