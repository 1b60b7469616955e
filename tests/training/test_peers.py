"""Training against the real packages: the same tokens in the same order, on corpora full of ties and on real texts.

Tiny alphabets make nearly every round of training a tie, so that what decides between pairs shows at once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import islice

import pytest
import rustbpe
import tokenizers
from tiktoken._educational import bpe_train

from pybpe import SpecialTokenError, Tokenizer, TrainingError, reference
from pybpe.formats.helpers.byte_level import to_bytes, to_chars
from pybpe.normalization.unicode_forms import FORMS
from pybpe.pretokenization.patterns import GPT2_ORIGINAL, GPT4

N_CORPORA = 1000
ALPHABETS = ["ab", "abc", "a", "ab ", "abcd \n", "aé", "a1 ", "-= a", "xyz's ", "中文 ", "🙂🙃a"]
SPECIAL = [[], ["<s>"], ["ab", "<s>"], ["aa"], ["a", "bb"], [" a", "中", "-="]]

pytestmark = pytest.mark.filterwarnings("ignore:the corpus is too small")


def tie_rich(seed: int) -> Iterator[tuple[list[str], random.Random]]:
    """Corpora of a few texts, and the random numbers for whatever else a test chooses."""
    for number in range(N_CORPORA):
        rng = random.Random(f"{seed} {number}")
        alphabet = rng.choice(ALPHABETS)
        most = rng.choice([5, 30, 200])
        yield ["".join(rng.choices(alphabet, k=rng.randint(1, most))) for _ in range(rng.randint(1, 6))], rng


def trained(corpus: list[str], vocab_size: int, **options: object) -> Tokenizer:
    return Tokenizer.train(iter(corpus), vocab_size, progress=False, threads=1, **options)


def tokens_of(tokenizer: Tokenizer) -> list[bytes]:
    """The ordinary tokens by id."""
    return [tokenizer.token_bytes(token) for token in range(tokenizer.n_vocab - len(tokenizer.special_tokens))]


# rustbpe


def rustbpe_tokens(corpus: list[str], vocab_size: int, pattern: str) -> list[bytes]:
    theirs = rustbpe.Tokenizer()
    theirs.train_from_iterator(iter(corpus), vocab_size, pattern=pattern)
    ranks = sorted((rank, bytes(token)) for token, rank in theirs.get_mergeable_ranks())
    return [token for _, token in ranks]


def test_rustbpe_on_ties():
    for corpus, rng in tie_rich(1):
        vocab_size = 256 + rng.randint(0, 60)
        pattern = rng.choice([GPT4, GPT2_ORIGINAL])
        ours = trained(corpus, vocab_size, convention="rustbpe", pattern=pattern)
        assert tokens_of(ours) == rustbpe_tokens(corpus, vocab_size, pattern), corpus


@pytest.mark.parametrize("vocab_size", [8_192, 32_768])
@pytest.mark.parametrize("name", ["english", "code", "multi"])
def test_rustbpe_on_real_texts(texts, name, vocab_size):
    ours = trained([texts[name]], vocab_size)
    assert tokens_of(ours) == rustbpe_tokens([texts[name]], vocab_size, GPT4)


# tokenizers


def huggingface(
    corpus: list[str], vocab_size: int, special: list[str], normalizer: object = None, **options: object
) -> tokenizers.Tokenizer:
    """Its trainer of byte-level BPE, as it is mostly used."""
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    if normalizer is not None:
        theirs.normalizer = normalizer
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=special,
        show_progress=False,
        **options,
    )
    theirs.train_from_iterator(corpus, trainer)
    return theirs


def assert_equals_huggingface(ours: Tokenizer, theirs: tokenizers.Tokenizer, special: list[str]) -> None:
    """Every id, and the merges in their order."""
    vocab = {token: name.encode() if name in special else to_bytes(name) for name, token in theirs.get_vocab().items()}
    assert ours.vocab == vocab
    merges = [tuple(merge) for merge in json.loads(theirs.to_str())["model"]["merges"]]
    assert [(to_chars(vocab[left]), to_chars(vocab[right])) for left, right in ours.merges] == merges


def test_huggingface_on_ties():
    for corpus, rng in tie_rich(2):
        special = rng.choice(SPECIAL)
        vocab_size = 256 + len(special) + rng.randint(0, 60)
        min_frequency = rng.choice([0, 1, 1, 2, 3])
        limits = rng.choice([{}, {}, {"max_token_length": rng.randint(2, 8)}])
        ours = trained(
            corpus,
            vocab_size,
            convention="huggingface",
            pattern="gpt2",
            special_tokens=special,
            min_frequency=max(1, min_frequency),
            **limits,
        )
        theirs = huggingface(corpus, vocab_size, special, min_frequency=min_frequency, **limits)
        assert_equals_huggingface(ours, theirs, special)


@pytest.mark.parametrize("form", FORMS)
def test_huggingface_in_normal_form(form, texts):
    corpora = [corpus for corpus, _ in islice(tie_rich(3), 50)]
    corpora += [["é e\u0301 ﬁ \u1100\u1161 \u212b ²"] * 3, [texts["multi"][:300_000]]]
    for corpus in corpora:
        ours = trained(corpus, 300, convention="huggingface", pattern="gpt2", special_tokens=[], normalizer=form)
        theirs = huggingface(corpus, 300, [], normalizer=getattr(tokenizers.normalizers, form)())
        assert_equals_huggingface(ours, theirs, [])
        for text in corpus:
            assert ours.encode_ordinary(text[:10_000]) == theirs.encode(text[:10_000]).ids


def test_a_special_token_written_like_other_bytes_is_refused():
    """Hugging Face would give one id to both."""
    for name in ("é", "Ġlow"):
        with pytest.raises(SpecialTokenError, match=name):
            trained([" low lower"], 300, convention="huggingface", special_tokens=[name])


@pytest.mark.parametrize("name", ["english", "code", "multi"])
def test_huggingface_on_real_texts(texts, name):
    lines = texts[name].splitlines(keepends=True)
    ours = trained(lines, 8_192, convention="huggingface", pattern="gpt2", special_tokens=["<|endoftext|>"])
    assert_equals_huggingface(ours, huggingface(lines, 8_192, ["<|endoftext|>"]), ["<|endoftext|>"])


# minbpe, whose trainer the reference restates


def minbpe(text: str, n_merges: int, **options: str) -> dict[tuple[int, int], int] | None:
    """None where minbpe fails because no pair is left."""
    merges = reference.train([text], n_merges, by_place=True, **options)
    return merges if len(merges) == n_merges else None


def minbpe_word_for_word(text: str, n_merges: int) -> dict[tuple[int, int], int] | None:
    """Without the reference's shortcut: every word as often as it occurs."""
    words = [list(word) for word in reference.split(text)]
    merges: dict[tuple[int, int], int] = {}
    for token in range(256, 256 + n_merges):
        counts: dict[tuple[int, int], int] = {}
        for word in words:
            for pair in zip(word, word[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            return None
        pair = max(counts, key=counts.__getitem__)
        words = [reference.merge(word, pair, token) for word in words]
        merges[pair] = token
    return merges


def test_minbpe_on_ties():
    for corpus, rng in tie_rich(3):
        text, n_merges = "\n".join(corpus), rng.randint(0, 60)
        theirs = minbpe(text, n_merges)
        assert theirs == minbpe_word_for_word(text, n_merges)
        if theirs is None:
            with pytest.raises(TrainingError, match="the corpus is too small"):
                trained([text], 256 + n_merges, convention="minbpe")
        else:
            ours = trained([text], 256 + n_merges, convention="minbpe")
            assert list(ours.merges.items()) == list(theirs.items()), text


@pytest.mark.parametrize("name", ["english", "code", "multi"])
def test_minbpe_on_real_texts(texts, name):
    text = texts[name][:20_000]
    ours = trained([text], 456, convention="minbpe")
    assert list(ours.merges.items()) == list(minbpe(text, 200).items())


# tiktoken's educational trainer


def tiktoken(text: str, vocab_size: int) -> dict[bytes, int] | None:
    """None where it fails because no pair is left."""
    try:
        return bpe_train(text, vocab_size, GPT2_ORIGINAL, visualise=None)
    except ValueError:
        return None


def test_tiktoken_on_ties():
    left_out = 0
    for corpus, rng in tie_rich(4):
        text, vocab_size = "\n".join(corpus), 256 + rng.randint(0, 60)
        theirs = tiktoken(text, vocab_size)
        if theirs is None:
            with pytest.raises(TrainingError, match="the corpus is too small"):
                trained([text], vocab_size, convention="tiktoken", pattern="gpt2")
        elif sorted(theirs.values()) != list(range(vocab_size)):
            left_out += 1  # it gave the rank of a token again, and wrote over another
        else:
            ours = trained([text], vocab_size, convention="tiktoken", pattern="gpt2")
            assert ours.mergeable_ranks == theirs, text
    assert left_out < N_CORPORA // 10


@pytest.mark.parametrize("name", ["english", "code", "multi"])
def test_tiktoken_on_real_texts(texts, name):
    text = texts[name][:20_000]
    ours = trained([text], 456, convention="tiktoken", pattern="gpt2")
    assert ours.mergeable_ranks == tiktoken(text, 456)
