"""Going on with learning: every id stays, and what comes is what training would have learned."""

from __future__ import annotations

import random

import pytest
import tokenizers
from hypothesis import assume, example, given
from hypothesis import strategies as st
from support.strategies import CONVENTIONS, text, tiny_corpus

from pybpe import Tokenizer, TrainingError, WordCounts
from pybpe.definition import Definition, make_vocabulary
from pybpe.formats import native
from pybpe.pretokenization.patterns import GPT4
from pybpe.training.train import _as_rows
from pybpe.vocabulary.models import ByteMerges

pytestmark = pytest.mark.filterwarnings("ignore:the corpus is too small")

conventions = st.sampled_from(CONVENTIONS)


def trained(corpus, vocab_size: int, **options) -> Tokenizer:
    try:
        return Tokenizer.train(iter(corpus), vocab_size, progress=False, **options)
    except TrainingError:
        assume(False)
        raise


def extended(tokenizer: Tokenizer, corpus, more: int, **options) -> Tokenizer:
    source = corpus if isinstance(corpus, WordCounts) else iter(corpus)
    return tokenizer.extend(source, tokenizer.n_vocab + more, progress=False, **options)


def assert_nothing_moved(before: Tokenizer, after: Tokenizer) -> None:
    assert after.vocab.items() >= before.vocab.items()
    assert after.special_tokens == before.special_tokens
    assert after.pattern == before.pattern
    assert min(after.vocab.keys() - before.vocab.keys(), default=before.n_vocab) == before.n_vocab
    if not before.info["ignore_merges"]:
        assert list(after.merges.items())[: len(before.merges)] == list(before.merges.items())


@given(corpus=tiny_corpus, other=tiny_corpus, convention=conventions, n=st.integers(0, 10), more=st.integers(0, 10))
def test_every_id_stays(corpus, other, convention, n, more):
    before = trained(corpus, 257 + n, convention=convention)
    after = extended(before, other, more)
    assert_nothing_moved(before, after)
    assert after.n_vocab <= before.n_vocab + more
    assert Tokenizer(native.loads(native.dumps(after._definition))) == after
    assert all(after.decode(after.encode(content)) == content for content in corpus + other)


@given(
    corpus=st.lists(st.one_of(text, st.text("abcd ", max_size=30)), min_size=1, max_size=6).filter(any),
    n=st.integers(0, 10),
    more=st.integers(1, 15),
)
def test_it_is_longer_training(corpus, n, more):
    """Where no two tokens have equal bytes: training makes such twins, extending does not."""
    before = trained(corpus, 256 + n, special_tokens=[])
    longer = trained(corpus, before.n_vocab + more, special_tokens=[])
    assume(len(set(longer.vocab.values())) == longer.n_vocab)
    assert extended(before, corpus, more) == longer


@given(seed=st.integers(0, 10**6))
@example(seed=3)  # an old token that is made anew stands beside one that it has a merge with
@example(seed=24)
def test_vocabularies_of_any_merges(seed):
    """No pair has two merges, whatever the vocabulary has learned in which order."""
    rng = random.Random(seed)
    letters = rng.choice(["ab", "abc", "a"])
    tokens, rows = [bytes([byte]) for byte in range(256)], []
    usable = [ord(letter) for letter in letters]
    for _ in range(rng.randint(0, 12)):
        left, right = rng.choice(usable), rng.choice(usable)
        if tokens[left] + tokens[right] not in tokens:
            rows.append([left, right, len(tokens)])
            usable.append(len(tokens))
            tokens.append(tokens[left] + tokens[right])
    before = Tokenizer(Definition(ByteMerges(make_vocabulary(tokens), _as_rows(rows)), GPT4, {}))
    corpus = ["".join(rng.choices(letters, k=rng.randint(1, 60))) for _ in range(3)]
    after = extended(before, corpus, 30)
    assert_nothing_moved(before, after)
    assert len(after.merges) == len(after._definition.merges)
    assert len(set(after.vocab.values())) == after.n_vocab
    assert all(after.decode(after.encode(content)) == content for content in corpus)


@given(corpus=tiny_corpus, other=tiny_corpus, threads=st.integers(1, 4))
def test_counts_give_what_the_text_gives(corpus, other, threads):
    before = trained(corpus, 260, special_tokens=["b"])
    counts = WordCounts(before.pattern, protect=["b"])
    counts.update(iter(other))
    assume(len(counts))
    expected = extended(before, other, 9, threads=threads)
    assert extended(before, counts, 9, protect_special=True) == expected


def test_special_tokens_are_not_learned_from_unless_told():
    before = trained(["ab"], 256, special_tokens=["<|x|>"])
    corpus = ["ab<|x|>cd"]
    assert {b"ab", b"cd"} == set(extended(before, corpus, 9).vocab.values()) - set(before.vocab.values())
    assert b"<|" in extended(before, corpus, 9, protect_special=False).vocab.values()


def test_new_ids_begin_behind_special_tokens():
    before = trained(["ab"], 257, special_tokens=["<s>", "</s>"])
    assert before.special_tokens == {"<s>": 257, "</s>": 258}
    after = extended(before, ["cd"], 1)
    assert after.token_bytes(259) == b"cd"
    assert after.encode("abcd<s>", allowed_special="all") == [256, 259, 257]


def test_limits_hold():
    before = trained(["ab"], 256, special_tokens=[])
    assert extended(before, ["abab"], 5, max_token_length=2).n_vocab == 257
    assert extended(before, ["abc ab"], 5, min_frequency=2).n_vocab == 257
    with pytest.warns(UserWarning, match="were forgotten"):
        assert extended(before, ["ab ab cd"], 5, max_words=1).n_vocab <= 258


