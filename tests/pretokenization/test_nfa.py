"""Where a possessive quantifier is the same as a greedy one, and what cannot be built."""

from __future__ import annotations

import pytest

from pybpe.pretokenization.nfa import build
from pybpe.pretokenization.parser import UnsupportedError


@pytest.mark.parametrize(
    "pattern",
    [
        r"[^\r\n\p{L}]?+\p{L}++",  # what follows begins with something else
        r"\p{N}{1,3}+",  # nothing follows
        r"\s++$",  # the end follows
        r" ?[^\s]++[\r\n]*+",  # what follows need not be there
        r"(?>a+)b",
        r"(?>ab|a)c?",
        r"(?:a++b)+",
    ],
)
def test_possessive_as_greedy(pattern):
    assert build(pattern).steps


@pytest.mark.parametrize("pattern", ["a++a", r"\w++x", r"\s++(?!\S)", "(?>ab|a)c", "(?:ab)++a", "(?:a++)+b"])
def test_possessive_and_not_as_greedy(pattern):
    with pytest.raises(UnsupportedError, match="possessive"):
        build(pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a*", "matches empty"),
        ("a|", "matches empty"),
        (r"(?!\S)", "matches empty"),
        ("(?:a?)*b", "may match empty text"),
        ("(?:a?){2}b", "may match empty text"),
        ("(?=a)b", "does not end"),
        ("(?:a$)+", "does not end"),
        ("(?:a{1000}){1000}", "steps"),
    ],
)
def test_what_cannot_be_built(pattern, reason):
    with pytest.raises(UnsupportedError, match=reason):
        build(pattern)
