"""Training: equal to the reference on ties, the same at any thread count, and clear about bad input."""

from __future__ import annotations

import copy
import itertools
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import messy_bytes, text, tiny_corpus

from pybpe import Tokenizer, TrainingError, WordCounts, reference
from pybpe.pretokenization.patterns import CL100K, GPT2, GPT4, NANOCHAT

PATTERNS = {"gpt2": GPT2, "gpt4": GPT4, "cl100k": CL100K.replace("$", r"\Z"), "nanochat": NANOCHAT}

pytestmark = pytest.mark.filterwarnings("ignore:the corpus is too small")


def trained(corpus, n_merges, **options):
    return Tokenizer.train(iter(corpus), 256 + n_merges, progress=False, **options).merges


@given(corpus=tiny_corpus, n_merges=st.integers(0, 40), min_frequency=st.integers(1, 3))
def test_ties_equal_the_reference(corpus, n_merges, min_frequency):
    expected = reference.train(corpus, n_merges, min_count=min_frequency)
    assert list(trained(corpus, n_merges, min_frequency=min_frequency).items()) == list(expected.items())


@given(
    corpus=st.lists(st.one_of(text, messy_bytes), min_size=1, max_size=5).filter(any),
    name=st.sampled_from(list(PATTERNS)),
)
def test_any_text_equals_the_reference(corpus, name):
    expected = reference.train(corpus, 30, PATTERNS[name])
    assert list(trained(corpus, 30, pattern=name).items()) == list(expected.items())


@given(corpus=tiny_corpus)
def test_words_without_ends_equal_the_reference(corpus):
    whole = r"[\s\S]+"
    assert trained(corpus, 30, pattern=whole) == reference.train(corpus, 30, whole)


@given(corpus=st.lists(text, min_size=1, max_size=20).filter(any), threads=st.integers(1, 8))
def test_threads_do_not_matter(corpus, threads):
    one = Tokenizer.train(iter(corpus), 300, threads=1, progress=False)
    assert Tokenizer.train(iter(corpus), 300, threads=threads, progress=False).fingerprint == one.fingerprint


@given(corpus=st.lists(text, min_size=2, max_size=6).filter(any))
def test_merged_counts_equal_counts_of_all(corpus):
    whole = WordCounts()
    whole.update(iter(corpus))
    for order in itertools.islice(itertools.permutations(corpus), 6):
        merged = WordCounts()
        for part in order:
            counts = WordCounts()
            counts.update(iter([part]))
            merged.merge(counts)
        assert sorted(item[:2] for item in merged.items()) == sorted(item[:2] for item in whole.items())
        assert merged.total == whole.total
        assert Tokenizer.train(merged, 280, progress=False) == Tokenizer.train(whole, 280, progress=False)


def test_first_seen_does_not_depend_on_threads():
    corpus = [f"word{i % 37} and word{i % 11}" for i in range(2000)]
    expected = None
    for threads in (1, 2, 8):
        counts = WordCounts()
        counts.update(iter(corpus), threads=threads)
        found = sorted(counts.items())
        expected = expected or found
        assert found == expected


def test_counts_beyond_32_bits():
    counts = WordCounts.from_counts({"ab": 3_000_000_002, "cd": 3_000_000_003, "ef": 2**53 + 1, "gh": 2**53}, "gpt4")
    assert counts.total == 2**54 + 6_000_000_006
    tok = Tokenizer.train(counts, 259, progress=False)
    assert list(tok.merges) == [(101, 102), (103, 104), (99, 100)]


def test_counts_beyond_63_bits_are_refused():
    with pytest.raises(OverflowError, match="count of a word"):
        WordCounts.from_counts([("ab", 2**63 - 1), ("ab", 1)], "gpt4")
    with pytest.raises(OverflowError, match="2\\*\\*63 or more pairs"):
        Tokenizer.train(WordCounts.from_counts({"ab": 2**63 - 1, "cd": 2**62}, "gpt4"), 260, progress=False)