@pytest.mark.parametrize(
    ("vocab_size", "says"), [(257, "at least 258: there are so many ids"), (1 << 23, "must be at most")]
)
def test_sizes_that_cannot_be(vocab_size, says):
    before = trained(["abc"], 258, special_tokens=[])
    with pytest.raises(TrainingError, match=says):
        before.extend(iter(["x"]), vocab_size, progress=False)


def test_counts_that_are_not_of_this_tokenizer():
    before = trained(["abc"], 258, special_tokens=["<s>"])
    counts = WordCounts("gpt2")
    counts.update(iter(["ab<s>"]))
    with pytest.raises(ValueError, match=r"count them with WordCounts\(tokenizer\.pattern\)"):
        extended(before, counts, 4)
    counts = WordCounts(before.pattern)
    counts.update(iter(["ab<s>"]))
    assert extended(before, counts, 4).n_vocab > before.n_vocab
    with pytest.raises(ValueError, match="leave out protect_special="):
        extended(before, counts, 4, protect_special=True)
    with pytest.raises(TrainingError, match="the corpus is empty"):
        extended(before, WordCounts(before.pattern), 4)


# Vocabularies from elsewhere


NEW = ["zzyzx zzyzx qqqq \u4e2d\u6587\u4e2d\u6587 \u0141\u00f3d\u017a <|endoftext|>" * 20]


def check_elsewhere(before: Tokenizer, again) -> Tokenizer:
    """Extend a vocabulary by words that it does not have, and read it back from its own kind of file."""
    after = extended(before, NEW, 6)
    assert_nothing_moved(before, after)
    assert after.n_vocab == before.n_vocab + 6
    content = NEW[0].replace("<|endoftext|>", "")
    assert len(after.encode(content)) < len(before.encode(content))
    assert after.decode(after.encode(content)) == content
    old = "The quick brown fox"
    assert after.encode(old) == before.encode(old)
    restored = again(after)
    assert restored.vocab == after.vocab
    assert restored.encode(content) == after.encode(content)
    return after


def through_tiktoken(folder):
    def again(after: Tokenizer) -> Tokenizer:
        after.to_tiktoken(folder / "ranks.tiktoken")
        return Tokenizer.from_tiktoken(folder / "ranks.tiktoken", after.pattern, after.special_tokens)

    return again


def test_a_vocabulary_of_tiktoken(tmp_path, small):
    small.to_tiktoken(tmp_path / "small.tiktoken")
    before = Tokenizer.from_tiktoken(tmp_path / "small.tiktoken", "gpt4", small.special_tokens)
    check_elsewhere(before, through_tiktoken(tmp_path))


@pytest.mark.parametrize("name", ["r50k_base", "cl100k_base", "o200k_base"])
def test_public_vocabularies_of_tiktoken(vocabs, tmp_path, name):
    check_elsewhere(Tokenizer.from_tiktoken(vocabs / f"{name}.tiktoken"), through_tiktoken(tmp_path))


def through_huggingface(folder):
    def again(after: Tokenizer) -> Tokenizer:
        after.to_huggingface(folder / "new.json")
        return Tokenizer.from_huggingface(folder / "new.json")

    return again


def test_the_vocabulary_of_qwen(vocabs, tmp_path):
    """It has a normal form and tokens found by name."""
    if not (vocabs / "qwen3" / "tokenizer.json").exists():
        pytest.skip("no qwen3/tokenizer.json among the public vocabularies")
    before = Tokenizer.from_huggingface(vocabs / "qwen3")
    after = check_elsewhere(before, through_huggingface(tmp_path))
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "new.json"))
    for content in (NEW[0].replace("<|endoftext|>", ""), "The quick e\u0301 <tool_call> brown fox"):
        assert theirs.encode(content).ids == after.encode(content)
    counts = WordCounts(before.pattern)
    counts.update(iter(NEW))
    with pytest.raises(ValueError, match="this tokenizer changes text before it splits it"):
        extended(before, counts, 4)


def through_gpt2(folder):
    def again(after: Tokenizer) -> Tokenizer:
        after.to_gpt2(folder / "new")
        return Tokenizer.from_gpt2(folder / "new" / "vocab.json", folder / "new" / "merges.txt")

    return again


def test_the_files_of_gpt2(tmp_path):
    trained(["The quick brown fox"], 270, pattern="gpt2").to_gpt2(tmp_path)
    check_elsewhere(Tokenizer.from_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt"), through_gpt2(tmp_path))


def test_the_vocabulary_of_gpt2(vocabs, tmp_path):
    if not (vocabs / "gpt2" / "vocab.json").exists():
        pytest.skip("no gpt2/vocab.json among the public vocabularies")
    before = Tokenizer.from_gpt2(vocabs / "gpt2" / "vocab.json", vocabs / "gpt2" / "merges.txt")
    after = check_elsewhere(before, through_gpt2(tmp_path))
    assert (before.eot_token, after.eot_token, after.n_vocab) == (50256, 50256, 50257 + 6)


def test_a_file_of_huggingface(tmp_path, small):
    small.to_huggingface(tmp_path / "tokenizer.json")
    before = Tokenizer.from_huggingface(tmp_path / "tokenizer.json")
    after = check_elsewhere(before, through_huggingface(tmp_path))
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "new.json"))
    content = NEW[0].replace("<|endoftext|>", "")
    assert theirs.encode(content).ids == after.encode(content)
