"""Pieces of a text: the same from str, from bytes, and with their places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import messy_bytes

from pybpe.encode.segmenter import Pieces
from pybpe.normalization.preprocessing import Reading

CLIP = (("NFC",), ("ReplaceAll", r"\s+", " "), ("Lowercase",))
READINGS = {
    "names": Reading(added_tokens={"<a>": 1, "<a><b>": 2}),
    "form": Reading("NFC", added_tokens={"<a>": 1}),
    "form and names in it": Reading("NFKC", {"<a>": 1, "fi": 2}, {"fi": ("normalized",)}),
    "steps": Reading(CLIP, {"<a>": 1, "b>": 2}, {"b>": ("normalized",)}, prefix_space=True),
    "steps with a sign": Reading(CLIP, {"<|x|>": 1}, {"<|x|>": ("normalized",)}),
    "space before": Reading(added_tokens={"<a>": 1}, prefix_space="first"),
    "flags": Reading("NFC", {"<a>": 1, "<b>": 2}, {"<a>": ("lstrip", "normalized"), "<b>": ("rstrip",)}),
    "llama": Reading((("Prepend", " "), ("Replace", "▁", " ")), {"<a>": 1}),
}
texts = st.lists(
    st.sampled_from(
        ["<a>", "<b>", "<A>", "<|X|>", "<|x|>", "ﬁ", "e\u0301", "b>\u0338", " ", "\n", "▁", "中", "x", "\ud800"]
    )
).map("".join)


def in_bytes(pieces):
    """Pieces as bytes and ids, with what stands side by side as one."""
    made = []
    for piece in pieces:
        piece = piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece
        if made and isinstance(made[-1], bytes) and isinstance(piece, bytes):
            made[-1] += piece
        else:
            made.append(piece)
    return made


@pytest.mark.parametrize("name", READINGS)
@settings(max_examples=200, deadline=None)
@given(text=texts, allowed=st.sampled_from([frozenset(), frozenset({"<s>"})]))
def test_all_ways_are_one(name, text, allowed):
    pieces = Pieces(READINGS[name], {"<s>": 0})
    text = text.replace("<A>", "<s>") if allowed else text
    made = in_bytes(pieces.of(text, allowed))
    assert in_bytes(piece for piece, *_ in pieces.located(text, allowed)) == made
    if "\ud800" not in text:
        assert in_bytes(pieces.of(text.encode(), allowed)) == made


@pytest.mark.parametrize("name", READINGS)
@given(content=messy_bytes)
def test_any_bytes(name, content):
    pieces = Pieces(READINGS[name], {})
    text = content.decode("utf-8", "surrogateescape")
    located = [piece for piece, *_ in pieces.located(text, frozenset())]
    found = pieces.of(content, frozenset())
    assert b"".join(piece for piece in found if not isinstance(piece, int)) == b"".join(
        piece.encode("utf-8", "surrogateescape") for piece in located if isinstance(piece, str)
    )
    assert [piece for piece in found if isinstance(piece, int)] == [
        piece for piece in located if isinstance(piece, int)
    ]


@pytest.mark.parametrize("name", READINGS)
@given(text=texts)
def test_names_are_looked_for_where_they_can_be(name, text):
    """`normal` may give the text itself only where no name is in the normal form."""
    pieces = Pieces(READINGS[name], {})
    found = pieces.normal(text)
    if found is text and READINGS[name].normalizer is not None:
        normal = pieces._apply(text)
        assert normal == text or not any(spelled in normal for spelled in pieces._meant)


def test_a_text_with_nothing_to_do_is_the_piece():
    for reading in READINGS.values():
        if not reading.prefix_space and reading is not READINGS["llama"]:
            for text in ("plain", b"plain", "中文"):
                assert Pieces(reading, {}).of(text, frozenset())[0] is text