def test_options_of_the_vocabulary():
    tok = Tokenizer.train(iter(["ab ab"] * 5), 258, special_tokens=["<s>", "</s>"], pattern="gpt2", progress=False)
    assert tok.special_tokens == {"<s>": 258, "</s>": 259}
    assert tok.n_vocab == 260
    assert tok.pattern == GPT2
    assert tok.merges == {(97, 98): 256, (32, 256): 257}


def test_two_names_of_one_convention():
    assert trained(["low lower"], 4, convention="rustbpe") == trained(["low lower"], 4, convention="pybpe")


def test_a_corpus_too_small_for_the_vocabulary_says_so():
    with pytest.warns(UserWarning, match=r"too small for vocab_size 1,000: after 1 merges no two tokens are left"):
        tok = Tokenizer.train(iter(["ab"]), 1000, special_tokens=["<s>"], progress=False)
    assert tok.special_tokens == {"<s>": 257}


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (["x"], {"vocab_size": 255}, "vocab_size is 255, must be at least 256"),
        (["x"], {"vocab_size": 1 << 30}, "at most"),
        (["x"], {"min_frequency": 0}, "min_frequency is 0"),
        (["x"], {"convention": "none"}, "no convention 'none'; there are pybpe, rustbpe"),
        ([], {}, "corpus is empty"),
        (["", b""], {}, "corpus is empty"),
    ],
)
def test_what_cannot_be_trained(source, options, message):
    with pytest.raises(TrainingError, match=message):
        Tokenizer.train(iter(source), **{"vocab_size": 300, "progress": False, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "gtp4"}, "no pattern named 'gtp4'; did you mean 'gpt4'"),
        ({"pattern": "(("}, "not a valid regular expression"),
        ({"pattern": ""}, "pattern is empty"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": 200_000}, "threads is 200000"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        Tokenizer.train(iter(["x y"]), 260, progress=False, **options)


def test_counts_of_another_pattern_are_refused():
    counts = WordCounts("gpt2")
    with pytest.raises(ValueError, match="cannot merge counts"):
        WordCounts("gpt4").merge(counts)


def test_progress_is_reported_for_both_phases():
    seen = []
    Tokenizer.train(iter(["the quick brown fox"] * 9), 270, progress=lambda *event: seen.append(event))
    assert {stage for stage, _, _ in seen} == {"counting", "merging"}
    assert seen[-1] == ("merging", 14, 14)


def test_ctrl_c_in_a_report_stops_the_training():
    def interrupt(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Tokenizer.train(iter(["the quick brown fox"] * 9), 270, progress=interrupt)


def test_threads_may_share_counts():
    texts = [[f"w{i}x{number} and w{i * 7}" for i in range(4000)] for number in range(4)]
    shared, expected = WordCounts(), WordCounts()
    workers = [threading.Thread(target=lambda part=part: shared.update(iter(part), threads=1)) for part in texts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for part in texts:
        expected.update(iter(part))
    assert sorted(item[:2] for item in shared.items()) == sorted(item[:2] for item in expected.items())


def test_counts_are_pickled_and_copied():
    counts = WordCounts("gpt2")
    counts.update(iter(["low lower", "low"]))
    for copied in (pickle.loads(pickle.dumps(counts)), copy.copy(counts), copy.deepcopy(counts)):
        assert copied.items() == counts.items()
        assert copied.pattern == counts.pattern
        copied.update(iter(["more"]))
        assert len(copied) == len(counts) + 1


def test_a_failed_update_counts_nothing():
    counts = WordCounts()
    counts.update(iter(["one"]))
    with pytest.raises(TypeError):
        counts.update(iter(["two", 3]))
    assert counts.items() == [(b"one", 1, 0)]


def test_another_pattern_than_that_of_the_counts():
    counts = WordCounts("gpt2")
    counts.update(iter(["low lower"]))
    assert Tokenizer.train(counts, 260, progress=False).pattern == GPT2
    assert Tokenizer.train(counts, 260, pattern="gpt2", progress=False).pattern == GPT2
    with pytest.raises(ValueError, match="leave out pattern="):
        Tokenizer.train(counts, 260, pattern="o200k", progress=False)


def test_sizes_are_whole_numbers():
    with pytest.raises(TypeError):
        Tokenizer.train(iter(["x"]), 300.5, progress=False)
