"""Texts on which pybpe's ids are compared with other packages': in part by test_peers.py, all by scripts/parity.py."""

from __future__ import annotations

import random
from collections.abc import Iterator

from support.strategies import BOUNDARY

CODE_POINTS = 0x110000
BLOCK = 0x1000  # code points in one text
FORMS = ("{0}", "a{0}", " {0}b", "1{0}", "'{0}", " {0} \n", "{0}{0}", "\n{0} .")


def code_points(start: int = 0, end: int = CODE_POINTS) -> Iterator[str]:
    """Every code point from `start` to `end` that text can hold, in several contexts, a block of them a text."""
    for first in range(start, end, BLOCK):
        block = [chr(point) for point in range(first, min(first + BLOCK, end)) if not 0xD800 <= point < 0xE000]
        for form in FORMS:
            yield " x".join(form.format(char) for char in block)


def boundary_strings(seed: int, n: int) -> list[str]:
    """Random strings of characters from all classes that patterns tell apart."""
    rng = random.Random(seed)
    return ["".join(rng.choices(BOUNDARY, k=rng.randrange(1, 24))) for _ in range(n)]
