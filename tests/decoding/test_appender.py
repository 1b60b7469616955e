"""An appender equals the whole text at every moment, for every kind of tokenizer, and its copies are independent."""

from __future__ import annotations

import copy
import functools
import json
import pickle
import random
import time
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.huggingface_files import (
    CHARS,
    CLIP_NORMALIZER,
    PREPROCESSINGS,
    added,
    characters,
    clip,
    split_by,
    tokenizer_json,
    write_json,
)
from support.strategies import BOUNDARY, messy_bytes

from pybpe import FormatError, Tokenizer
from pybpe._core.append import AppendRules, GrowingIds
from pybpe._core.endings import Endings
from pybpe.definition import Definition, make_vocabulary
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.pretokenization.patterns import CLIP, GPT2_ORIGINAL, PATTERNS, WHOLE, prepare
from pybpe.vocabulary.models import ByteMerges, ByteRanks, ScoredCharacters

BYTES = [bytes([byte]) for byte in range(256)]
# Letters of both cases, uncased ones and marks, digits, what begins contractions, white space, what ends with slashes.
TINY = "aAzZsltdmreév中ʰǅ\u03011٣' \n\r\t\xa0/-.\"🙂"
ALL_PATTERNS = {
    **PATTERNS,
    "gpt2 original": GPT2_ORIGINAL,
    "clip": CLIP,
    "quotes": r'"[^"]*"|\w+|\s+(?!\S)|.',
    "none": "é",
}
CORPUS = ["".join(random.Random(seed).choices(TINY + "aaa  eee", k=300)) for seed in range(20)]
COPIES = [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]

pieces = st.one_of(
    st.text(TINY, max_size=6),
    st.text(BOUNDARY, max_size=6),
    st.sampled_from(
        ["a", "A", "中", " ", "\n", "'", "1", "é", '"', "a ", "12 ", "'ll", " \n", "A中", "/\n", "🙂 "]
    ).flatmap(lambda part: st.integers(1, 300).map(lambda count: part * count)),
)
growing = st.lists(pieces, max_size=9)
growing_bytes = st.lists(st.one_of(messy_bytes, pieces.map(str.encode), st.sampled_from(BYTES)), max_size=9)


def check_text(tok: Tokenizer, parts: list[str]) -> None:
    appender, so_far = tok.encode_appender(), ""
    for part in parts:
        appender.append(part)
        so_far += part
        expected = tok.encode_ordinary(so_far)
        assert appender.count == len(expected)
        assert appender.ids == expected
        assert appender.count == len(expected)  # asking changes nothing


def check_bytes(tok: Tokenizer, parts: list[bytes]) -> None:
    appender, so_far = tok.encode_appender(), b""
    for part in parts:
        appender.append(part)
        so_far += part
        expected = tok.encode_ordinary(so_far)
        assert appender.count == len(expected)
        assert appender.ids == expected


@functools.cache
def trained(pattern: str) -> Tokenizer:
    return Tokenizer.train(iter(CORPUS), 400, pattern=ALL_PATTERNS[pattern], progress=False)


@pytest.mark.parametrize("pattern", sorted(ALL_PATTERNS))
class TestPatterns:
    @settings(max_examples=40)
    @given(parts=growing)
    def test_text(self, pattern, parts):
        check_text(trained(pattern), parts)

    @settings(max_examples=40)
    @given(parts=growing_bytes)
    def test_bytes(self, pattern, parts):
        check_bytes(trained(pattern), parts)

    @settings(max_examples=40)
    @given(text=st.text(TINY, max_size=60), more=st.text(TINY, max_size=8))
    def test_settled_words_stay_whatever_follows(self, pattern, text, more):
        tok = trained(pattern)
        appender = tok.encode_appender()
        appender.append(text)
        core = appender._ids._core
        content = text.encode()
        ends = [*accumulate(map(len, prepare(tok.pattern).split(content + more.encode())))]
        settled = len(content) - len(core.open_text)
        now = [end for end in accumulate(map(len, prepare(tok.pattern).split(content))) if end <= settled]
        assert now[-1:] == ([settled] if settled else [])
        assert ends[: len(now)] == now

    def test_little_stays_open(self, pattern):
        tok = trained(pattern)
        appender = tok.encode_appender()
        for _ in range(300):
            appender.append("a word12 and 🙂 it's\n  3 ")
        if pattern not in ("whole", "none", "starcoder", "deepseek-v3"):  # where a word, of one pattern, goes on
            assert len(appender._ids._core.open_text) < 40


