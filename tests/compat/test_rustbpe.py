"""rustbpe's face beside the real rustbpe."""

from __future__ import annotations

import inspect
import pickle

import pytest
import rustbpe
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import text, tiny_corpus

from pybpe.compat.rustbpe import Tokenizer
from pybpe.pretokenization.patterns import GPT2, NANOCHAT

METHODS = ["train_from_iterator", "encode", "batch_encode", "decode", "get_pattern", "get_mergeable_ranks"]


def both(corpus, vocab_size: int, **options) -> tuple[Tokenizer, rustbpe.Tokenizer]:
    pair = Tokenizer(), rustbpe.Tokenizer()
    for each in pair:
        each.train_from_iterator(iter(corpus), vocab_size, **options)
    return pair


def test_the_names_and_arguments_are_rustbpes():
    assert {name for name in dir(rustbpe.Tokenizer) if not name.startswith("_")} <= {*dir(Tokenizer)}
    for name in METHODS:
        ours = [(each.name, each.default) for each in inspect.signature(getattr(Tokenizer, name)).parameters.values()]
        theirs = inspect.signature(getattr(rustbpe.Tokenizer, name)).parameters.values()
        assert ours[1:] == [(each.name, each.default) for each in theirs][1:], name


@given(
    corpus=st.one_of(tiny_corpus, st.lists(text, max_size=5)),
    vocab_size=st.integers(256, 300),
    pattern=st.sampled_from([None, GPT2, NANOCHAT]),
    texts=st.lists(text, max_size=3),
)
def test_equal(corpus, vocab_size, pattern, texts):
    ours, theirs = both(corpus, vocab_size, buffer_size=2, pattern=pattern)
    assert ours.vocab_size == theirs.vocab_size
    assert ours.get_pattern() == theirs.get_pattern()
    assert ours.get_mergeable_ranks() == theirs.get_mergeable_ranks()
    assert ours.batch_encode(texts) == theirs.batch_encode(texts)
    for each in texts:
        ids = theirs.encode(each)
        assert ours.encode(each) == ids
        assert ours.decode(ids) == theirs.decode(ids) == each


def test_what_nanochat_does():
    corpus = ["The quick brown fox, 2024 times", "and the lazy dog's day"] * 20
    ours, theirs = both(corpus, 300, pattern=NANOCHAT)
    ranks = {bytes(token): rank for token, rank in ours.get_mergeable_ranks()}
    encoding = tiktoken.Encoding(
        "rustbpe", pat_str=ours.get_pattern(), mergeable_ranks=ranks, special_tokens={"<|bos|>": len(ranks)}
    )
    assert encoding.encode_ordinary("the fox 12345") == theirs.encode("the fox 12345")


def test_before_training():
    ours, theirs = Tokenizer(), rustbpe.Tokenizer()
    assert ours.vocab_size == theirs.vocab_size
    assert ours.get_pattern() == theirs.get_pattern()
    assert ours.get_mergeable_ranks() == theirs.get_mergeable_ranks()
    assert ours.decode([97, 98]) == theirs.decode([97, 98])
    for call in (lambda: ours.encode("a"), lambda: ours.batch_encode(["a"]), lambda: ours.decode([300])):
        with pytest.raises(ValueError, match=r"train_from_iterator first|range\(0, 256\)"):
            call()


@pytest.mark.parametrize("corpus", [[], [""], "abab", ["x y"]])
def test_little_to_learn_from(corpus):
    ours, theirs = both(corpus, 260)
    assert ours.get_mergeable_ranks() == theirs.get_mergeable_ranks()
    assert ours.encode("a é") == theirs.encode("a é")


def test_errors():
    tok = Tokenizer()
    with pytest.raises(ValueError, match="vocab_size is 100"):
        tok.train_from_iterator(["x y"], 100)
    with pytest.raises(ValueError, match="not a valid regular expression"):
        tok.train_from_iterator(["x y"], 260, pattern="(")
    for wrong in (5, [5]):
        with pytest.raises(TypeError):
            tok.train_from_iterator(wrong, 260)
    with pytest.raises(ZeroDivisionError):
        tok.train_from_iterator((1 / 0 for _ in [1]), 260)
    tok.train_from_iterator(["x y"], 260)
    with pytest.raises(ValueError, match="id 300"):
        tok.decode([300])
    with pytest.raises(UnicodeDecodeError):
        tok.decode([255])
    with pytest.raises(TypeError):
        tok.batch_encode("abc")


def test_pickling():
    tok = Tokenizer()
    tok.train_from_iterator(["abc abc"] * 3, 260)
    again = pickle.loads(pickle.dumps(tok))
    assert again.encode("abc abc") == tok.encode("abc abc")
    assert again.tokenizer == tok.tokenizer
