"""Steps of a normalizer, as tokenizers has them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import BOUNDARY

from pybpe.normalization.charsmap import CharsMap
from pybpe.normalization.normalizer import apply, kept_part, lowercase, prepare
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.normalization.stages import (
    Lowercase,
    MapCharacters,
    Nmt,
    Prepend,
    Replace,
    ReplaceAll,
    ReplaceEscapedBytes,
    SingleSpaces,
    Stage,
    Strip,
    StripAccents,
    UnicodeForm,
    align_stages,
    apply_stages,
)
from pybpe.normalization.unicode_forms import FORMS

tokenizers = pytest.importorskip("tokenizers", reason="steps are compared with those of tokenizers")


def test_lower_case_of_every_code_point():
    theirs = tokenizers.normalizers.Lowercase()
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    for start in range(0, len(points), 1024):
        text = "\n".join(f"a{char} {char}" for char in points[start : start + 1024])
        assert lowercase(text) == theirs.normalize_str(text), hex(start)


@given(st.text(st.sampled_from(BOUNDARY + "\u03a3\u0130\ua7cb\ua7dc\U00010570")))
def test_lower_case_of_texts(text):
    assert lowercase(text) == tokenizers.normalizers.Lowercase().normalize_str(text)


STEPS = [
    *(("NFC",), ("NFKD",), ("Lowercase",), ("StripAccents",), ("Nmt",), ("Prepend", "xy"), ("Prepend", "▁")),
    *(
        ("Replace", "a", "bcd"),
        ("Replace", "▁", " "),
        ("Replace", "lo", ""),
        ("Replace", "▁", ""),
        ("Replace", "|", "<"),
    ),
    *(("ReplaceAll", r"\s+", by) for by in (" ", "", "_K", " too long ", "İ", "ſ")),
    *(("ReplaceAll", "l+", "<|"), ("Strip", "left"), ("Strip", "right"), ("Strip", "left", "right")),
    ("Replace", "\ud800", "x"),
]
normalizers = st.one_of(st.sampled_from(FORMS), st.lists(st.sampled_from(STEPS), min_size=1, max_size=4).map(tuple))
LETTERS = "abcLOlo.<|>; ▁ \t\n\u3000\u2003\x85\xa0\x1cé\u0301\u0323İΣσK\u212a\u037e\u226e\u0338中ſȺ🙂\U00010400\ua7dcªÅ"


@settings(max_examples=1500, deadline=None)
@given(text=st.one_of(st.text(LETTERS), st.text()), normalizer=normalizers)
def test_prepared_steps_as_plain(text, normalizer):
    if any("\ud800" <= char < "\ue000" for char in text):
        with contextlib.suppress(UnicodeEncodeError):
            assert prepare(normalizer)(text) in (text, apply(normalizer, text).encode())
        return
    made = apply(normalizer, text).encode()
    for given_text in (text, text.encode()):
        found = prepare(normalizer)(given_text)
        assert (found.encode() if isinstance(found, str) else found) == made


@settings(max_examples=500, deadline=None)
@given(parts=st.lists(st.one_of(st.binary(max_size=3), st.text(LETTERS).map(str.encode))), normalizer=normalizers)
def test_prepared_steps_on_any_bytes(parts, normalizer):
    content = b"".join(parts)
    made = apply(normalizer, content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    assert prepare(normalizer)(content) == made


@settings(max_examples=1500, deadline=None)
@given(
    text=st.text("<|>aKk;`≮＜\u212a\u037e\u1fef\u226e\u0338\u0301 \n"),
    normalizer=normalizers,
    name=st.text("<|>aK;`k ", min_size=1),
)
def test_what_of_a_name_is_kept(text, normalizer, name):
    part = kept_part(normalizer, name)
    assert part in name
    assert part not in apply(normalizer, text) or part in text


def test_no_other_character_becomes_one_that_is_kept():
    every = "".join(map(chr, range(0x21, 0x7F)))
    for normalizer in ("NFC", (("Lowercase",),), (("NFC",), ("ReplaceAll", r"\s+", " "), ("Lowercase",))):
        kept = {char for char in every if kept_part(normalizer, char)}
        assert kept >= set("<|>_!#")
        for point in range(0x110000):
            if not 0xD800 <= point < 0xE000:
                assert kept.isdisjoint(apply(normalizer, chr(point))) or chr(point) in kept, hex(point)
    assert kept_part("NFKC", "<|a|>") == kept_part((("Nmt",),), "<|a|>") == ""


@given(text=st.one_of(st.text(" ab▁中\n"), st.text()), prefix=st.booleans(), single=st.booleans())
def test_sentences_in_utf8(text, prefix, single):
    spm = SentencePieceNormalizer(prefix, single)
    if any("\ud800" <= char < "\ue000" for char in text):
        return
    for given_text in (text, text.encode()):
        found = spm.normalize_utf8(given_text)
        assert (found if isinstance(found, str) else found.decode()) == (
            apply_stages(spm.stages(None), text) if text else ""
        )


STAGES = {
    "form": UnicodeForm("NFKC"),
    "lower": Lowercase(),
    "accents": StripAccents(),
    "nmt": Nmt(),
    "torn": ReplaceEscapedBytes(),
    "replace": Replace("ab", "b"),
    "nothing": Replace(" ", ""),
    "spaces": ReplaceAll(r"\s+", " "),
    "runs": ReplaceAll("a+", "xy"),
    "single": SingleSpaces(),
    "prepend": Prepend("▁"),
    "prepend always": Prepend(" ", even_empty=True),
    "strip": Strip(True, True),
    "strip spaces": Strip(False, True, " "),
    "map": MapCharacters(CharsMap({"ﬁ": "fi", "a": "", " \n": " "}, frozenset({"ab"}))),
}


@given(
    text=st.text(st.sampled_from("aAbB \n\x0b\x1c\u3000é\u0301\u0327ﬁǅΣİ中\udc80\x07▁")),
    names=st.lists(st.sampled_from(sorted(STAGES)), max_size=4),
)
def test_plain_and_located_forms_of_stages_are_one(text, names):
    stages = [STAGES[name] for name in names]
    normal, places = align_stages(stages, text)
    assert normal == apply_stages(stages, text)
    assert len(places) == len(normal)
    assert all(0 <= start <= end <= len(text) for start, end in places)
    for stage in stages:  # by the edits alone, without the quicker ways
        assert Stage.apply(stage, text) == stage.apply(text)
        edits = list(stage.edits(text))
        assert all(first[1] <= second[0] for first, second in zip(edits, edits[1:], strict=False))
