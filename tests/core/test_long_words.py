"""The ways to merge a long word: each gives what merging gives."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer, reference
from pybpe._core.backtrack import Backtracker
from pybpe.definition import Definition, make_vocabulary
from pybpe.vocabulary.models import ByteMerges

WHOLE = r"[\s\S]+"  # one word a text
BYTES = [bytes([byte]) for byte in range(256)]


# More than the encoder's patience: one word of it, and its tables for long words are there.
PATIENCE = 1 << 18


def build_tables(tokenizer: Tokenizer, letters: str) -> None:
    word = "".join(random.Random(1).choices(letters, k=1 << 10)) * (PATIENCE // (1 << 10) + 1)
    assert not tokenizer._text.core.has_tables
    tokenizer.encode_ordinary(word)
    assert tokenizer._text.core.has_tables


def trained(alphabet: str, vocab_size: int) -> Tokenizer:
    rng = random.Random(len(alphabet))
    texts = ["".join(rng.choices(alphabet, k=40)) for _ in range(30)] + [letter * 90 for letter in alphabet]
    tokenizer = Tokenizer.train(iter(texts), vocab_size, pattern=WHOLE, progress=False)
    build_tables(tokenizer, alphabet)
    return tokenizer


@pytest.fixture(scope="module", params=[("ab", 330), ("abcdef", 400), ("-= \n", 420), ("aé中", 380)])
def tokenizer(request) -> Tokenizer:
    return trained(*request.param)


letters = st.text("abc-= \né中", min_size=1, max_size=300)
runs = st.lists(st.tuples(st.sampled_from("ab-= \n"), st.integers(1, 400)), min_size=1, max_size=6)


@given(word=letters)
def test_backtracking(tokenizer, word):
    backtracker = Backtracker(tokenizer._definition.vocabulary, tokenizer._definition.model.table)
    assert backtracker.usable
    expected = reference.encode_word(word.encode(), tokenizer.merges)
    assert backtracker.encode_word(word.encode()).to_numpy().tolist() == expected


@given(runs=runs)
def test_runs(tokenizer, runs):
    word = "".join(letter * count for letter, count in runs)
    expected = reference.encode_word(word.encode(), tokenizer.merges)
    assert tokenizer.encode_ordinary(word) == expected


@given(word=letters)
def test_long_words_before_and_after_the_tables_are_built(tokenizer, word):
    fresh = Tokenizer(tokenizer._definition)
    expected = fresh.encode_ordinary(word * 3)
    build_tables(fresh, "abcdef")
    fresh.limit_cache(1 << 20)  # which forgets the words
    assert fresh.encode_ordinary(word * 3) == expected
    assert expected == reference.encode_word((word * 3).encode(), tokenizer.merges)


rows = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=14)


def merged_one_by_one(word: bytes, merges: list[tuple[int, int, int]]) -> list[int]:
    """Always the merge of lowest rank, the leftmost of equals, as `tokenizers` does it; where a merge comes before
    those of its parts, this is not the same as making all that can be made of one merge at once."""
    ranks: dict[tuple[int, int], tuple[int, int]] = {}
    for rank, (left, right, token) in enumerate(merges):
        ranks.setdefault((left, right), (rank, token))
    ids = list(word)
    while found := [(*ranks[pair], i) for i, pair in enumerate(zip(ids, ids[1:], strict=False)) if pair in ranks]:
        _, token, i = min(found, key=lambda item: (item[0], item[2]))
        ids[i : i + 2] = [token]
    return ids


@given(rows=rows, word=st.text("abc", min_size=33, max_size=80))
def test_merges_in_any_order(rows, word):
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
    tok = Tokenizer(Definition(ByteMerges(make_vocabulary(tokens), table), WHOLE, {}))
    backtracker = Backtracker(tok._definition.vocabulary, tok._definition.model.table)
    expected = merged_one_by_one(word.encode(), merges)
    assert tok.encode_ordinary(word) == expected
    if backtracker.usable:
        assert backtracker.encode_word(word.encode()).to_numpy().tolist() == expected
    build_tables(tok, "abc")
    assert tok.encode_ordinary(word + "\n") == [*merged_one_by_one(word.encode(), merges), 10]
