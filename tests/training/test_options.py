"""What training can be told: each option against the reference, or against what it promises."""

from __future__ import annotations

import functools
import random
import sys
import threading

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.strategies import CONVENTIONS, messy_bytes, text, tiny_corpus

from pybpe import Tokenizer, TrainingError, WordCounts, reference
from pybpe.formats import native
from pybpe.pretokenization.patterns import GPT2_ORIGINAL, GPT4, PATTERNS, WHOLE
from pybpe.pretokenization.stages import join_stages

pytestmark = pytest.mark.filterwarnings("ignore:the corpus is too small")

conventions = st.sampled_from(CONVENTIONS)
SPECIAL = "<|end|>"


def trained(corpus, vocab_size: int, **options) -> Tokenizer:
    """A tokenizer; where the convention wants more pairs than there are, the test case is given up."""
    source = corpus if isinstance(corpus, WordCounts) else iter(corpus)
    try:
        return Tokenizer.train(source, vocab_size, progress=False, **options)
    except TrainingError as error:
        if "too small" in str(error):
            assume(False)
        raise


def saved(tokenizer: Tokenizer) -> bytes:
    """The bytes of its file."""
    return native.dumps(tokenizer._definition)


def ordinary(tokenizer: Tokenizer) -> set[bytes]:
    """The tokens that are not special."""
    return {token for number, token in tokenizer.vocab.items() if number not in tokenizer.special_tokens.values()}


# Pattern and frequency


@given(
    corpus=st.lists(st.one_of(text, messy_bytes), min_size=1, max_size=5).filter(any),
    patterns=st.sampled_from(
        [None, "starcoder", "deepseek-v3", [r"\p{N}", "gpt2"], ["gpt4", r"\w+", "[ab]"], ["whole"]]
    ),
    min_frequency=st.integers(1, 3),
)
def test_rows_of_patterns_and_none_equal_the_reference(corpus, patterns, min_frequency):
    stages = [WHOLE] if patterns is None else [patterns] if isinstance(patterns, str) else patterns
    joined = join_stages(PATTERNS.get(stage, stage) for stage in stages)
    expected = reference.train(corpus, 30, joined, min_count=min_frequency)
    ours = trained(corpus, 286, pattern=patterns, min_frequency=min_frequency)
    assert list(ours.merges.items()) == list(expected.items())
    assert ours.pattern == joined


@given(corpus=tiny_corpus, n_merges=st.integers(0, 30), min_frequency=st.integers(1, 3))
def test_minbpe_with_options_equals_the_reference(corpus, n_merges, min_frequency):
    expected = reference.train(corpus, n_merges, min_count=min_frequency, by_place=True)
    assume(len(expected) == n_merges)
    ours = trained(corpus, 256 + n_merges, convention="minbpe", min_frequency=min_frequency)
    assert list(ours.merges.items()) == list(expected.items())


# Threads, parts and files


@pytest.fixture
def small_blocks(monkeypatch):
    """Batches and epochs of a few bytes, so that threads and `max_words` have something to do."""
    monkeypatch.setattr("pybpe.data.readers.blocks.BLOCK_BYTES", 128)
    monkeypatch.setattr("pybpe.training.counts.word_counts._EPOCH_BYTES", 256)


def many_texts(seed: int) -> list[str]:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcé ", k=rng.randint(1, 8))) for _ in range(60)]
    return [" ".join(rng.choices(words, k=rng.randint(0, 12))) for _ in range(120)]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("seed", range(5))
def test_the_same_bytes_at_any_number_of_threads(small_blocks, convention, seed):
    corpus = many_texts(seed)
    one, two, eight = (trained(corpus, 320, convention=convention, threads=threads) for threads in (1, 2, 8))
    assert saved(one) == saved(two) == saved(eight)


@given(corpus=tiny_corpus, convention=conventions, n_parts=st.integers(1, 5), data=st.data())
def test_parts_merged_in_any_order_give_the_same_bytes(tmp_path_factory, corpus, convention, n_parts, data):
    whole, vocab_size = WordCounts(), 257 + data.draw(st.integers(0, 12))
    whole.update(iter(corpus))
    expected = trained(whole, vocab_size, convention=convention)
    parts = data.draw(st.permutations(whole.shard(n_parts)))
    merged = functools.reduce(lambda all_of, part: all_of.merge(part) or all_of, parts)
    assert sorted(merged.items()) == sorted(whole.items())
    path = tmp_path_factory.mktemp("counts") / "counts.npz"
    merged.to_npz(path)
    for source in (corpus, merged, WordCounts.from_npz(path)):
        assert saved(trained(source, vocab_size, convention=convention)) == saved(expected)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_text_equals_counts_of_it(convention):
    corpus = many_texts(7)
    counts = WordCounts()
    counts.update(iter(corpus))
    before = counts.items()
    assert saved(trained(counts, 300, convention=convention)) == saved(trained(corpus, 300, convention=convention))
    assert counts.items() == before


# initial_alphabet


