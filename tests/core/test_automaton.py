"""Compiled automata against the regex module: many patterns, alone and one after another, on texts and on any bytes."""

from __future__ import annotations

import numpy as np
import pytest
import regex
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from support.strategies import BOUNDARY, messy_bytes, text

from pybpe._core.automaton import AutomatonSplitter
from pybpe.pretokenization.dfa import compile_stages
from pybpe.pretokenization.parser import UnsupportedError
from pybpe.pretokenization.patterns import CLIP, GPT2_ORIGINAL, PATTERNS
from pybpe.pretokenization.regex_splitter import RegexSplitter
from pybpe.pretokenization.stages import join_stages, stages_of

# The named patterns, those that the scanner serves too: it and the automaton are two ways to the same words.
FAMILIES = {**PATTERNS, "gpt2 as published": GPT2_ORIGINAL}
COMPILED = {name: compile_stages(stages_of(pattern)) for name, pattern in FAMILIES.items()}
ORACLES = {name: RegexSplitter(pattern) for name, pattern in FAMILIES.items()}
LEAST_ROOM = 16  # word ends a call may ask for: the more calls, the more often splitting goes on in the middle


@pytest.mark.parametrize("family", FAMILIES)
@given(data=messy_bytes)
def test_words_of_the_named_patterns(family, data):
    assert COMPILED[family].split(data) == ORACLES[family].split(data)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_pair_and_triple_of_boundary_characters(family):
    for first in BOUNDARY:
        data = "".join(f"{first}{second}{first}{first}{second}{second}x" for second in BOUNDARY).encode()
        assert COMPILED[family].split(data, LEAST_ROOM) == ORACLES[family].split(data)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=messy_bytes, more=messy_bytes)
def test_a_cut_splits_both_parts_as_the_whole(family, data, more):
    splitter = COMPILED[family]
    cut = splitter.find_cut(data)
    assert 0 <= cut < max(1, len(data))
    if cut:
        whole = data + more
        assert splitter.split(whole[:cut]) + splitter.split(whole[cut:]) == splitter.split(whole)


def test_a_cut_is_found_in_ordinary_text():
    text = b"Well, it is.\nAnd so on and on\n"
    assert COMPILED["whole"].find_cut(text) == 0
    for family in FAMILIES.keys() - {"whole"}:
        assert COMPILED[family].find_cut(text) >= len("Well, it is.\nAnd so on and"), family


# Patterns that a grammar makes, most of them of no use to anybody.
CLASSES = r"\s \S \d \D \w \W \p{L} \p{Lu} \p{Ll} \p{N} \P{L} \p{M} \p{P} \p{S} \p{Sc} \p{Han} \p{C}"
CHARACTERS = r". a b s ' 中 \n \x61 \u0301 \$ \x{4e2d} [$] [a-] []a] [^a] [a-z] [\r\n]"
COMPOUND = (
    r"[^\s\p{L}\p{N}] [\p{L}\p{M}] [^\r\n\p{L}\p{N}] [\p{L}&&[^\p{Han}]] [^\p{L}&&[^\p{Han}]] [a-z&&[^aeiou]&&[^s]]"
)
ANY_CASE = r"(?i:s) (?i:k) (?i:[a-h]) (?i:[^k-t]) (?i:'s|'re|'ll) (?i:\p{L})"
SETS = f"{CLASSES} {CHARACTERS} {COMPOUND} {ANY_CASE} [\\w&&\\p{{L}}]".split(" ")
QUANTIFIERS = ["", "", "", "", "+", "+", "*", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "++", "?+", "*+", "{1,2}+"]
ENDS = ["", "", "", r"(?!\S)", r"(?=\s)", "$", r"\z", r"(?!\p{L})", r"(?=[^a])", r"(?=\s|$)", "(?!$)", r"(?!a|\n)"]

