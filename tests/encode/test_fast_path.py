"""The fast path gives what a text gives that is cut at its special tokens in Python and encoded part by part."""

from __future__ import annotations

import gc
import random
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer
from pybpe.encode.special_tokens import find_names
from pybpe.errors import SpecialTokenError

# Names that hold and overlap each other, with spaces, newlines and letters at their ends, which words would take.
NAMES = ["<|a|>", "<|a|><|b|>", "<|b|>", "|><|", " x", "\n\n", "low", "lower", "é<", "中", "<", "\t\t\t", "a'"]
PATTERNS = ["gpt2", "gpt4", "o200k", "llama3", "qwen2", "deepseek-v3", r"\s+(?!\S)|\w+|\W", r"(?<=a)b|[a-z]+|.", None]
TEXTS = ["low lower lowest newer wider <|a|> é中 12 3456 it's a'\n\n  x\t"] * 10


@pytest.fixture(scope="module", params=PATTERNS, ids=str)
def tok(request):
    return Tokenizer.train(iter(TEXTS), 300, request.param, NAMES, protect_special=False, progress=False)


def cut_and_encode(tok: Tokenizer, text: str | bytes, allowed: frozenset[str]) -> list[int]:
    ids, done = [], 0
    for match in find_names(allowed, text).finditer(text) if allowed else ():
        name = match.group()
        ids += tok.encode_ordinary(text[done : match.start()])
        ids.append(tok.special_tokens[name if isinstance(name, str) else name.decode()])
        done = match.end()
    return ids + tok.encode_ordinary(text[done:])


def check(tok: Tokenizer, text: str | bytes, allowed: frozenset[str], refused: frozenset[str]) -> None:
    policy = {"allowed_special": allowed, "disallowed_special": refused}
    if refused and find_names(refused, text).search(text):
        for call in (tok.encode, tok.encode_to_numpy, lambda text, **policy: tok.encode_batch([text], **policy)):
            with pytest.raises(SpecialTokenError):
                call(text, **policy)
        return
    ids = cut_and_encode(tok, text, allowed)
    assert tok.encode(text, **policy) == ids
    assert tok.encode_to_numpy(text, **policy).tolist() == ids
    assert tok.encode_batch([text, text], **policy) == [ids, ids]
    joined, offsets = tok.encode_batch_to_numpy([text, "zz", text], **policy)
    assert joined.tolist() == ids + cut_and_encode(tok, "zz", frozenset()) + ids
    assert offsets.tolist() == [0, len(ids), len(joined) - len(ids), len(joined)]
    if not allowed:
        assert tok.count(text) == len(ids)


near = [name[:size] for name in NAMES for size in range(1, len(name))]
short = ["a", " ", "\n", "'", "s", "12", "L", "é", "中", "\u0301", "   ", "\r\n", "/", "."]
parts = st.sampled_from([*NAMES, *near, *short])
sets = st.frozensets(st.sampled_from(NAMES))


@given(text=st.lists(parts, max_size=20).map("".join), allowed=sets, refused=sets, as_bytes=st.booleans())
def test_short_texts(tok, text, allowed, refused, as_bytes):
    check(tok, text.encode() if as_bytes else text, allowed, refused - allowed)


