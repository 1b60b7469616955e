"""tokenizer.json of bytes whose steps are not those of GPT-2's kind: CLIP's ends of words, normalizers, splits."""

from __future__ import annotations

import functools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.huggingface_files import (
    BYTE_LEVEL,
    CLIP_NORMALIZER,
    MERGES,
    added,
    check_what_marked_words_cannot,
    clip,
    split_by,
    tokenizer_json,
    write_json,
)
from support.strategies import any_text, boundary_text

from pybpe import FormatError, Tokenizer
from pybpe._core.unicode import classes
from pybpe.formats.helpers.byte_level import to_bytes, to_chars
from pybpe.normalization.normalizer import WHITE_SPACE, apply, apply_aligned, check_normalizer, replaceable
from pybpe.pretokenization.patterns import prepare

tokenizers = pytest.importorskip("tokenizers", reason="the ids of tokenizer.json are compared with tokenizers")


def before_bytes(*steps):
    """Pre-tokenizers of these steps and ByteLevel, with GPT-2's pattern and without."""
    for use_regex in (True, False):
        yield {"type": "Sequence", "pretokenizers": [*steps, {**BYTE_LEVEL, "use_regex": use_regex}]}


NESTED = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}]}
NORMALIZERS = [
    [{"type": "Lowercase"}],
    [{"type": "Strip", "strip_left": True, "strip_right": False}],
    [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "NFKD"}],
    [{"type": "Prepend", "prepend": "x y"}],
    [{"type": "Replace", "pattern": {"String": "ab"}, "content": ""}, {"type": "NFC"}],
    [{"type": "Replace", "pattern": {"String": "."}, "content": "l.o"}, {"type": "Prepend", "prepend": " "}],
    [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\n"}],
    CLIP_NORMALIZER,
    [{"type": "NFD"}, {"type": "StripAccents"}],
    [{"type": "StripAccents"}],
    [{"type": "Nmt"}, {"type": "NFKC"}],
]
BEHAVIORS = ("Isolated", "Contiguous", "MergedWithNext", "MergedWithPrevious")
SPLITS = [
    split_by(" ", "MergedWithNext", kind="String"),
    split_by(" ", "MergedWithPrevious", kind="String"),
    split_by("]", "Contiguous", kind="String"),
    split_by(r"\p{N}", "Contiguous"),
    split_by(r"\s", "MergedWithNext"),
    split_by(r"\s+", "Removed"),
    *(
        split_by(word, "Isolated", kind=kind)
        for word in ("lo", "gpt2", "gpt3", "whole")
        for kind in ("String", "Regex")
    ),
    split_by(" ?[^(\\s|[.,!?…。，、।۔،])]+"),
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, BYTE_LEVEL]},
    {
        "type": "Sequence",
        "pretokenizers": [{"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}]}, BYTE_LEVEL],
    },
    *before_bytes({"type": "Whitespace"}),
    *(split for behavior in BEHAVIORS for split in before_bytes({"type": "Punctuation", "behavior": behavior})),
    *before_bytes({"type": "WhitespaceSplit"}, {"type": "Punctuation"}),
]
texts = st.one_of(
    any_text,
    boundary_text,
    st.text("abLOW lo.] 1\u3000İΣ<>", max_size=30),
    st.lists(st.sampled_from(["lo", "gpt2", "gpt3", "whole", "w", " ", "It's 12"]), max_size=9).map("".join),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "steps.json"


def pair_of(path, content):
    return _pair_of(path, json.dumps(content))


@functools.lru_cache(maxsize=64)
def _pair_of(path, content):
    ours = Tokenizer.from_huggingface(write_json(path, json.loads(content)))
    ours.to_huggingface(path.with_name("steps_written.json"))
    ours.save(path.with_name("steps.pybpe"))
    assert Tokenizer.load(path.with_name("steps.pybpe")) == ours
    assert Tokenizer.from_huggingface(path.with_name("steps_written.json")) == ours
    return ours, [tokenizers.Tokenizer.from_file(str(p)) for p in (path, path.with_name("steps_written.json"))]


def check(ours, theirs, text):
    expected = theirs[0].encode(text, add_special_tokens=False).ids
    assert ours.encode(text, allowed_special="all") == expected == theirs[1].encode(text, add_special_tokens=False).ids
    assert ours.encode_batch([text.encode()], allowed_special="all") == [expected]
    assert ours.count(text) == len(ours.encode_ordinary(text))
    for unit, size in (("char", len(text)), ("byte", len(text.encode()))):
        found, spans = ours.encode_with_offsets(text, unit=unit, allowed_special="all")
        assert found == expected
        assert all(0 <= start <= end <= size for start, end in spans)
    return expected


@given(
    text=st.one_of(texts, st.text("low er's!!!<|startofx>", max_size=20), st.just("<|startoftext|>low<|endoftext|>"))
)
def test_ends_of_words(path, text):
    ours, theirs = pair_of(path, clip())
    ids = check(ours, theirs, text)
    assert ours.decode(ids) == theirs[0].decode(ids, skip_special_tokens=False)


@pytest.mark.parametrize("number", range(len(NORMALIZERS)))
@given(text=texts)
def test_normalizers(path, number, text):
    content = tokenizer_json(normalizer={"type": "Sequence", "normalizers": NORMALIZERS[number]})
    check(*pair_of(path, content), text)


@pytest.mark.parametrize("number", range(len(SPLITS)))
@given(text=texts)
def test_splits(path, number, text):
    check(*pair_of(path, tokenizer_json(pre_tokenizer=SPLITS[number])), text)


def test_every_code_point(path):
    ours, theirs = pair_of(path, clip())  # which has everything that turns on single characters
    points = [chr(p) for p in range(0x110000) if not 0xD800 <= p < 0xE000 and (classes(p) or p % 64 == 0)]
    together = ["".join(f"{char}a {char}" for char in points[i : i + 4096]) for i in range(0, len(points), 4096)]
    expected = [found.ids for found in theirs[0].encode_batch_fast(together, add_special_tokens=False)]
    assert ours.encode_batch(together, disallowed_special=()) == expected


@pytest.mark.parametrize("split", SPLITS[-12:], ids=str)
def test_words_at_every_code_point(path, split):
    ours, _ = pair_of(path, tokenizer_json(pre_tokenizer=split))
    judge = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(pre_tokenizer=split))).pre_tokenizer
    points = [chr(point) for point in range(0x110000) if classes(point) or point % 64 == 0]
    splitter, drops = prepare(ours.pattern), ours.info.get("drops_space")
    for i in range(0, len(points), 512):
        text = "".join(f"lo{char}lo!{char}{char}." for char in points[i : i + 512] if not "\ud800" <= char < "\ue000")
        words = [to_bytes(word).decode() for word, _ in judge.pre_tokenize_str(text)]
        found = [word.decode() for word in splitter.split(text.encode())]
        wrong = [
            pair
            for pair in zip(words, [word for word in found if not drops or word.strip(WHITE_SPACE)], strict=False)
            if pair[0] != pair[1]
        ]
        assert not wrong[:3]