_piece = st.builds(str.__add__, st.sampled_from([*SETS, " "]), st.sampled_from(QUANTIFIERS))
_row = st.lists(_piece, min_size=1, max_size=3).map("".join)
_group = st.builds(
    "({}{})".format, st.sampled_from(["?:", "", "?>"]), st.lists(_row, min_size=1, max_size=2).map("|".join)
)
_part = st.one_of(_row, st.builds(str.__add__, _group, st.sampled_from(QUANTIFIERS)))
_branch = st.builds("{}{}{}".format, _part, st.one_of(st.just(""), _part), st.sampled_from(ENDS))
patterns = st.lists(_branch, min_size=1, max_size=4).map("|".join)
_simple_piece = st.builds(str.__add__, st.sampled_from(SETS), st.sampled_from(["", "+", "{2}", "{1,3}", "{2,}"]))
simple_patterns = st.lists(_simple_piece, min_size=1, max_size=2).map("|".join)
last_patterns = st.one_of(simple_patterns, st.sampled_from([stages_of(pattern)[-1] for pattern in FAMILIES.values()]))


many_are_rejected = settings(suppress_health_check=[HealthCheck.filter_too_much])


def compiled_or_reject(stages: list[str]) -> tuple[AutomatonSplitter, RegexSplitter]:
    try:
        return compile_stages(tuple(stages)), RegexSplitter(join_stages(stages))
    except (UnsupportedError, regex.error):
        reject()


@given(pattern=patterns, texts=st.lists(messy_bytes, min_size=1, max_size=8))
@many_are_rejected
def test_words_of_any_pattern(pattern, texts):
    splitter, oracle = compiled_or_reject([pattern])
    for data in texts:
        assert splitter.split(data) == oracle.split(data)


@given(
    first=st.lists(simple_patterns, min_size=1, max_size=2), last=last_patterns, texts=st.lists(messy_bytes, min_size=1)
)
@many_are_rejected
def test_words_of_any_patterns_one_after_another(first, last, texts):
    splitter, oracle = compiled_or_reject([*first, last])
    for data in texts:
        assert splitter.split(data, LEAST_ROOM) == oracle.split(data)


@given(pattern=patterns, data=messy_bytes, more=messy_bytes)
@many_are_rejected
def test_a_cut_of_any_pattern(pattern, data, more):
    splitter, _ = compiled_or_reject([pattern])
    cut = splitter.find_cut(data)
    if cut:
        whole = data + more
        assert splitter.split(whole[:cut]) + splitter.split(whole[cut:]) == splitter.split(whole)


@pytest.mark.parametrize("pattern", [*CLASSES.split(" "), r"\p{Lt}", r"\p{Lm}", r"\p{Nd}", r"\p{Cf}", "(?i:[a-hj-z])"])
def test_every_character_is_in_its_class(pattern):
    # Members are words of their own, what is between them is a word.
    data = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000).encode()
    assert compile_stages((pattern,)).split(data) == RegexSplitter(pattern).split(data)


# One after another


def in_plain_python(stages: tuple[str, ...], data: bytes) -> list[bytes]:
    words = [data] if data else []
    for stage in stages:
        words = [part for word in words for part in RegexSplitter(stage).split(word)]
    return words


@pytest.mark.parametrize("family", ["deepseek-v3", "starcoder"])
@given(
    pieces=st.lists(st.one_of(text, st.sampled_from(["ab" * 400, "中ア" * 300, "12345" * 200, " " * 999])), max_size=6)
)
@settings(max_examples=30)
def test_each_pattern_splits_the_words_of_the_one_before(family, pieces):
    data = "".join(pieces).encode()
    expected = in_plain_python(stages_of(FAMILIES[family]), data)
    assert COMPILED[family].split(data) == COMPILED[family].split(data, LEAST_ROOM) == expected


@pytest.mark.parametrize(
    "stages",
    [
        (r"\p{N}{1,3}", r"\p{N}{1,2}"),  # not to be read on from within a match
        (rf"<\|startoftext\|>|<\|endoftext\|>|{CLIP}", GPT2_ORIGINAL),
        (CLIP, r"\p{L}+|\p{N}|[^\p{L}\p{N}]+"),
        ("'s[ab]|a+b?|'", "'s|a+|b|'"),
    ],
)
@given(
    pieces=st.lists(
        st.one_of(
            text, st.text("ab'sxyc", max_size=30), st.sampled_from(["<|startoftext|>", "11111", "!!", "12" * 99, " "])
        ),
        max_size=40,
    )
)
@settings(max_examples=60)
def test_matches_that_make_few_words(stages, pieces):
    splitter = compile_stages(stages)
    data = "".join(pieces).encode()
    expected = in_plain_python(stages, data)
    assert splitter.split(data) == splitter.split(data, LEAST_ROOM) == splitter.split(data, 192) == expected


