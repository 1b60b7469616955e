"""Counts of words: given, forgotten, divided, carried about."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import SpecialTokenError, Tokenizer, WordCounts
from pybpe.pretokenization.patterns import GPT2, WHOLE

some_counts = st.dictionaries(st.binary(min_size=1, max_size=20), st.integers(1, 2**60), max_size=12)


def made(counts: dict[bytes, int]) -> WordCounts:
    return WordCounts.from_counts(counts, "gpt2")


@given(counts=some_counts)
def test_what_was_given_is_there(counts):
    found = made(counts)
    assert found.items() == [(word, count, number) for number, (word, count) in enumerate(counts.items())]
    assert found.total == sum(counts.values())
    assert len(found) == len(counts)
    assert found.forgotten == 0
    assert found.pattern == GPT2


def test_what_is_given_twice_adds_up():
    counts = WordCounts.from_counts([("é", 2), (b"x", 1), ("é".encode(), 3)], None)
    assert counts.items() == [("é".encode(), 5, 0), (b"x", 1, 1)]
    assert counts.pattern == WHOLE


@pytest.mark.parametrize(
    ("counts", "error", "says"),
    [
        ({"a": 0}, ValueError, "count is 0, must be at least 1"),
        ({"a": -1}, ValueError, "count is -1"),
        ({"": 1}, ValueError, "a word must have at least one byte"),
        ({"a": 1.5}, TypeError, "float"),
        ({"a": 2**63}, OverflowError, "int"),
        ({7: 1}, TypeError, "int"),
        ([("a", 2**63 - 1), ("a", 1)], OverflowError, "the count of a word exceeds"),
    ],
)
def test_counts_that_cannot_be(counts, error, says):
    with pytest.raises(error, match=says):
        WordCounts.from_counts(counts, "gpt4")


@given(counts=some_counts, least=st.integers(1, 2**60))
def test_pruning_forgets_the_rare(counts, least):
    found = made(counts)
    found.prune(least)
    kept = {word: count for word, count in counts.items() if count >= least}
    assert {word: count for word, count, _ in found.items()} == kept
    assert found.forgotten == sum(counts.values()) - sum(kept.values())
    assert len(found) == len(kept)
    found.update(iter(["more words"]))
    assert found.total == sum(kept.values()) + 2


@pytest.mark.parametrize("least", [0, -1])
def test_pruning_of_nothing(least):
    counts = made({b"a": 1})
    with pytest.raises(ValueError, match=f"min_count is {least}, must be at least 1"):
        counts.prune(least)
    assert counts.items() == [(b"a", 1, 0)]


@given(counts=some_counts, n_shards=st.integers(1, 6))
def test_shards_are_disjoint_and_make_the_whole(counts, n_shards):
    whole = made(counts)
    shards = whole.shard(n_shards)
    assert len(shards) == n_shards
    assert sorted(item for shard in shards for item in shard.items()) == sorted(whole.items())
    merged = made({})
    for shard in reversed(shards):
        merged.merge(shard)
    assert merged.items() == whole.items()


def test_no_shards():
    with pytest.raises(ValueError, match="n_shards is 0"):
        WordCounts().shard(0)


@given(counts=some_counts, forgotten=st.booleans())
def test_pickles_and_copies_hold_everything(counts, forgotten):
    whole = WordCounts("gpt2", protect=["<s>"], max_words=6 if forgotten else None)
    whole.merge(made(counts))
    whole.update(iter(["low<s> lower"]))
    for copied in (pickle.loads(pickle.dumps(whole)), copy.copy(whole), copy.deepcopy(whole)):
        for each in (copied, whole):
            assert (each.items(), each.forgotten) == (whole.items(), whole.forgotten)
        assert (copied.max_words, copied.protected, copied.pattern) == (whole.max_words, ("<s>",), GPT2)
        other = copy.deepcopy(copied)
        copied.update(iter(["new<s>er"]))
        assert other.items() == whole.items()
        assert not any(word.startswith(b"new<") for word, _, _ in copied.items())


def test_counts_beyond_2_to_the_53_are_exact():
    """Where a float would lose the last bit, and where 32 bits overflow."""
    for large in (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53):
        counts = WordCounts.from_counts({"ab": large, "cd": large + 1, "ef": large - 1}, "gpt4")
        for convention in ("pybpe", "huggingface", "minbpe", "tiktoken"):
            tok = Tokenizer.train(counts, 259, special_tokens=[], convention=convention, progress=False)
            assert list(tok.vocab.values())[256:] == [b"cd", b"ab", b"ef"]


@pytest.mark.filterwarnings("ignore:the corpus is too small")
def test_pairs_add_up_beyond_32_bits():
    counts = WordCounts.from_counts({"xab": 2**31, "yab": 2**31, "zcd": 2**32 + 1, "cdz": 2}, "gpt4")
    tok = Tokenizer.train(counts, 258, special_tokens=[], progress=False)
    assert list(tok.vocab.values())[256:] == [b"cd", b"zcd"]
    assert Tokenizer.train(counts, 258, special_tokens=[], min_frequency=2**32 + 2, progress=False).n_vocab == 257


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"max_words": 0}, ValueError, "max_words is 0"),
        ({"max_words": 1.5}, TypeError, "float"),
        ({"protect": [""]}, SpecialTokenError, "must not be empty"),
        ({"protect": "<s>"}, SpecialTokenError, r"did you mean \['<s>'\]"),
        ({"protect": [b"<s>"]}, SpecialTokenError, "must be strings"),
        ({"pattern": []}, ValueError, "empty"),
        ({"pattern": ["gpt2", ""]}, ValueError, "empty"),
    ],
)
def test_wrong_options(options, error, says):
    with pytest.raises(error, match=says):
        WordCounts(**options)
