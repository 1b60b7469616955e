"""Limits of what is compiled; that the tables are right is for tests/core/test_automaton.py to say."""

from __future__ import annotations

import pytest

from pybpe.pretokenization.dfa import compile_stages
from pybpe.pretokenization.parser import UnsupportedError


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        (("(?:a|b)*a(?:a|b){12}c",), "4,096 states"),
        ((r"\p{L}{1000}",), "too many states to prove"),
        ((r"a+b|a",), "far beyond"),
        (("|".join(f"[{chr(0x4E00 + 2 * i)}]" for i in range(300)),), "255 classes"),
        ((r"'s|\p{L}+|'", "a"), "a part at a time"),
        ((r"'s|\p{L}+|'", "'s|ab+c|b|a"), "a part at a time"),
        ((r"'s|\p{L}+|'", "'s|\\p{L}+|'", "a"), "a part at a time"),
        ((r"'s|[ab]+|'", "'s|a+|b+|'"), "a part at a time"),
        (("a{17}", "a"), "a part at a time"),
    ],
)
def test_what_is_refused(stages, reason):
    with pytest.raises(UnsupportedError, match=reason):
        compile_stages(stages)


@pytest.mark.parametrize("first", [r"\p{N}{1,3}", r"\s?\p{L}+", "[ab]+|[cd]+", "a{16}"])
def test_what_may_come_before_another(first):
    assert compile_stages((first, "b")).split(b"abcab12 ab")


@pytest.mark.parametrize(
    ("pattern", "can"),
    [(r"\p{L}+|\s+", True), (r"[\s\S]+", False), (r"[\s\S]{2}|\s", False), (r"[\s\S]", True)],
)
def test_what_can_be_cut(pattern, can):
    assert compile_stages((pattern,)).can_cut == can