def ranks_of(tok: Tokenizer) -> Tokenizer:
    """The same tokens where any two neighbours whose bytes are a token merge, and a few that merging never reaches."""
    tokens = [*tok._definition.vocabulary.to_list(), b"azsl" * 40, "中é中é".encode(), b"'llx"]
    return Tokenizer(Definition(ByteRanks(make_vocabulary(tokens)), tok.pattern, {}))


@functools.cache
def ranked(pattern: str) -> Tokenizer:
    return ranks_of(trained(pattern))


@given(
    pattern=st.sampled_from(["gpt4", "o200k", "whole"]),
    parts=st.lists(st.one_of(pieces, st.just("azsl" * 20)), max_size=9),
)
def test_words_that_are_tokens(pattern, parts):
    check_text(ranked(pattern), parts)


@given(
    rows=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=14),
    parts=st.lists(st.text("abc", max_size=90), max_size=9),
)
def test_merges_in_any_order(rows, parts):
    """Lists that no training makes: merges that come too early, twice, or never."""
    tokens, merges = list(BYTES), []
    names = [97, 98, 99]
    for left, right in rows:
        pair = names[left % len(names)], names[right % len(names)]
        content = tokens[pair[0]] + tokens[pair[1]]
        if len(content) > 12:
            continue
        if content not in tokens:
            tokens.append(content)
            names.append(len(tokens) - 1)
        merges.append((*pair, tokens.index(content)))
    random.Random(len(rows)).shuffle(merges)
    table = np.array(merges, dtype=np.uint32).reshape(-1, 3)
    check_text(Tokenizer(Definition(ByteMerges(make_vocabulary(tokens), table), WHOLE, {})), parts)


@given(word=st.text("aAzs' é", max_size=200))
def test_the_last_token_of_every_beginning(word):
    tok = trained("whole")
    endings = Endings(tok._definition.vocabulary, tok._definition.model.table)
    assert endings.usable
    content = word.encode()
    lasts = [tok.encode_ordinary(content[: end + 1])[-1] for end in range(len(content))]
    assert endings.encode_beginnings(content) == lasts


# Hugging Face's files

NORMALIZERS = [
    None,
    {"type": "NFC"},
    {"type": "NFKD"},
    *(
        {"type": "Sequence", "normalizers": steps}
        for steps in (
            [{"type": "Lowercase"}],
            [{"type": "Strip", "strip_left": True, "strip_right": False}],
            [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "NFKD"}],
            [{"type": "NFC"}, {"type": "Strip", "strip_left": False, "strip_right": True}],
            [{"type": "Prepend", "prepend": "x y"}],
            [{"type": "Replace", "pattern": {"String": "ab"}, "content": ""}, {"type": "NFC"}],
            [{"type": "Replace", "pattern": {"String": "aba"}, "content": "b"}, {"type": "Lowercase"}],
            [{"type": "Replace", "pattern": {"String": "."}, "content": "l.o"}, {"type": "Prepend", "prepend": " "}],
            [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\n"}],
            [{"type": "Replace", "pattern": {"Regex": "a"}, "content": "ee"}],
            [{"type": "Replace", "pattern": {"Regex": "ab+"}, "content": "e"}],
            CLIP_NORMALIZER,
            [{"type": "NFD"}, {"type": "StripAccents"}],
            [{"type": "Nmt"}, {"type": "NFKC"}],
        )
    ),
]
SPLITS = [
    None,
    split_by(" ", "MergedWithNext", kind="String"),
    split_by(r"\p{N}", "Contiguous"),
    split_by(r"\s+", "Removed"),
    {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        ],
    },
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
]
NAMES = ["ab", "abc", "bc", "  ", " ", "\n\n", "<a>", "<a><b>", "<b>", "a b", "é", "e\u0301", "low", "A", "\n"]
FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")
PARTS = [
    "low",
    "er",
    "a",
    "b",
    "c",
    "ab",
    "A",
    " ",
    "  ",
    "\n",
    "<a>",
    "<",
    "a>",
    "<b>",
    "e",
    "\u0301",
    "\u0323",
    "é",
    "中",
]
PARTS += [
    ".",
    "1",
    "ﬁ",
    "가",
    "ᄀ",
    "ᅡ",
    "ᆨ",
    "Σ",
    "İ",
    "\u3000",
    "🙂",
    "'s",
    "\u0301" * 9,
    "a" * 200,
    " " * 150,
    "ab" * 90,
]
loose = st.lists(
    st.one_of(st.sampled_from(PARTS), st.lists(st.sampled_from(PARTS), max_size=4).map("".join)), max_size=12
)