def test_deepseek_equals_the_tokenizers_package():
    tokenizers = pytest.importorskip("tokenizers", reason="the tokenizers package is the judge here")
    isolated = [
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(stage), "isolated")
        for stage in stages_of(FAMILIES["deepseek-v3"])
    ]
    judge = tokenizers.pre_tokenizers.Sequence(isolated)

    @given(text=text)
    def check(text: str) -> None:
        expected = [word.encode() for word, _ in judge.pre_tokenize_str(text)]
        assert COMPILED["deepseek-v3"].split(text.encode()) == expected

    check()


@pytest.mark.parametrize("name", ["kimi", "qwen3.5"])
def test_patterns_equal_tiktoken(name):
    tiktoken = pytest.importorskip("tiktoken", reason="tiktoken is the judge here")
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256}
    judge = tiktoken.Encoding("judge", pat_str=FAMILIES[name], mergeable_ranks=ranks, special_tokens={})

    @given(text=text)
    def check(text: str) -> None:
        words = COMPILED[name].split(text.encode())
        assert [list(word) for word in words] == [judge.encode_ordinary(word.decode()) for word in words]
        assert judge.encode_ordinary(text) == list(text.encode())

    check()


# Limits


def test_time_grows_with_the_text_only():
    # Each would be read to its end again and again by an automaton that did not prove that it is not.
    for data in (
        b"\n" + b" " * 200_000,
        b" " * 200_000 + b"x",
        b"\n  " * 70_000,
        b"'" * 200_000,
        "中".encode() * 70_000,
    ):
        for splitter in COMPILED.values():
            assert b"".join(splitter.split(data)) == data


@pytest.mark.parametrize("pattern", [r"a+b|a", r"\w+(?=\s)|.", r"a+b"])
def test_a_pattern_that_could_take_the_square_of_the_time_is_refused(pattern):
    with pytest.raises(UnsupportedError, match="far beyond"):
        compile_stages((pattern,))


def test_text_is_found_again_behind_a_long_word_that_nothing_matches():
    splitter, oracle = (
        compile_stages((r"\d", r"[b-d]+", r"x|y")),
        RegexSplitter(join_stages((r"\d", r"[b-d]+", r"x|y"))),
    )
    data = b"z" * 30_000 + b"1" + b"b" * 30_000 + b"xz" * 3_000 + b"y2"
    assert splitter.split(data) == splitter.split(data, LEAST_ROOM) == oracle.split(data)


def test_tables_that_do_not_fit_are_refused():
    blocks = np.zeros(0x110000 >> 7, dtype=np.uint16)
    classes, cuts = np.zeros((1, 128), dtype=np.uint8), np.zeros((1, 1), dtype=np.uint8)
    states, flags = np.zeros((2, 1), dtype=np.uint32), np.zeros(2, dtype=np.uint8)
    good = [(states, flags, 2, True)]
    assert AutomatonSplitter(blocks, classes, good, cuts).split(b"ab") == [b"ab"]
    assert not AutomatonSplitter(blocks, classes, good, cuts).can_cut
    for bad in (
        (blocks[1:], classes, good, cuts),
        (blocks + np.uint16(1), classes, good, cuts),
        (blocks, classes + np.uint8(1), good, cuts),
        (blocks, classes[:, 1:].copy(), good, cuts),
        (blocks, classes, [], cuts),
        (blocks, classes, [(states + np.uint32(2), flags, 2, True)], cuts),
        (blocks, classes, [(states, flags[1:], 2, True)], cuts),
        (blocks, classes, good, np.zeros((1, 2), dtype=np.uint8)),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 (each says something else)
            AutomatonSplitter(*bad)


def test_a_block_needs_room():
    with pytest.raises(ValueError, match="at least 16"):
        COMPILED["gpt2"].split(b"ab", 15)
