"""Patterns that no scanner serves: split by `regex`, by the classes of Unicode 16.0, without loss."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import messy_bytes, text

from pybpe import Tokenizer, reference
from pybpe._core.unicode import classes
from pybpe.patterns import O200K, PATTERNS, RegexSplitter, name_of, prepare, resolve


@given(data=messy_bytes, pattern=st.sampled_from([O200K, r"\p{L}+|\p{N}", r"(?<=a)b|c*", r"\w+(?=\s)"]))
def test_the_regex_splitter_loses_nothing(data, pattern):
    splitter = RegexSplitter(pattern)
    words = splitter.split(data)
    assert b"".join(words) == data
    assert all(words)
    assert splitter.ends(data).tolist() == [sum(map(len, words[: i + 1])) for i in range(len(words))]


@given(text=text)
def test_encoding_through_regex_equals_the_reference(text):
    pattern = r"\p{Lu}?\p{Ll}+|\s+\S|\p{N}+(?=\p{P})"
    tok = Tokenizer.train(iter(["The quick brown fox's Fox isn't"]), 270, pattern=pattern, progress=False)
    assert tok.info["splitter"] == "regex"
    assert tok.encode_ordinary(text) == reference.encode_ordinary(text, tok.merges, pattern)


def test_classes_are_those_of_unicode_16():
    # U+A7D2 is a letter of Unicode 17.0, U+0295 moved from \p{Ll} to \p{Lo} after 16.0.
    assert classes(0xA7D2) == frozenset()
    assert RegexSplitter(r"\p{L}+").split("a\ua7d2b".encode()) == [b"a", "\ua7d2".encode(), b"b"]
    assert RegexSplitter(r"\p{Ll}+").split("aʕb".encode()) == ["aʕb".encode()]


def test_names():
    for name, pattern in PATTERNS.items():
        assert resolve(name) == pattern
        assert name_of(pattern) == name
    assert name_of("x+") is None


@pytest.mark.parametrize("name", PATTERNS)
def test_every_named_pattern_is_served(name):
    assert b"".join(prepare(name).split(b"It's 1234\n\n  words!")) == b"It's 1234\n\n  words!"


@pytest.mark.parametrize(
    ("pattern", "text", "words"),
    [
        (r"ab$|a|b|\n", "ab\n", ["a", "b", "\n"]),  # `$` is the end of the text only
        (r"ab$|a|b|\n", "\nab", ["\n", "ab"]),
        (r"[$]b|\$|[^$]", "$b$a", ["$b", "$", "a"]),  # and no end in a class or behind a backslash
        (r"[\]$]+|.", "a]$", ["a", "]$"]),
        ("ʕ+|[^ʕ]+", "aʕʕb", ["a", "ʕʕ", "b"]),  # a character that the pattern names is itself
        (r"\u0295+|[^\u0295]+", "aʕʕb", ["a", "ʕʕ", "b"]),
        ("\U00011dd0+|[^\U00011dd0]+", "a\U00011dd0b", ["a", "\U00011dd0", "b"]),
        (".", "ab", ["a", "b"]),
        (r"\S", "ab", ["a", "b"]),
    ],
)
def test_worked_examples_of_the_regex_splitter(pattern, text, words):
    assert prepare(pattern).split(text.encode()) == [word.encode() for word in words]