@functools.cache
def opened(content: str) -> Tokenizer | None:
    with TemporaryDirectory() as folder:
        try:
            return Tokenizer.from_huggingface(write_json(Path(folder, "tokenizer.json"), json.loads(content)))
        except FormatError:
            return None


@st.composite
def byte_level(draw):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    content = tokenizer_json(
        [
            added(262 + number, name, **{flag: draw(st.booleans()) for flag in FLAGS if flag != "special"})
            for number, name in enumerate(names)
        ],
        draw(st.sampled_from(NORMALIZERS)),
        pre_tokenizer=draw(st.sampled_from(SPLITS)),
    )
    return content


@st.composite
def of_characters(draw):
    content = characters(draw(st.sampled_from(sorted(PREPROCESSINGS))), byte_fallback=draw(st.booleans()))
    vocab = content["model"]["vocab"]
    last = len(vocab) - 1
    for name in draw(st.lists(st.sampled_from([*NAMES, "▁▁", "▁<x>"]), unique=True, max_size=3)):
        flags = {flag: draw(st.booleans()) for flag in FLAGS}
        content["added_tokens"].append(added(vocab.get(name, last + 1), name, **flags))
        last = max(last, content["added_tokens"][-1]["id"])
    return content


@given(content=byte_level(), parts=loose)
def test_files_of_bytes(content, parts):
    tok = opened(json.dumps(content))
    if tok is not None:
        check_text(tok, parts)
        check_bytes(
            tok, [part.encode()[place : place + 1] for part in parts[:6] for place in range(len(part.encode()))][:40]
        )


@given(content=of_characters(), parts=st.lists(st.sampled_from([*PARTS, *CHARS, "▁▁", "▁<x>", "b", "\t"]), max_size=12))
def test_files_of_characters(content, parts):
    tok = opened(json.dumps(content))
    if tok is not None:
        check_text(tok, parts)
        check_bytes(
            tok, [part.encode()[place : place + 1] for part in parts[:6] for place in range(len(part.encode()))][:40]
        )


def test_most_files_are_taken():
    """The two tests before this one say little if few files can be opened."""
    rng = random.Random(5)
    taken = 0
    for _ in range(100):
        content = characters(rng.choice(sorted(PREPROCESSINGS)), byte_fallback=rng.random() < 0.5)
        taken += opened(json.dumps(content)) is not None
    for normalizer in NORMALIZERS:
        for split in SPLITS:
            taken += (
                opened(json.dumps(tokenizer_json([added(262, "<a>")], normalizer, pre_tokenizer=split))) is not None
            )
    assert taken > 150


@pytest.fixture(scope="module")
def with_ends() -> Tokenizer:
    tok = opened(json.dumps(clip()))
    assert tok is not None
    assert tok._definition.model.marks.end_of_word_suffix
    return tok


@given(parts=loose)
def test_ends_of_words(with_ends, parts):
    check_text(with_ends, parts)


@given(parts=growing_bytes)
def test_ends_of_words_in_bytes(with_ends, parts):
    check_bytes(with_ends, parts)


