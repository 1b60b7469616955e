"""The parser: what it makes of a pattern, and what it says of one that it does not take."""

from __future__ import annotations

import pytest

from pybpe.pretokenization.charsets import NOTHING, CharSet, white_space
from pybpe.pretokenization.parser import Chars, Choice, Joined, Look, Repeat, UnsupportedError, parse

A, B = Chars(CharSet.of("a")), Chars(CharSet.of("b"))


@pytest.mark.parametrize(
    ("pattern", "tree"),
    [
        ("a", A),
        ("ab|a", Choice((Joined((A, B)), A))),
        ("(?:a)(b)", Joined((A, B))),
        ("a*", Repeat(A, 0, None, False)),
        ("a++", Repeat(A, 1, None, True)),
        ("a?+", Repeat(A, 0, 1, True)),
        ("a{2,3}", Repeat(A, 2, 3, False)),
        ("a{2}", Repeat(A, 2, 2, False)),
        ("a{,3}+", Repeat(A, 0, 3, True)),
        ("(?>a)", Repeat(A, 1, 1, True)),
        ("[ab]", Chars(CharSet.of("ab"))),
        ("[a-b]", Chars(CharSet.of("ab"))),
        ("[]a-]", Chars(CharSet.of("]a-"))),
        ("[a-c&&[^b]]", Chars(CharSet.of("ac"))),
        ("[^a-c&&b]", Chars(~CharSet.of("b"))),
        (r"\x61\u0062\U00000061\x{62}", Joined((A, B, A, B))),
        (r"\r\n\t\-", Joined(tuple(Chars(CharSet.of(char)) for char in "\r\n\t-"))),
        (".", Chars(~CharSet.of("\n"))),
        ("a$", Joined((A, Look(NOTHING, True)))),
        (r"a\z", Joined((A, Look(NOTHING, True)))),
        (r"a(?!\S)", Joined((A, Look(white_space(), True)))),
        (r"a(?=\s|b)", Joined((A, Look(white_space() | CharSet.of("b"), False)))),
        (r"a(?!b|$)", Joined((A, Look(~CharSet.of("b"), False)))),
        ("(?i:sk)", Joined((Chars(CharSet.of("sS\u017f")), Chars(CharSet.of("kK\u212a"))))),
        ("(?i)a(?-i:b)", Joined((Chars(CharSet.of("aA")), B))),
        ("(?i:[^a])", Chars(~CharSet.of("aA"))),
    ],
)
def test_trees(pattern, tree):
    assert parse(pattern) == tree


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a+?", r"lazy quantifier \+\?"),
        (r"(a)\1", r"escape \\1"),
        ("(?<=a)b", r"group \(\?<="),
        ("(?P<x>a)", r"group \(\?P<"),
        ("a(?i)b", r"group \(\?i\)"),
        (r"\bword", r"escape \\b"),
        ("^a", r"\^ in place of"),
        ("*a", r"\* in place of"),
        ("a{x}", "without a count"),
        ("a{,}", "without a count"),
        ("a{1001}", r"count \{1001\}"),
        ("a{3,2}", r"count \{3,2\}"),
        ("a**", "after a quantifier"),
        ("a(?=b)+", "after a lookahead"),
        ("a(?=bc)", "more than one character"),
        ("(a", "without a \\)"),
        ("a)", "without a \\("),
        ("[a", "unexpected end"),
        ("[a&&[b]c]", "beside other characters"),
        ("[a&&]", "empty side"),
        ("[a[b]]", "differently"),
        ("[[:alpha:]]", "differently"),
        ("[a--b]", "differently"),
        (r"[\w-z]", "differently"),
        ("[b-a]", "range"),
        (r"\p{Greek}", "Greek"),
        (r"\p{^L}", "property"),
        (r"\x{110000}", r"escape \\x"),
        (r"\u12", r"escape \\u"),
        ("(?i:e|é)", "outside ASCII"),
        ("(?i:is)", "letter i"),
        (r"(?i:\p{Lu})", r"\(\?i\)"),
        ("(" * 51 + "a" + ")" * 51, "nested too deeply"),
        ("a\\", "unexpected end"),
    ],
)
def test_what_is_not_taken(pattern, reason):
    with pytest.raises(UnsupportedError, match=reason):
        parse(pattern)
