"""Pieces of a text: the same from str, from bytes, and with their places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import messy_bytes

from pybpe.encode.segmenter import Segmenter
from pybpe.normalization.preprocessing import Preprocessing

CLIP = (("NFC",), ("ReplaceAll", r"\s+", " "), ("Lowercase",))
PREPROCESSINGS = {
    "names": Preprocessing(added_tokens={"<a>": 1, "<a><b>": 2}),
    "form": Preprocessing("NFC", added_tokens={"<a>": 1}),
    "form and names in it": Preprocessing("NFKC", {"<a>": 1, "fi": 2}, {"fi": ("normalized",)}),
    "steps": Preprocessing(CLIP, {"<a>": 1, "b>": 2}, {"b>": ("normalized",)}, add_prefix_space=True),
    "steps with a sign": Preprocessing(CLIP, {"<|x|>": 1}, {"<|x|>": ("normalized",)}),
    "space before": Preprocessing(added_tokens={"<a>": 1}, add_prefix_space="first"),
    "flags": Preprocessing("NFC", {"<a>": 1, "<b>": 2}, {"<a>": ("lstrip", "normalized"), "<b>": ("rstrip",)}),
    "llama": Preprocessing((("Prepend", " "), ("Replace", "▁", " ")), {"<a>": 1}),
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


@pytest.mark.parametrize("name", PREPROCESSINGS)
@settings(max_examples=200, deadline=None)
@given(text=texts, allowed=st.sampled_from([frozenset(), frozenset({"<s>"})]))
def test_all_ways_are_one(name, text, allowed):
    pieces = Segmenter(PREPROCESSINGS[name], {"<s>": 0})
    text = text.replace("<A>", "<s>") if allowed else text
    made = in_bytes(pieces.split(text, allowed))
    assert in_bytes(piece.content for piece in pieces.split_with_offsets(text, allowed)) == made
    if "\ud800" not in text:
        assert in_bytes(pieces.split(text.encode(), allowed)) == made


@pytest.mark.parametrize("name", PREPROCESSINGS)
@given(content=messy_bytes)
def test_any_bytes(name, content):
    pieces = Segmenter(PREPROCESSINGS[name], {})
    text = content.decode("utf-8", "surrogateescape")
    split_with_offsets = [piece.content for piece in pieces.split_with_offsets(text, frozenset())]
    found = pieces.split(content, frozenset())
    assert b"".join(piece for piece in found if not isinstance(piece, int)) == b"".join(
        piece.encode("utf-8", "surrogateescape") for piece in split_with_offsets if isinstance(piece, str)
    )
    assert [piece for piece in found if isinstance(piece, int)] == [
        piece for piece in split_with_offsets if isinstance(piece, int)
    ]


@pytest.mark.parametrize("name", PREPROCESSINGS)
@given(text=texts)
def test_names_are_looked_for_where_they_can_be(name, text):
    """`normal` may give the text itself only where no name is in the normal form."""
    pieces = Segmenter(PREPROCESSINGS[name], {})
    found = pieces.normal(text)
    if found is text and PREPROCESSINGS[name].normalizer is not None:
        normal = pieces._apply(text)
        assert normal == text or not any(spelled in normal for spelled in pieces._meant)


def test_a_text_with_nothing_to_do_is_the_piece():
    for preprocessing in PREPROCESSINGS.values():
        if not preprocessing.add_prefix_space and preprocessing is not PREPROCESSINGS["llama"]:
            for text in ("plain", b"plain", "中文"):
                assert Segmenter(preprocessing, {}).split(text, frozenset())[0] is text