@given(
    corpus=tiny_corpus,
    characters=st.lists(st.characters(exclude_categories=["Cs"]), max_size=6),
    convention=conventions,
)
def test_each_character_of_the_alphabet_is_one_token(corpus, characters, convention):
    ours = trained(corpus, 256 + 1 + 4 * len(characters) + 2, convention=convention, initial_alphabet=characters)
    for character in characters:
        assert len(ours.encode(character)) == 1
        assert ours.token_bytes(ours.encode(character)[0]) == character.encode()
    assert all(ours.decode(ours.encode(content)) == content for content in corpus)


def test_an_alphabet_changes_nothing_else():
    corpus = ["low lower lowest"] * 3
    plain = trained(corpus, 262, special_tokens=[])
    ours = trained(corpus, 264, special_tokens=[], initial_alphabet="é")  # the bytes of é are c3 a9
    assert list(ours.vocab.values())[256] == "é".encode()
    assert list(ours.vocab.values())[257:] == [*list(plain.vocab.values())[256:], b" lowest"]


@pytest.mark.parametrize("character", ["", "ab", b"", b"\xc3\xa9\xc3", "e\u0301"])
def test_what_is_not_one_character(character):
    with pytest.raises(TrainingError, match=r"initial_alphabet has .* not one character"):
        trained(["x"], 300, initial_alphabet=[character])


def test_an_alphabet_of_something_else():
    with pytest.raises(TypeError, match="must be of characters, str or bytes, not of int"):
        trained(["x"], 300, initial_alphabet=[7])
    with pytest.raises(TrainingError, match=r"must be at least 258: the characters of initial_alphabet are tokens"):
        trained(["x"], 257, initial_alphabet="éü")


# Special tokens


@given(
    parts=st.lists(st.sampled_from([SPECIAL, "<|", "end", "|>", "a", " ", "ab"]), max_size=20),
    convention=conventions,
    pattern=st.sampled_from(["gpt4", None]),
)
def test_a_protected_special_token_is_not_learned_from(parts, convention, pattern):
    content = "x" + "".join(parts)
    options = {"special_tokens": [SPECIAL], "convention": convention, "pattern": pattern}
    ours = trained([content], 257 + 8, protect_special=True, **options)
    pieces = content.split(SPECIAL)
    assert all(any(token in piece.encode() for piece in pieces) for token in ordinary(ours) if len(token) > 1)


def test_who_protects_where_nothing_is_said():
    content = f"a{SPECIAL}b " * 9
    for convention in CONVENTIONS:
        for protect_special in (None, False, True):
            vocab_size = 257 + (convention == "huggingface")
            ours = trained(
                [content], vocab_size, special_tokens=[SPECIAL], convention=convention, protect_special=protect_special
            )
            protects = convention in ("pybpe", "rustbpe") if protect_special is None else protect_special
            assert any(token in (b"<|", b"en", b"a<") for token in ordinary(ours)) is not protects


def test_special_tokens_across_blocks_are_protected(small_blocks, tmp_path):
    path = tmp_path / "corpus.txt"
    content = "".join(f"{'ab ' * (i % 7)}{SPECIAL}" for i in range(200))
    path.write_text(content, encoding="utf-8")
    ours = Tokenizer.train(path, 270, special_tokens=[SPECIAL], progress=False)
    assert not any(b"e" in token or b"<" in token for token in ordinary(ours) if len(token) > 1)
    counts = WordCounts(protect=[SPECIAL])
    counts.update(path)
    assert counts.total == reference_total(content)


def reference_total(content: str) -> int:
    return sum(len(reference.split(piece, GPT4)) for piece in content.split(SPECIAL))


def test_special_tokens_in_counts_that_were_not_protected():
    counts = WordCounts()
    counts.update(iter([f"a{SPECIAL}b"]))
    options = {"special_tokens": [SPECIAL], "progress": False}
    Tokenizer.train(counts, 260, **options)
    with pytest.raises(ValueError, match=r"counted with '<\|end\|>' among the text"):
        Tokenizer.train(counts, 260, protect_special=True, **options)
    protected = WordCounts(protect=[SPECIAL, "more"])
    protected.update(iter([f"a{SPECIAL}b ab"]))
    Tokenizer.train(protected, 257, protect_special=True, **options)


# Lengths


@given(corpus=tiny_corpus, convention=conventions, most=st.integers(1, 6))
def test_no_token_is_longer_than_allowed(corpus, convention, most):
    least = 2 if convention == "huggingface" else 1  # which lets any two bytes merge
    ours = trained(corpus, 257 + 4, convention=convention, max_token_length=most)
    assert max(map(len, ordinary(ours))) <= max(least, most)


# Fewer words


def true_total(corpus: list[str]) -> int:
    return sum(len(reference.split(content)) for content in corpus)