@functools.cache
def with_beginnings() -> Tokenizer:
    content = tokenizer_json()
    names = [*content["model"]["vocab"]][:256]
    vocab = {
        name: number for number, name in enumerate([*names, *("##" + name for name in names), "lo", "##lo", "##ab"])
    }
    merges = [["l", "##o"], ["##l", "##o"], ["##a", "##b"]]
    content["model"] |= {"vocab": vocab, "merges": merges, "continuing_subword_prefix": "##"}
    tok = opened(json.dumps(content))
    assert tok is not None
    assert tok._definition.model.marks.continuing_subword_prefix
    return tok


@given(parts=loose)
def test_beginnings_of_words(parts):
    check_text(with_beginnings(), parts)


@pytest.fixture(scope="module", params=[b"\xf1", b"\xf3\xf4"])
def leaving_out(request) -> Tokenizer:
    """A vocabulary without tokens for some bytes of rare characters, whose others are kept."""
    trained_on = trained("gpt2")._definition
    tokens = [b"" if token in (*(bytes([byte]) for byte in request.param), b"\xff") else token for token in BYTES]
    rows = [(97, 122, 256), (256, 122, 257), (0xBF, 0xBF, 258)]
    tokens += [b"az", b"azz", b"\xbf\xbf"]
    merges = np.array(rows, dtype=np.uint32)
    return Tokenizer(Definition(ByteMerges(make_vocabulary(tokens), merges, drops_bytes=True), trained_on.pattern, {}))


RARE = ["a", "z", "\U00100000", "\U0004ffff", "\U000fffff", "\U0004ffff" * 50, "az" * 100, " ", "z\U0004ffffz" * 40]


@given(parts=st.lists(st.sampled_from(RARE), max_size=12))
def test_bytes_that_are_left_out(leaving_out, parts):
    check_text(leaving_out, parts)
    check_bytes(leaving_out, [part.encode()[place : place + 1] for part in parts for place in range(len(part))])


# sentencepiece's models


@functools.cache
def spm(normalizer: str | None, dummy: bool, single: bool, names: tuple[str, ...], fallback: bool) -> Tokenizer:
    base = Tokenizer.train(
        iter(["low lower lowest newer ab ab  é 中文 ﬁ", "the quick brown fox " * 3] * 9),
        310,
        convention="sentencepiece",
        normalizer=normalizer,
        progress=False,
    )._definition
    assert base.preprocessing.sentencepiece is not None
    assert isinstance(base.model, ScoredCharacters)
    preprocessing = Preprocessing(
        added_tokens={name: len(base.vocabulary) + number for number, name in enumerate(names)},
        sentencepiece=SentencePieceNormalizer(dummy, single, base.preprocessing.sentencepiece.charsmap),
    )
    scores = base.model.characters
    tokens = base.vocabulary.to_list()
    if not fallback:
        tokens = [b"" if number in scores.byte_ids else token for number, token in enumerate(tokens)]
        scores = replace(scores, byte_ids=())
    model = ScoredCharacters(make_vocabulary(tokens), scores)
    return Tokenizer(replace(base, model=model, preprocessing=preprocessing))


sentences = st.builds(
    spm,
    st.sampled_from([None, "nfkc", "nmt_nfkc"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(), ("<a>", "ab", " "), ("  low", "<a>", "<a><b>")]),
    st.booleans(),
)
SENTENCE_PARTS = [*PARTS, "▁", "▁▁", "ﬁ", "ﾊ", "ﾞ", "\u200b", "①", "㌀", "ア", "\u0308", "xyz"]


@given(tok=sentences, parts=st.lists(st.sampled_from(SENTENCE_PARTS), max_size=12))
def test_models_of_sentencepiece(tok, parts):
    check_text(tok, parts)
    check_bytes(
        tok, [part.encode()[place : place + 1] for part in parts[:6] for place in range(len(part.encode()))][:40]
    )


# Surrogates, large texts, copies


@given(
    parts=st.lists(st.sampled_from(["a", "\ud83d", "\ude42", "🙂", " ", "e", "\u0301"]), max_size=12),
    number=st.integers(0, 2),
)
def test_halves_of_characters(with_ends, parts, number):
    tok = (trained("gpt4"), with_ends, spm("nfkc", True, True, (), True))[number]
    appender, so_far = tok.encode_appender(), ""
    for part in parts:
        appender.append(part)
        so_far += part
        joined = so_far.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert appender.ids == tok.encode_ordinary(joined)


