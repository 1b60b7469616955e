"""Vocabularies of ranks: one merge a token gives the ids of merging by all the ways to cut, whatever hint is given."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer
from pybpe._core.ids import Rows
from pybpe._core.ranks import ranked_merges
from pybpe.definition import Definition, make_vocabulary
from pybpe.vocabulary.models import ByteRanks

BYTES = [bytes([byte]) for byte in range(256)]
WHOLE = r"[\s\S]+"  # one word a text

# Tokens over two letters: nearly every pair of them makes another, in several ways, and some cannot be reached.
letters = st.text("ab", min_size=2, max_size=7).map(str.encode)
tokens = st.lists(letters, unique=True, max_size=40)
in_order = st.booleans()
word = st.text("abc", max_size=40).map(str.encode)


def vocabulary_of(learned: list[bytes], in_order: bool) -> list[bytes]:
    """All tokens, the longer ones with higher ids if `in_order`, which merging then can take back step by step."""
    return [*BYTES, *(sorted(learned, key=len) if in_order else learned)]


def rows_of(rows: list[tuple[int, int, int]]) -> memoryview:
    return memoryview(Rows(array("I", [number for row in rows for number in row]), 3))


def by_all_cuts(ranks: dict[bytes, int], word: bytes) -> list[int]:
    """tiktoken's rule as it is written: of all neighbours that joined are a token, merge the lowest."""
    parts = [word[i : i + 1] for i in range(len(word))]
    if word in ranks:
        return [ranks[word]]
    while True:
        found = [(ranks[parts[i] + parts[i + 1]], i) for i in range(len(parts) - 1) if parts[i] + parts[i + 1] in ranks]
        if not found:
            return [ranks[part] for part in parts]
        _, i = min(found)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


def tokenizer_of(vocabulary: list[bytes], hint: memoryview) -> Tokenizer:
    return Tokenizer(Definition(ByteRanks(make_vocabulary(vocabulary), hint), WHOLE, {}))


@given(learned=tokens, in_order=in_order, words=st.lists(word, max_size=8))
def test_ids_are_those_of_merging_by_all_cuts(learned, in_order, words):
    vocabulary = vocabulary_of(learned, in_order)
    ranks = {token: rank for rank, token in enumerate(vocabulary)}
    tok = tokenizer_of(vocabulary, rows_of([]))
    for each in [*words, *learned]:
        assert tok.encode_ordinary(each) == by_all_cuts(ranks, each)


@given(learned=tokens, in_order=in_order, twin=st.booleans())
def test_rows_found_are_taken_as_a_hint(learned, in_order, twin):
    vocabulary = vocabulary_of(learned, in_order) + ([b"ab", b"ab"] if twin else [])
    made = make_vocabulary(vocabulary)
    _, found = ranked_merges(made, rows_of([]))
    rows = memoryview(Rows(found, 3))
    _, again = ranked_merges(made, rows)
    assert again is None or memoryview(Rows(again, 3)) == rows
    if in_order and not twin and len(rows):
        assert again is None


@given(learned=tokens, in_order=in_order, data=st.data())
def test_no_hint_changes_the_rows(learned, in_order, data):
    vocabulary = vocabulary_of(learned, in_order)
    ids = {token: rank for rank, token in enumerate(vocabulary)}
    made = make_vocabulary(vocabulary)
    _, found = ranked_merges(made, rows_of([]))
    right = [tuple(row) for row in memoryview(Rows(found, 3)).tolist()]
    cuts = [
        (ids[token[:i]], ids[token[i:]], ids[token])
        for token in sorted(learned, key=ids.__getitem__)
        for i in range(1, len(token))
        if token[:i] in ids and token[i:] in ids
    ]
    # A part of all ways to cut, at most one for a token: what a clever stranger could write.
    chosen = {row[2]: row for row in data.draw(st.lists(st.sampled_from(cuts), max_size=40))} if cuts else {}
    hint = {row[2]: row for row in right} | chosen if data.draw(st.booleans()) else chosen
    for token in data.draw(st.lists(st.sampled_from(sorted(hint)), max_size=2)) if hint else []:
        hint.pop(token, None)
    rows = rows_of([hint[token] for token in sorted(hint)])
    _, again = ranked_merges(made, rows)
    assert (rows if again is None else memoryview(Rows(again, 3))).tolist() == [list(row) for row in right]


@given(rows=st.lists(st.tuples(*[st.integers(0, 300) | st.just(2**32 - 1)] * 3), max_size=20))
def test_any_rows_at_all_are_harmless(rows):
    vocabulary = [*BYTES, b"ab", b"aba", b"abab", b"", b"bb"]
    tok = tokenizer_of(vocabulary, rows_of(rows))
    assert tok.merges == {(97, 98): 256, (256, 97): 257, (256, 256): 258, (98, 98): 260}


def test_a_token_that_merging_never_meets_has_no_row():
    vocabulary = [*BYTES, b"bc", b"ab", b"abc"]
    assert tokenizer_of(vocabulary, rows_of([])).merges == {(98, 99): 256, (97, 98): 257, (97, 256): 258}
    wrong = rows_of([(98, 99, 256), (97, 98, 257), (257, 99, 258)])
    assert tokenizer_of(vocabulary, wrong).merges[97, 256] == 258
    assert tokenizer_of([*BYTES, b"abc"], rows_of([])).merges == {}


def test_tokens_longer_than_the_stack_holds():
    vocabulary = [*BYTES, *(b"a" * 2**i for i in range(1, 13))]
    tok = tokenizer_of(vocabulary, rows_of([]))
    assert tok.merges == {(97, 97): 256} | {(256 + i, 256 + i): 257 + i for i in range(11)}
    assert tok.encode_ordinary(b"a" * 4097) == [267, 97]


def test_rows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="rows of 3"):
        rows_of([(1, 2)])
    with pytest.raises(ValueError, match="left, right, token"):
        ranked_merges(make_vocabulary(BYTES), memoryview(Rows(array("I", range(4)), 2)))


@pytest.mark.parametrize("name", ["r50k_base", "cl100k_base", "o200k_base"])
def test_public_vocabularies(vocabs, name, tmp_path):
    tok = Tokenizer.from_tiktoken(vocabs / f"{name}.tiktoken")
    tok.save(tmp_path / "saved")
    loaded = Tokenizer.load(tmp_path / "saved")
    assert loaded.merges == tok.merges
    assert len(tok.merges) == sum(len(token) > 1 for token in tok.mergeable_ranks)
    rows = tok._definition.merges
    assert ranked_merges(tok._definition.vocabulary, rows)[1] is None
