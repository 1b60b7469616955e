"""Tokenizer: equal to the reference, lossless, and clear about bad input."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import messy_bytes, text, tiny_corpus

from pybpe import PybpeError, SpecialTokenError, TokenIdError, Tokenizer, reference
from pybpe.pretokenization.patterns import PATTERNS


@given(text=text)
def test_encoding_equals_the_reference(small, text):
    assert small.encode_ordinary(text) == reference.encode_ordinary(text, small.merges)


@given(data=messy_bytes)
def test_encoding_bytes_equals_the_reference(small, data):
    assert small.encode_ordinary(data) == reference.encode_ordinary(data, small.merges)


@given(ids=st.lists(st.integers(0, 401), max_size=30))
def test_decoding_equals_the_reference(small, ids):
    assert small.decode_bytes(ids) == reference.decode_bytes(ids, small.merges, small.special_tokens)
    assert small.decode(ids) == reference.decode(ids, small.merges, small.special_tokens)


@given(text=st.text(max_size=60))  # any text at all, surrogates too
def test_any_text_survives(small, text):
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert small.decode(small.encode_ordinary(text)) == expected


@given(corpus=tiny_corpus, vocab_size=st.integers(256, 300), pattern=st.sampled_from(list(PATTERNS)), text=text)
@pytest.mark.filterwarnings("ignore:the corpus is too small")
def test_any_vocabulary_loses_nothing(corpus, vocab_size, pattern, text):
    tok = Tokenizer.train(iter(corpus), vocab_size, pattern=pattern, progress=False)
    assert tok.decode_bytes(tok.encode_ordinary(text)) == text.encode()
    for copied in (pickle.loads(pickle.dumps(tok)), copy.deepcopy(tok)):
        assert copied == tok
        assert copied.encode_ordinary(text) == tok.encode_ordinary(text)


@given(data=messy_bytes)
def test_bytes_survive(small, data):
    assert small.decode_bytes(small.encode_ordinary(data)) == data


@given(texts=st.lists(st.text(max_size=20), max_size=12), threads=st.sampled_from([1, 2, 5]))
def test_batches_equal_single_texts(small, texts, threads):
    expected = [small.encode_ordinary(text) for text in texts]
    assert small.encode_batch(texts, threads=threads, disallowed_special=()) == expected
    ids, offsets = small.encode_batch_to_numpy(texts, threads=threads, disallowed_special=())
    assert ids.dtype == np.uint32
    assert offsets.dtype == np.int64
    assert [ids[a:b].tolist() for a, b in zip(offsets, offsets[1:], strict=False)] == expected
    assert small.decode_batch(expected) == [small.decode(ids) for ids in expected]


@given(text=text)
def test_forms_of_the_same_ids(small, text):
    ids = small.encode_ordinary(text)
    assert small.encode(text, disallowed_special=()) == ids
    assert small.encode_to_numpy(text, disallowed_special=()).tolist() == ids
    assert small.count(text) == len(ids)


def test_a_long_text_on_several_threads(small):
    text = "The quick brown fox doesn't jump über 1234 zäune, 中文字!\n\n   " * 20_000
    ids = small.encode_to_numpy(text)
    for threads in (2, 3, None):
        assert np.array_equal(small.encode_to_numpy(text, threads=threads), ids)
    unbroken = "a" * 2_000_000  # no place to cut
    assert np.array_equal(small.encode_to_numpy(unbroken, threads=2), small.encode_to_numpy(unbroken))
    assert small.encode_to_numpy("\ud800" + text, threads=2)[-len(ids) :].tolist() == ids.tolist()


def test_the_cache_has_a_limit(small):
    tok = copy.deepcopy(small)
    words = " ".join(f"{number:x}" for number in range(60_000))
    ids = tok.encode_to_numpy(words)
    tok.limit_cache(1 << 20)
    assert tok.info["cache_bytes"] == 1 << 20
    for _ in range(2):
        assert np.array_equal(tok.encode_to_numpy(words), ids)
    with pytest.raises(ValueError, match="at least 1,048,576"):
        tok.limit_cache(0)


def test_texts_of_every_length_around_the_processors_words(small):
    line = "The quick brown fox doesn't jump über 1234 zäune, 中文字!\n\n   "
    for start in range(20):
        for end in range(start, len(line)):
            part = line[start:end]
            assert small.encode_ordinary(part) == reference.encode_ordinary(part, small.merges)


def test_threads_share_one_tokenizer(small):
    texts = [f"thread {i} says: the quick brown fox {i * 7919} 中文" * 50 for i in range(40)]
    expected = [small.encode_ordinary(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(small.encode_ordinary, texts * 5)) == expected * 5


# Special tokens: tiktoken's policy


def test_special_tokens_are_refused_unless_told_otherwise(small):
    end = small.special_tokens["<|endoftext|>"]
    text = "fox<|endoftext|>dog"
    with pytest.raises(SpecialTokenError, match=r"<\|endoftext\|>.*allowed_special"):
        small.encode(text)
    for allowed in ("all", {"<|endoftext|>"}):
        ids = small.encode(text, allowed_special=allowed)
        assert ids == [*small.encode("fox"), end, *small.encode("dog")]
        assert small.decode(ids) == text
    assert end not in small.encode(text, disallowed_special=())
    assert end not in small.encode_ordinary(text)
    with pytest.raises(ValueError, match="pad"):
        small.encode("<|pad|>", allowed_special={"<|endoftext|>"})
    assert small.encode("<|pad|>", disallowed_special={"<|endoftext|>"}) == small.encode_ordinary("<|pad|>")
    assert small.encode(b"a<|pad|>", allowed_special="all") == [97, small.special_tokens["<|pad|>"]]
    assert small.encode_batch(["a<|pad|>", "b"], allowed_special="all") == [[97, 401], [98]]
    with pytest.raises(SpecialTokenError):
        small.encode_batch(["b", "a<|pad|>"])


@given(parts=st.lists(st.sampled_from(["<|endoftext|>", "<|pad|>", "<|", "|>", "a", " ", "end"]), max_size=10))
def test_special_tokens_equal_the_reference(small, parts):
    text = "".join(parts)
    expected = reference.encode(text, small.merges, special_tokens=small.special_tokens)
    assert small.encode(text, allowed_special="all") == expected


def test_of_two_special_tokens_the_longer_wins():
    tok = Tokenizer.train(iter(["aa"]), 257, special_tokens=["<a>", "<a>b", "<a>bc"], progress=False)
    assert tok.encode("<a>bcd<a>", allowed_special="all") == [259, 100, 257]


def test_one_string_where_a_set_is_wanted(small):
    with pytest.raises(TypeError, match="did you mean"):
        small.encode("x", allowed_special="<|pad|>")


@pytest.mark.parametrize("bad", [["a", "a"], [""], "abc", [b"a"], ["\ud800"], [5]])
def test_bad_special_tokens_are_refused(bad):
    with pytest.raises(SpecialTokenError):
        Tokenizer.train(iter(["text"]), 260, special_tokens=bad, progress=False)


# Ids that are none


@pytest.mark.parametrize(
    ("ids", "what"),
    [([402], "402"), ([-1], "-1"), ([0, 2**40], "position 1"), ([2**70], str(2**70)), ([2**63], str(2**63))],
)
def test_ids_outside_are_refused(small, ids, what):
    with pytest.raises((TokenIdError, TypeError), match=what):
        small.decode(ids)


@pytest.mark.parametrize("ids", ["ab", b"ab", ["a"], [1.5], [None], 1.5, 101, [[97], [98]], None, {97}])
def test_things_that_are_not_ids_are_refused(small, ids):
    with pytest.raises(TypeError, match="integers"):
        small.decode(ids)


@pytest.mark.parametrize(
    "form",
    [list, tuple, np.array, *(lambda ids, dtype=dtype: np.array(ids, dtype) for dtype in ("u2", "u4", "u8", ">i4"))],
)
def test_ids_may_be_any_sequence(small, form):
    ids = small.encode("the quick fox")
    assert small.decode(form(ids)) == "the quick fox"
    assert small.decode(form([])) == ""


@pytest.mark.parametrize("text", [None, 5, ["a"], bytearray(b"a")])
def test_things_that_are_not_text_are_refused(small, text):
    with pytest.raises(TypeError):
        small.encode_ordinary(text)
    with pytest.raises(TypeError):
        small.encode_batch([text])


def test_one_text_where_a_batch_is_wanted(small):
    with pytest.raises(TypeError, match="pass a list"):
        small.encode_batch("text")


# What it holds


def test_the_vocabulary(small):
    assert small.n_vocab == 402
    assert small.eot_token == 400
    assert small.special_tokens == {"<|endoftext|>": 400, "<|pad|>": 401}
    assert len(small.merges) == 144
    assert list(small.merges.values()) == list(range(256, 400))
    assert small.vocab == reference.token_bytes(small.merges, small.special_tokens)
    assert small.mergeable_ranks == {token: i for i, token in small.vocab.items() if i < 400}
    for i, token in small.vocab.items():
        assert small.token_bytes(i) == token
        assert small.token_id(token) == i
    assert small.token_id("<|pad|>") == 401
    with pytest.raises(KeyError, match="not one token"):
        small.token_id("no such token")
    with pytest.raises(TokenIdError, match="402"):
        small.token_bytes(402)


@pytest.mark.parametrize("name", ["special_tokens", "vocab", "merges", "mergeable_ranks"])
def test_properties_are_copies(small, name):
    before = getattr(small, name)
    getattr(small, name).clear()
    assert getattr(small, name) == before != {}


def test_of_an_ordinary_and_a_special_token_the_ordinary_is_named():
    tok = Tokenizer.train(iter(["ab ab"]), 257, special_tokens=["a"], protect_special=False, progress=False)
    assert tok.token_id("a") == 97
    assert tok.special_tokens == {"a": 257}


def test_odd_ids_of_single_tokens(small):
    with pytest.raises(TokenIdError, match=str(2**70)):
        small.token_bytes(2**70)
    for odd in (1.5, "a", None):
        with pytest.raises(TypeError):
            small.token_bytes(odd)
    with pytest.raises(TypeError):
        small.token_id(5)


def test_ten_thousand_special_tokens():
    names = [f"<|reserved_{i}|>" for i in range(10_000)]
    tok = Tokenizer.train(iter(["ab ab"]), 257, special_tokens=names, progress=False)
    text = "a<|reserved_77|>b<|reserved_7777|><|reserved_x|>"
    ids = tok.encode(text, allowed_special="all")
    assert [token for token in ids if token > 256] == [257 + 77, 257 + 7777]
    assert tok.decode(ids) == text
    with pytest.raises(SpecialTokenError, match="reserved_77"):
        tok.encode(text)


def test_fingerprints_tell_tokenizers_apart():
    def make(size=260, pattern="gpt4", special=()):
        return Tokenizer.train(iter(["low lower"] * 3), size, pattern=pattern, special_tokens=special, progress=False)

    assert make().fingerprint == make().fingerprint
    assert (
        len(
            {
                make().fingerprint,
                make(259).fingerprint,
                make(pattern="gpt2").fingerprint,
                make(special=["a"]).fingerprint,
            }
        )
        == 4
    )
    assert make() == make()
    assert make() != make(259)
    assert hash(make()) == hash(make())
    assert make() != "another thing"


def test_info_says_what_splits_and_why(small):
    assert small.info["splitter"] == "scanner"
    odd = Tokenizer.train(iter(["a1b2"]), 256, pattern=r"\p{L}+?|\p{N}", progress=False)
    assert odd.info["splitter"] == "regex"
    assert "regex module" in odd.info["splitter_reason"]


def test_errors_share_a_base():
    assert issubclass(SpecialTokenError, PybpeError)
    assert issubclass(TokenIdError, KeyError)


@pytest.mark.parametrize("vocab_size", [256, 257, 300, 320])
def test_smaller_is_as_trained_for_that_size(vocab_size):
    corpus = ["The quick brown fox jumps over the lazy dog. Größe, naïve café, русский язык " * 3] * 3
    whole = Tokenizer.train(iter(corpus), 320, special_tokens=["<b>", "<a>"], progress=False)
    trained = Tokenizer.train(iter(corpus), vocab_size, special_tokens=["<b>", "<a>"], progress=False)
    assert whole.smaller(vocab_size) == trained


@given(vocab_size=st.integers(256, 290))
def test_smaller_of_gpt2s_files_has_their_first_merges(tmp_path_factory, vocab_size):
    """GPT-2's bytes have other ids than ours, and its merges follow them as ours do."""
    folder = tmp_path_factory.getbasetemp() / "smaller"
    train = {"pattern": "gpt2", "convention": "huggingface", "special_tokens": [], "progress": False}
    tok = Tokenizer.train(iter(["The quick brown fox jumps over the lazy dog. Größe"]), 290, **train)
    tok.to_gpt2(folder)
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    read = Tokenizer.from_gpt2(folder / "vocab.json", folder / "merges.txt")
    fewer = folder / "fewer"
    fewer.mkdir(exist_ok=True)
    kept = {token: number for token, number in vocab.items() if number < vocab_size}
    (fewer / "vocab.json").write_text(json.dumps(kept), encoding="utf-8")
    (fewer / "merges.txt").write_text("\n".join(lines[: 1 + vocab_size - 256]) + "\n", encoding="utf-8")
    assert read.n_vocab == 290
    assert read.smaller(vocab_size) == Tokenizer.from_gpt2(fewer / "vocab.json", fewer / "merges.txt")


def test_only_trained_tokenizers_have_smaller_ones(small, tmp_path):
    small.to_tiktoken(tmp_path / "ranks")
    with pytest.raises(ValueError, match="only a tokenizer that pybpe trained"):
        Tokenizer.from_tiktoken(tmp_path / "ranks", small.pattern).smaller(300)
    for vocab_size in (255, 401):
        with pytest.raises(ValueError, match=f"vocab_size is {vocab_size}, must be 256 to 400"):
            small.smaller(vocab_size)


def test_truncate_counts_no_beginning_twice(monkeypatch):
    """Characters that change together in a normal form share their span, however many tokens they are."""
    tok = Tokenizer.train(iter(["e\u0301 low"]), 260, normalizer="NFC", progress=False)
    text = "low e" + "\u0301\u0327" * 500
    counted = []
    monkeypatch.setattr(Tokenizer, "count", lambda self, text: counted.append(text) or len(self.encode_ordinary(text)))
    assert tok.truncate(text, 300) == "low "
    assert len(counted) == len(set(counted)) <= 3