@pytest.mark.parametrize("number", range(4))
def test_large_texts(number, with_ends):
    nfc = opened(json.dumps(tokenizer_json([added(262, "<a>")], {"type": "NFC"})))
    tok = (trained("gpt4"), nfc, with_ends, spm("nfkc", True, True, (), True))[number]
    text = "".join(random.Random(number).choices(["low ", "é", "a b", "中文", "12 ", "\n", "<a>", "e\u0301"], k=60_000))
    appender = tok.encode_appender()
    appender.append("a")
    appender.append(text)
    appender.append("b" + text)
    appender.append("c")
    assert appender.ids == tok.encode_ordinary(f"a{text}b{text}c")
    appender = tok.encode_appender()
    appender.append(text)
    assert appender.count == tok.count(text)
    appender.append("\u0301 b")
    assert appender.ids == tok.encode_ordinary(text + "\u0301 b")


UNITS = ["hello ", "word12 ", "🙂 ", "a", " ", "中"]


@pytest.mark.parametrize("kind", ["gpt4", "whole", "deepseek-v3", "clip", "nfc", "sentence", "mistral"])
def test_the_time_grows_with_the_text_only(kind):
    """By the square of the text, each of these would take ten seconds or more."""
    tok = of_kind(kind)
    start = time.process_time()
    for unit in UNITS:
        appender = tok.encode_appender()
        for _ in range(20_000):
            appender.append(unit)
            count = appender.count
        assert count == tok.count(unit * 20_000)
    assert time.process_time() - start < 20


def test_what_is_no_text_is_refused():
    with pytest.raises(TypeError, match="str or bytes"):
        trained("gpt4").encode_appender().append(3)


kinds = st.sampled_from(["gpt4", "deepseek-v3", "whole", "quotes", "none", "clip", "nfc", "sentence"])


@functools.cache
def of_kind(kind: str) -> Tokenizer:
    if kind == "nfc":
        made = opened(json.dumps(tokenizer_json([added(262, "<a>")], {"type": "NFC"})))
    elif kind == "clip":
        made = opened(json.dumps(clip()))
    elif kind == "mistral":
        made = opened(json.dumps(characters()))
    elif kind == "sentence":
        made = spm("nfkc", True, True, ("<a>",), False)
    else:
        made = Tokenizer.train(
            iter(CORPUS), 400, pattern=ALL_PATTERNS.get(kind, kind) if kind != "none" else r"\w+|\W", progress=False
        )
    assert made is not None
    return made


@given(
    kind=kinds,
    before=st.lists(
        st.one_of(pieces, messy_bytes, st.sampled_from(["<", "\ud83d", b"\xe4\xb8", "e", " "])), max_size=5
    ),
    first=pieces,
    second=pieces,
    way=st.sampled_from(COPIES),
)
def test_copies_of_an_appender_are_independent(kind, before, first, second, way):
    tok = of_kind(kind)
    appender = tok.encode_appender()
    for part in before:
        appender.append(part)
    expected = appender.ids
    other = way(appender)
    assert other.ids == expected
    appender.append(first)
    assert other.ids == expected
    other.append(second)
    for one, parts in ((appender, [*before, first]), (other, [*before, second])):
        again = tok.encode_appender()
        for part in parts:
            again.append(part)
        assert one.ids == again.ids
        assert one.count == len(one.ids)


def test_the_core_refuses_what_cannot_be():
    definition = trained("gpt4")._definition
    rules = trained("gpt4")._codec._growth.rules
    assert rules is not None
    ids = GrowingIds(rules)
    with pytest.raises(ValueError, match="cannot begin at id 3 of 1"):
        ids.take(np.array([1], dtype=np.uint32), 3)
    ids.feed(b"a")
    with pytest.raises(ValueError, match="not settled"):
        ids.take(np.array([1], dtype=np.uint32), 0)
    with pytest.raises(ValueError, match="neither marks nor whole words"):
        AppendRules(
            definition.vocabulary,
            definition.model.table,
            prepare("whole").scanner,
            ignore_merges=True,
            emission=None,
            marks=None,
            dropped=b"\xf1",
            unknown=None,
        )