@pytest.mark.parametrize("max_words", [1, 7, 40])
@pytest.mark.parametrize("seed", range(5))
def test_never_more_words_than_asked(small_blocks, seed, max_words):
    corpus = many_texts(seed)
    found = []
    for threads in (1, 2, 8):
        counts = WordCounts(max_words=max_words)
        counts.update(iter(corpus), threads=threads)
        assert len(counts) <= max_words
        assert counts.total + counts.forgotten == true_total(corpus)
        found.append((sorted(counts.items()), counts.forgotten))
    assert found[0] == found[1] == found[2]
    exact = WordCounts()
    exact.update(iter(corpus))
    true_counts = {word: count for word, count, _ in exact.items()}
    assert all(count <= true_counts[word] for word, count, _ in counts.items())
    assert exact.forgotten == 0


def test_enough_words_forget_nothing(small_blocks):
    corpus = many_texts(3)
    exact, bounded = WordCounts(), WordCounts(max_words=10_000)
    for counts in (exact, bounded):
        counts.update(iter(corpus))
    assert bounded.forgotten == 0
    assert bounded.items() == exact.items()


def test_training_says_what_was_forgotten(small_blocks):
    corpus = many_texts(1)
    with pytest.warns(UserWarning, match=r"occurrences of rare words were forgotten, to remember no more than 20:"):
        ours = trained(corpus, 300, max_words=20)
    exact = WordCounts()
    exact.update(iter(corpus))
    with pytest.warns(UserWarning, match="were forgotten, to remember no more than 20:"):
        trained(exact, 300, max_words=20)
    assert len(exact) > 20
    assert exact.forgotten == 0
    bounded = WordCounts(max_words=20)
    bounded.update(iter(corpus))
    with pytest.warns(UserWarning, match="were forgotten"):
        assert trained(bounded, 300) == ours


def test_merged_counts_keep_to_the_bound():
    first, second = WordCounts(max_words=3), WordCounts()
    first.update(iter(["aa bb cc aa"]))
    second.update(iter(["dd dd dd ee aa"]))
    first.merge(second)
    assert len(first) == 3
    assert first.total + first.forgotten == 9


# Interrupts


class Interrupt:
    """A report that raises KeyboardInterrupt when a stage has come so far."""

    def __init__(self, stage: str, done: int) -> None:
        self.stage, self.done = stage, done

    def __call__(self, stage, done, total) -> None:
        if stage == self.stage and done >= self.done:
            raise KeyboardInterrupt


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_what_was_learned_before_an_interrupt_is_kept(convention):
    corpus = [" ".join(map(str, range(3000)))]
    options = {"convention": convention, "special_tokens": []}
    with pytest.warns(UserWarning, match="interrupted: the vocabulary has the 128 merges learned so far"):
        ours = Tokenizer.train(
            iter(corpus), 1256, progress=Interrupt("merging", 100), keep_on_interrupt=True, **options
        )
    assert saved(ours) == saved(trained(corpus, 384, **options))
    with pytest.raises(KeyboardInterrupt):
        Tokenizer.train(iter(corpus), 1256, progress=Interrupt("merging", 100), **options)
    with pytest.warns(UserWarning, match="interrupted"):
        more = ours.extend(iter(corpus), 1000, progress=Interrupt("merging", 60), keep_on_interrupt=True)
    assert more.n_vocab == 384 + 64


@pytest.mark.parametrize("threads", [1, 4])
def test_an_interrupt_while_counting_leaves_nothing_half_done(small_blocks, threads):
    counts = WordCounts(max_words=50)
    counts.update(iter(["low lower"]))
    before, running = counts.items(), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        counts.update(iter(many_texts(1)), threads=threads, progress=Interrupt("counting", 1000))
    assert counts.items() == before
    assert counts.forgotten == 0
    assert threading.active_count() == running
    counts.update(iter(["low"]))
    assert counts.items()[0] == (b"low", 2, 0)
    with pytest.raises(KeyboardInterrupt):  # keep_on_interrupt is for merging
        Tokenizer.train(iter(many_texts(1)), 300, progress=Interrupt("counting", 1000), keep_on_interrupt=True)


def test_an_interrupt_in_the_source(small_blocks):
    def texts():
        yield from many_texts(2)
        raise KeyboardInterrupt

    counts = WordCounts()
    with pytest.raises(KeyboardInterrupt):
        counts.update(texts(), threads=2)
    assert len(counts) == 0


# Long words


def test_a_megabyte_that_is_one_word():
    rng = random.Random(1)
    content = "".join(rng.choices("etaoinshrdlu", k=1_000_000))
    ours = trained([content], 2000, pattern=None, special_tokens=[])
    assert ours.n_vocab == 2000
    assert ours.decode(ours.encode(content[:5000])) == content[:5000]
    head = trained([content[:2000]], 300, pattern=None, special_tokens=[])
    assert head.merges == reference.train([content[:2000]], 44, WHOLE)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_word_of_ten_megabytes(convention):
    content = b"ab" * 5_000_000
    ours = trained([content], 256 + 10, convention=convention, special_tokens=[])
    assert max(ours.vocab.values(), key=len) == b"ab" * 512
    assert sys.getsizeof(content) > 10_000_000


def test_the_patterns_of_gpt2_are_one():
    corpus = many_texts(4)
    assert trained(corpus, 300, pattern="gpt2").merges == trained(corpus, 300, pattern=GPT2_ORIGINAL).merges
