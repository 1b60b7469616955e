"""Parity of ids with tiktoken."""

from __future__ import annotations

import random
import tempfile
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from support.hostile_texts import INPUTS
from support.parity_texts import boundary_strings, code_points
from support.strategies import text, tiny_corpus

from pybpe import Tokenizer
from pybpe.encodings.registry import ENCODINGS
from pybpe.pretokenization.patterns import GPT2, GPT4, NANOCHAT

PINNED = {encoding.name: encoding for encoding in ENCODINGS}


@pytest.fixture(scope="module", params=["r50k_base", "cl100k_base", "o200k_base"])
def pair(request, vocabs) -> tuple[Tokenizer, tiktoken.Encoding]:
    """A public encoding, as pybpe and as tiktoken have it."""
    ours = Tokenizer.from_tiktoken(vocabs / f"{request.param}.tiktoken")
    pinned = PINNED[request.param]
    theirs = tiktoken.Encoding(
        request.param,
        pat_str=pinned.pattern,
        mergeable_ranks=ours.mergeable_ranks,
        special_tokens=pinned.special_tokens,
    )
    return ours, theirs


def same(ours: Tokenizer, theirs: tiktoken.Encoding, text: str) -> bool:
    return np.array_equal(
        ours.encode_to_numpy(text, disallowed_special=()), theirs.encode_to_numpy(text, disallowed_special=())
    )


def test_real_texts(pair, texts):
    for content in texts.values():
        assert same(*pair, content)


def test_every_code_point(pair):
    ours, theirs = pair
    for together in code_points():
        assert same(ours, theirs, together), together[:20]


def test_random_strings(pair):
    ours, theirs = pair
    strings = boundary_strings(16, 100_000)
    assert ours.encode_batch(strings, disallowed_special=()) == theirs.encode_ordinary_batch(strings, num_threads=2)


def test_hostile_inputs(pair):
    for kind, make in INPUTS.items():
        assert same(*pair, make(20_000)), kind


@given(text=st.one_of(text, st.text(max_size=60)))
def test_any_string(pair, text):
    ours, theirs = pair
    ids = theirs.encode_ordinary(text)
    assert ours.encode_ordinary(text) == ids
    assert ours.decode(ids) == theirs.decode(ids)


@given(
    parts=st.lists(st.sampled_from(["<|endoftext|>", "<|fim_prefix|>", "<|", "a ", "endoftext|>", "\n"]), max_size=9)
)
def test_special_tokens(pair, parts):
    ours, theirs = pair
    text = "".join(parts)
    assert ours.encode(text, allowed_special="all") == theirs.encode(text, allowed_special="all")
    assert ours.encode(text, disallowed_special=()) == theirs.encode(text, disallowed_special=())
    try:
        expected = theirs.encode(text)
    except ValueError:
        with pytest.raises(ValueError, match="special token"):
            ours.encode(text)
    else:
        assert ours.encode(text) == expected


@pytest.mark.parametrize("pattern", [GPT2, GPT4, NANOCHAT], ids=["gpt2", "gpt4", "nanochat"])
@given(corpus=tiny_corpus, text=text)
@pytest.mark.filterwarnings("ignore:the corpus is too small")
def test_a_trained_vocabulary_in_tiktoken(pattern, corpus, text):
    ours = Tokenizer.train(iter(corpus), 290, pattern=pattern, progress=False)
    theirs = tiktoken.Encoding(
        "trained", pat_str=pattern, mergeable_ranks=ours.mergeable_ranks, special_tokens=ours.special_tokens
    )
    assert ours.encode_ordinary(text) == theirs.encode_ordinary(text)


HAN = "".join(random.Random(4).choices("中文字日本語カ", k=400))
han_places = st.tuples(st.integers(0, 1190), st.integers(2, 40))


@given(
    places=st.lists(han_places, max_size=30, unique=True), starts=st.lists(st.integers(0, 380), min_size=1, max_size=6)
)
def test_tokens_that_merging_does_not_reach(places, starts):
    ranks = {bytes([byte]): byte for byte in range(256)}
    for start, size in places:
        ranks.setdefault(HAN.encode()[start : start + size], len(ranks))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ranks.tiktoken")
        path.write_bytes(b"".join(b64encode(token) + b" %d\n" % rank for token, rank in ranks.items()))
        ours = Tokenizer.from_tiktoken(path, GPT2, {})
    theirs = tiktoken.Encoding("test", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={})
    content = " ".join(HAN[start : start + 20] + " " + HAN[start : start + 3] for start in starts)
    for _ in range(2):
        assert same(ours, theirs, content)
