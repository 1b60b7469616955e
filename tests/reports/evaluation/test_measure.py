"""What is measured: every byte and every token once, and sizes as if trained for them."""

from __future__ import annotations

import pytest

from pybpe import Tokenizer
from pybpe.reports.evaluation import measure
from pybpe.reports.evaluation.measure import Kind, evaluate, vocabulary_sizes
from pybpe.reports.evaluation.page import About, render
from pybpe.reports.evaluation.texts import Passage

LINES = ["the cat sat on the mat, ", "кот сидел на коврике ", "def cat(self):\n    return 1\n", "\xa0中文字符 1234 "]
PASSAGES = [Passage(text.encode() * 30, number == 2) for number, text in enumerate(LINES)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(iter(LINES * 20), 300, progress=False)


def test_every_byte_and_every_token_is_counted_once(tokenizer, small):
    found = evaluate(tokenizer, PASSAGES, {"small": small})
    whole = b"".join(passage.text for passage in PASSAGES)
    tokens = [sum(each.count(passage.text) for passage in PASSAGES) for each in (tokenizer, small)]
    assert found.total == Kind("all of it", len(whole), tokens)
    assert found.names == ["this one", "small"]
    assert found.n_vocab == [tokenizer.n_vocab, small.n_vocab]
    assert sum(kind.n_bytes for kind in found.kinds) == len(whole)
    assert [sum(kind.n_tokens[i] for kind in found.kinds) for i in range(2)] == tokens
    assert [kind.name for kind in found.kinds] == ["Latin", "Cyrillic", "Han", "no letters", "code"]
    sizes = [kind.n_bytes for kind in found.shown_kinds()]
    assert sizes == sorted(sizes, reverse=True)


def test_kinds_are_what_their_text_gives_alone(tokenizer):
    found = {kind.name: kind for kind in evaluate(tokenizer, PASSAGES, {}).kinds}
    assert found["code"] == Kind("code", len(PASSAGES[2].text), [tokenizer.count(PASSAGES[2].text)])
    assert found["Latin"].n_bytes == len(PASSAGES[0].text) - 1  # the space at its end belongs to what follows
    assert abs(found["Latin"].n_tokens[0] - tokenizer.count(PASSAGES[0].text)) <= 1
    cyrillic = tokenizer.count(PASSAGES[1].text)
    assert abs(found["Cyrillic"].n_tokens[0] - cyrillic) <= 2


def test_small_passages_give_what_large_ones_give(tokenizer, monkeypatch):
    words = [Passage(word.encode()) for word in ["cat", " sat", " кот", " 12"] * 50]
    found = evaluate(tokenizer, words, {})
    monkeypatch.setattr(measure, "BLOCK_BYTES", 64)
    assert evaluate(tokenizer, words, {}) == found
    assert found.total.n_tokens == [sum(tokenizer.count(word.text) for word in words)]


def test_sizes_are_as_trained_for_them(tokenizer):
    found = evaluate(tokenizer, PASSAGES, {})
    whole = sum(len(passage.text) for passage in PASSAGES)
    assert found.sizes[0] == (256, 1.0)
    assert found.sizes[-1] == (300, pytest.approx(whole / found.total.n_tokens[0]))
    ratios = [ratio for _, ratio in found.sizes]
    assert ratios == sorted(ratios)
    for size, ratio in found.sizes:
        trained = Tokenizer.train(iter(LINES * 20), size, progress=False)
        assert ratio == pytest.approx(whole / sum(trained.count(passage.text) for passage in PASSAGES))


def test_unused_tokens(tokenizer):
    found = evaluate(tokenizer, PASSAGES[:1], {})
    used = set(tokenizer.encode_ordinary(PASSAGES[0].text))
    assert found.unused == [token for token in range(300) if token not in used]
    assert found.n_ordinary == 300


def test_bytes_that_are_no_characters(tokenizer):
    found = evaluate(tokenizer, [Passage(b"\xff\xfe caf\xe9")], {})
    assert found.total == Kind("all of it", 7, [tokenizer.count(b"\xff\xfe caf\xe9")])


def test_progress_is_told_in_bytes(tokenizer):
    seen = []
    evaluate(tokenizer, PASSAGES, {}, progress=lambda *event: seen.append(event))
    whole = sum(len(passage.text) for passage in PASSAGES)
    assert seen[-1] == (whole, whole)


@pytest.mark.parametrize("passages", [[], [Passage(b"")]])
def test_no_text_is_an_error(tokenizer, passages):
    with pytest.raises(ValueError, match="there is no text to evaluate the tokenizer on"):
        evaluate(tokenizer, passages, {})


def test_a_vocabulary_of_bytes():
    with pytest.warns(UserWarning, match="too small"):
        tokenizer = Tokenizer.train(iter(["a"]), 260, progress=False)
    assert evaluate(tokenizer, [Passage(b"a b")], {}).sizes == [(256, 1.0)]


@pytest.mark.parametrize("largest", [256, 257, 300, 32768])
def test_vocabulary_sizes_rise_by_about_one_factor(largest):
    sizes = vocabulary_sizes(largest)
    assert sizes[0] == 256
    assert sizes[-1] == largest
    assert len(sizes) <= measure.SIZES
    assert sizes == sorted(set(sizes))
    assert len(sizes) == min(measure.SIZES, largest - 255)


def test_tokenizers_that_hold_no_smaller_ones(tokenizer):
    """Those with other ids than training gives, or extended ones, have no curve of sizes. The rest is as for all."""
    huggingface = Tokenizer.train(iter(LINES * 20), 300, convention="huggingface", progress=False)
    for each in (huggingface, tokenizer.extend(iter(LINES), 310, progress=False)):
        found = evaluate(each, PASSAGES, {})
        assert found.sizes == []
        assert found.total.n_tokens == [sum(each.count(passage.text) for passage in PASSAGES)]
        assert found.n_ordinary == each.n_vocab - 1
        assert not {*found.unused} & {*each.special_tokens.values()}
        assert "Compression by vocabulary size" not in render(each, found, About("some", 1, "given"))