@pytest.mark.parametrize("kind", ["StripAccents", "Nmt"])
def test_normalizers_at_every_code_point(kind):
    judge = getattr(tokenizers.normalizers, kind)()
    wrong = [
        point
        for point in range(0x110000)
        if not 0xD800 <= point < 0xE000
        and apply(((kind,),), f"a{chr(point)}b") != judge.normalize_str(f"a{chr(point)}b")
    ]
    assert not wrong


def test_vocabularies_without_the_bytes_that_are_in_no_text(path, tmp_path):
    content = tokenizer_json()
    for byte in (0xC0, 0xF7, 0xFF):
        del content["model"]["vocab"][to_chars(bytes([byte]))]
    ours, theirs = pair_of(path, {**content, "model": renumbered(content["model"])})
    for text in ("low lower ab  é\U000e0101", "", "\ufffd"):
        check(ours, theirs, text)
    assert ours.encode(b"low\xff\xc0a") == ours.encode("low\ufffd\ufffda") == ours.encode_batch([b"low\xff\xc0a"])[0]
    with pytest.raises(ValueError, match="some bytes have no tokens"):
        ours.to_tiktoken(tmp_path / "t.tiktoken")


@given(text=st.one_of(texts, st.text("low er\U00100000\U00040001中", max_size=12)))
def test_bytes_without_a_token_are_left_out(path, text):
    content = tokenizer_json(merges=MERGES[:4])
    for byte in (0xF4, 0xF1):
        content["model"]["vocab"].pop(to_chars(bytes([byte])))
    ours, theirs = pair_of(path, {**content, "model": renumbered(content["model"])})
    expected = theirs[0].encode(text, add_special_tokens=False).ids
    assert ours.encode(text) == expected == theirs[1].encode(text, add_special_tokens=False).ids
    assert ours.encode_batch([text, text.encode()]) == [expected] * 2
    assert ours.count(text) == len(expected)
    if ours.decode(expected) != text:
        with pytest.raises(ValueError, match="bytes without a token"):
            ours.encode_with_offsets(text)


