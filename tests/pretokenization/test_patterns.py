"""Patterns that no scanner serves: split by `regex`, by the classes of Unicode 16.0, without loss."""

from __future__ import annotations

import tracemalloc

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import messy_bytes, text

from pybpe import Tokenizer, WordCounts, reference
from pybpe._core.unicode import classes
from pybpe.pretokenization.patterns import (
    ALIASES,
    DEEPSEEK_V3,
    O200K,
    PATTERNS,
    as_regex,
    name_of,
    prepare,
    resolve,
    written_out,
)
from pybpe.pretokenization.regex_splitter import RegexSplitter
from pybpe.pretokenization.stages import join_stages, stages_of


@given(data=messy_bytes, pattern=st.sampled_from([O200K, r"\p{L}+|\p{N}", r"(?<=a)b|c*", r"\w+(?=\s)"]))
def test_the_regex_splitter_loses_nothing(data, pattern):
    splitter = RegexSplitter(pattern)
    words = splitter.split(data)
    assert b"".join(words) == data
    assert all(words)
    assert splitter.ends(data).tolist() == [sum(map(len, words[: i + 1])) for i in range(len(words))]


@given(text=text)
def test_encoding_through_regex_equals_the_reference(text):
    pattern = r"\p{Lu}?\p{Ll}+?|\s+\S|\p{N}+(?=\p{P})"
    tok = Tokenizer.train(iter(["The quick brown fox's Fox isn't"]), 260, pattern=pattern, progress=False)
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
    for alias, name in ALIASES.items():
        assert resolve(alias) == PATTERNS[name]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *(("gpt-2", "gpt2"), ("GPT4", "gpt4"), ("cl100k_base", "cl100k"), ("o200k_harmony", "o200k"), ("gpt5", "gpt4")),
        *(("llama", "llama3"), ("nanochatt", "nanochat"), ("qwen3_5", "qwen3.5"), ("deepseek", "deepseek-v3")),
        *(("none", "whole"), ("r50k_base", "gpt2"), ("star-coder", "starcoder"), ("Qwen", "qwen3")),
    ],
)
def test_a_near_miss_of_a_name(given, meant):
    message = rf"no pattern named '{given}'; did you mean '{meant}'\?.*names are gpt2, gpt4.*'\(\?:{given}\)'"
    with pytest.raises(ValueError, match=message):
        resolve(given)
    assert prepare(f"(?:{given})").split(f"a{given}b".encode()) == [b"a", given.encode(), b"b"]


@pytest.mark.parametrize("word", ["ab", "def", "end", "foo_bar", "x1", "1.2", "a-b", "Straße", "return", "中文"])
def test_a_word_is_a_regular_expression(word, tmp_path):
    given = f"x{word}{word}yz1a2"
    expected = [part for part in regex.split(f"({word})", given) if part]
    tok = Tokenizer.train(iter([given] * 3), 258, pattern=word, progress=False)
    tok.save(tmp_path / "word.pybpe")
    for made in (tok, Tokenizer.load(tmp_path / "word.pybpe")):
        assert made.pattern == word
        assert prepare(made.pattern).split(given.encode()) == [part.encode() for part in expected]


@given(
    word=st.one_of(st.sampled_from([*PATTERNS, *ALIASES, "gpt3", "cl100k_base"]), st.text("gpt24abk_-.|", min_size=1))
)
def test_a_regular_expression_of_a_file_is_no_name(word):
    assert resolve(as_regex(word)) == as_regex(word)
    assert as_regex(word) in (word, f"(?:{word})")
    assert RegexSplitter(as_regex(word)).split(b"a gpt2") == RegexSplitter(word).split(b"a gpt2")


@pytest.mark.parametrize(
    ("pattern", "kind", "reason"),
    [
        ("gpt4", "scanner", "known family"),
        ("kimi", "dfa", "automaton"),
        (r"\w+|\W", "dfa", "automaton"),
        (DEEPSEEK_V3, "dfa", "automaton"),
        (r"\w+?", "regex", r"lazy quantifier \+\?: split by the regex module"),
        (join_stages((r"\d", r"(?<=a)b")), "regex", r"group \(\?<=.*: split by the regex module"),
    ],
)
def test_what_serves_a_pattern(pattern, kind, reason):
    split = prepare(pattern)
    assert split.kind == kind
    assert regex.search(reason, split.reason)
    assert (split.scanner is None) == (kind == "regex")
    assert split.split(b"a1") == [b"a", b"1"] or pattern == r"\w+|\W"


@pytest.mark.parametrize("pattern", ["deepseek-v3", join_stages((r"\p{L}+?", r"\p{Lu}"))])
@given(text=text)
def test_a_row_of_patterns_survives_everywhere(tmp_path_factory, pattern, text):
    corpus = ["The 12345 quick brown foxes, 中ア文 and 34 words\n\nof Text"]
    counts = WordCounts(pattern)
    counts.update(corpus)
    tok = Tokenizer.train(counts, 270, special_tokens=[], progress=False)
    assert tok == Tokenizer.train(iter(corpus), 270, pattern=pattern, special_tokens=[], progress=False)
    path = tmp_path_factory.mktemp("row") / "row.pybpe"
    tok.save(path)
    again = Tokenizer.load(path)
    assert again.pattern == tok.pattern == resolve(pattern)
    assert again.encode_ordinary(text) == reference.encode_ordinary(text, tok.merges, tok.pattern)
    assert tok.merges == reference.train(corpus, len(tok.merges), tok.pattern)


def test_a_row_of_patterns_is_a_string():
    assert stages_of(join_stages(("a", "b|c"))) == ("a", "b|c")
    assert stages_of("a") == ("a",)
    with pytest.raises(ValueError, match="empty"):
        prepare(join_stages(("a", "")))


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
        (r"ab\z|a|b|\n", "ab\n", ["a", "b", "\n"]),
        (r"\x{62}+|a", "abb", ["a", "bb"]),
        (r"[\p{L}&&[^b]]+", "acbc", ["ac", "b", "c"]),
        (r"[a-z&&[^b]]+(?i:'st)", "c'st c'ﬆ", ["c'st", " c'ﬆ"]),  # one letter for another only, even so
    ],
)
def test_worked_examples(pattern, text, words):
    expected = [word.encode() for word in words]
    assert RegexSplitter(pattern).split(text.encode()) == prepare(pattern).split(text.encode()) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?:a{1000}){1000}|b", "repeats things"),
        ("a{99999999999999999999}|b{2}", "repeats things"),
        ("(?:" * 3000 + "a" + ")" * 3000, "nested too deeply"),
        ("(?i:" * 40_000, "160,000 characters"),
        ("[a" * 1000, "not a valid regular expression"),
    ],
)
def test_bombs_are_refused_before_they_go_off(pattern, message):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            prepare(pattern)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [("a{3}b", 4), ("(?:ab{2}){10}", 50), (r"\p{L}{1,3}[^]{9}]{2}", 5), ("a{}", 1), (r"\{5,9}(c){,4}", 9)],
)
def test_how_large_a_pattern_becomes(pattern, parts):
    assert written_out(pattern) == parts