fillers = st.builds(
    lambda unit, size: unit * (size // len(unit)),
    st.sampled_from(["low ", " ", "\n ", "a", "中", "<|", "1", "é ", ".\n", "wider\n\n\n"]),
    st.integers(4096 - 80, 4096 + 80) | st.integers(8192 - 40, 8192 + 40) | st.integers(0, 300) | st.just(20_000),
)


@given(text=st.lists(parts | fillers, max_size=6).map("".join), allowed=sets, refused=sets)
def test_names_around_the_borders_of_what_is_searched_at_a_time(tok, text, allowed, refused):
    check(tok, text, allowed, refused - allowed)


def test_a_hundred_thousand_texts_full_of_near_misses():
    tok = Tokenizer.train(iter(TEXTS), 300, "gpt4", NAMES, progress=False)
    rng = random.Random(7)
    units = [*NAMES, *near, *short]
    for _ in range(100_000):
        text = "".join(rng.choices(units, k=rng.randint(0, 12)))
        allowed = frozenset(rng.sample(NAMES, rng.randint(0, 3)))
        assert tok.encode(text, allowed_special=allowed, disallowed_special=()) == cut_and_encode(tok, text, allowed)


@pytest.mark.parametrize(
    "text", ["plain", "é", "中文", "\U0001f600", "a\ud800b", "\ud83d\ude00", b"plain", b"\xff\xe4\xb8"]
)
def test_all_storages_of_str_and_bytes(tok, text):
    """One, two and four bytes a character, with surrogates, and bytes that are not UTF-8."""
    for around in ("", "<|a|>", " x"):
        whole = text + around.encode() if isinstance(text, bytes) else text + around
        if isinstance(text, str) and "\ud800" <= max(text) <= "\udfff":
            ids = cut_and_encode(tok, text, frozenset()) + ([tok.special_tokens[around]] if around else [])
            assert tok.encode(whole, allowed_special="all") == ids
        else:
            check(tok, whole, frozenset({"<|a|>", " x"}), frozenset())


def test_a_text_of_names_alone_takes_linear_time(tok):
    for name, filler in (("low", "b" * 5000), ("<|a|>", ""), ("<|b|>", " " * 5000), ("中", "a" * 100)):
        text = (filler + name) * (2_000_000 // (len(filler) + len(name)))
        ids = tok.encode_to_numpy(text, allowed_special={name}, disallowed_special=())
        assert np.count_nonzero(ids == tok.special_tokens[name]) == text.count(name)


@pytest.mark.parametrize(
    ("allowed", "disallowed", "named"),
    [
        ("<|a|>", "all", "allowed_special"),
        (None, "all", "allowed_special"),
        ({1}, "all", "allowed_special"),
        ({b"<|a|>"}, (), "allowed_special"),
        (frozenset(), None, "disallowed_special"),
        (frozenset(), 5, "disallowed_special"),
        (frozenset(), {1}, "disallowed_special"),
        ("all", [b"<|a|>"], "disallowed_special"),
    ],
)
def test_policies_that_are_none(tok, allowed, disallowed, named):
    for call in (tok.encode, tok.encode_to_numpy, lambda text, **policy: tok.encode_batch([text], **policy)):
        with pytest.raises(TypeError, match=f"^{named} must be 'all' or a set of strings"):
            call("text", allowed_special=allowed, disallowed_special=disallowed)


def test_any_collection_is_a_policy(tok):
    assert tok.encode("<|a|>", allowed_special=["<|a|>"], disallowed_special=["low"]) == [tok.special_tokens["<|a|>"]]
    assert tok.encode("low", allowed_special={"unknown"}, disallowed_special={}) == tok.encode_ordinary("low")
    with pytest.raises(SpecialTokenError, match="wider"):
        tok.encode("a wider", disallowed_special={"wider"})  # also what is no special token
    for disallowed in ({"\ud800"}, {""}, "low"):
        if disallowed == {"\ud800"}:
            assert tok.encode("text", disallowed_special=disallowed) == tok.encode_ordinary("text")
        else:
            with pytest.raises(SpecialTokenError):
                tok.encode("lower", disallowed_special=disallowed)


def test_ever_new_policies_do_not_fill_the_memory(tok):
    for number in range(1000):
        assert tok.encode("text", disallowed_special={f"name {number}"}) == tok.encode_ordinary("text")


def test_a_tokenizer_goes_with_its_last_reference():
    tok = Tokenizer.train(iter(TEXTS), 300, progress=False)
    tok.encode("low")
    tok.encode("low", allowed_special="all")
    tok.encode_to_numpy("low")
    tok.encode_batch_to_numpy(["low"])
    seen = weakref.ref(tok._text)
    gc.disable()
    try:
        del tok
        assert seen() is None
    finally:
        gc.enable()