def test_bytes_without_a_token_beside_one_for_the_unknown(path):
    content = tokenizer_json(unk_token="a")
    del content["model"]["vocab"]["z"]
    with pytest.raises(FormatError, match="no token for byte 0x7a"):
        Tokenizer.from_huggingface(write_json(path, {**content, "model": renumbered(content["model"])}))


def renumbered(model):
    return {**model, "vocab": {name: number for number, name in enumerate(model["vocab"])}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (clip(ignore_merges=True), "cannot have ignore_merges"),
        (clip(merges=["l o</w>", "o l"]), "needs the token"),
        (clip(merges=["l o", "lo w</w>", "low</w> l"]), "needs the token"),
        (clip(end_of_word_suffix="</v>"), "that a word with marks cannot have"),
    ],
)
def test_ends_of_words_that_are_refused(path, content, message):
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_huggingface(write_json(path, content))


def test_what_words_with_ends_cannot_do(path, tmp_path):
    ours, _ = pair_of(path, clip())
    check_what_marked_words_cannot(ours, tmp_path, r"</w>|how this tokenizer")


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("steps", NORMALIZERS, ids=str)
def test_names_in_normal_text_decode_as_theirs_or_are_refused(path, steps, special):
    """tokenizers decodes such a token to what it searches for: "xing" for "ing" behind Prepend "x"."""
    names = ("ing", "los", "x y", "<|ab|>", "ABC", "a.b", " <s>", "e\u0301")
    normalizer = {"type": "Sequence", "normalizers": steps}
    accepted = 0
    for name in names:
        content = tokenizer_json([added(262, name, normalized=True, special=special)], normalizer)
        theirs = tokenizers.Tokenizer.from_str(json.dumps(content))
        write_json(path, content)
        if theirs.decode([262], skip_special_tokens=False) == name:
            ours = Tokenizer.from_huggingface(path)
            for ids in ([262], [97, 262, 98, 262], [262, 262]):
                assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)
            accepted += 1
        else:
            with pytest.raises(FormatError, match=r'"normalized": true|in normal text'):
                Tokenizer.from_huggingface(path)
    prepends = any(step["type"] == "Prepend" for step in steps)
    assert accepted == 0 if prepends else accepted >= 4


@given(
    text=texts,
    steps=st.lists(
        st.sampled_from(
            [
                *(("NFC",), ("NFKD",), ("Lowercase",), ("Replace", "a", "bcd"), ("Replace", "lo", "")),
                *(
                    ("StripAccents",),
                    ("Nmt",),
                    ("Prepend", "xy"),
                    ("ReplaceAll", r"\s+", " "),
                    ("Strip", "left"),
                    ("Strip", "left", "right"),
                ),
            ]
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_places_of_normal_text(text, steps):
    normal, places = apply_aligned(tuple(steps), text)
    assert normal == apply(tuple(steps), text)
    assert len(places) == len(normal)
    assert all(0 <= start <= end <= len(text) for start, end in places)


@given(
    text=st.one_of(texts, st.text(WHITE_SPACE + "\x1c\x1f\u200bab", max_size=9)), by=st.sampled_from([" ", "", "\\1x"])
)
def test_replaced_spaces(text, by):
    assert apply((("ReplaceAll", r"\s+", by),), text) == re.sub(f"[{WHITE_SPACE}]+", lambda _: by, text)


def test_white_space_is_that_of_python_but_for_four():
    spaces = {chr(point) for point in range(0x110000) if chr(point).isspace()}
    assert spaces == {*WHITE_SPACE, *"\x1c\x1d\x1e\x1f"}


@pytest.mark.parametrize(
    "pattern", ["", "a*", "(a)", "a|b", "a{0,3}", "[ab]", ".", "a{3,2}", "a++", r"\d", "^a", "a{2000}"]
)
def test_patterns_that_are_not_replaced(pattern):
    assert not replaceable(pattern)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        ("NFC",),
        (("Nmt", "a"),),
        (("BertNormalizer",),),
        (("Strip", "up"),),
        (("Replace", "", "a"),),
        (("ReplaceAll", "a|b", ""),),
        "NFX",
    ],
)
def test_what_is_no_normalizer(steps):
    with pytest.raises(FormatError):
        check_normalizer(steps)
