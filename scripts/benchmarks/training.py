"""Rows on training, from text in memory or on disk to merges, on two threads."""

from __future__ import annotations

import operator
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pybpe import Tokenizer
from pybpe.patterns import GPT2_ORIGINAL, GPT4

from .peers import THREADS, installed
from .results import OURS, Result
from .rows import measure
from .texts import Text
from .timing import warm

DOCUMENT_BYTES = 1 << 16  # training text goes in documents of this size, so that every peer can use both threads
COMMON = 0.95  # of the tokens, that trainers with another order of ties must share for their times to be compared


def equal_merges(text: Text, vocab_size: int, rounds: int) -> Iterator[Result]:
    """Beside rustbpe, whose merges are the same to the last."""
    if not installed("rustbpe"):
        return
    import rustbpe

    content = text.content
    documents = [content[start : start + DOCUMENT_BYTES] for start in range(0, len(content), DOCUMENT_BYTES)]

    def train_ours() -> Tokenizer:
        return Tokenizer.train(iter(documents), vocab_size, special_tokens=[], threads=THREADS, progress=False)

    def train_theirs() -> rustbpe.Tokenizer:
        tokenizer = rustbpe.Tokenizer()
        tokenizer.train_from_iterator(iter(documents), vocab_size, pattern=GPT4)
        return tokenizer

    right = {bytes(token): rank for token, rank in train_theirs().get_mergeable_ranks()}
    jobs = {
        OURS: warm(train_ours, 1, lambda: train_ours().mergeable_ranks == right),
        "rustbpe": warm(train_theirs, 1, lambda: True),
    }
    yield measure("training", text.name, f"{vocab_size:,} tokens", "s", jobs, rounds)


@dataclass(frozen=True)
class Trainer:
    """A package that trains from a file: `train` is what is timed, `tokens` finds what was learned."""

    train: Callable[[Path, int], Any]
    tokens: Callable[[Any], set[bytes]]


def other_ties(text: Text, vocab_size: int, rounds: int) -> Iterator[Result]:
    """Beside trainers that order ties otherwise, GPT-2's pattern, from a file; `COMMON` of the tokens must agree."""
    trainers = {name: trainer for name, trainer in TRAINERS.items() if installed(name)}
    if len(trainers) == 1:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text(text.content, encoding="utf-8")
        learned = {name: trainer.tokens(trainer.train(path, vocab_size)) for name, trainer in trainers.items()}
        common = {name: len(learned[OURS] & tokens) / len(learned[OURS]) for name, tokens in learned.items()}
        jobs = {
            name: warm(partial(trainer.train, path, vocab_size), 1, partial(operator.ge, common[name], COMMON))
            for name, trainer in trainers.items()
        }
        result = measure("training ties", text.name, f"{vocab_size:,} tokens", "s", jobs, rounds)
    del common[OURS]
    result.notes.extend(f"{name} learns {share:.1%} of the same tokens" for name, share in common.items())
    yield result


def _train_pybpe(path: Path, vocab_size: int) -> Tokenizer:
    return Tokenizer.train(path, vocab_size, pattern=GPT2_ORIGINAL, special_tokens=[], threads=THREADS, progress=False)


def _train_gigabpe(path: Path, vocab_size: int) -> tuple[dict[str, int], Any]:
    import gigabpe

    return gigabpe.train_bpe([str(path)], vocab_size, special_tokens=[], pretokenizer="bytelevel", threads=THREADS)


def _train_tokenizers(path: Path, vocab_size: int) -> Any:
    from tokenizers import Tokenizer as TheirTokenizer
    from tokenizers import models, pre_tokenizers, trainers

    tokenizer = TheirTokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train([str(path)], trainer)
    return tokenizer


def _bytes_of(vocab: dict[str, int]) -> set[bytes]:
    """Tokens in GPT-2's spelling, a character a byte, as bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    spelling = {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}
    return {bytes(spelling[char] for char in token) for token in vocab}


TRAINERS = {
    OURS: Trainer(_train_pybpe, lambda tokenizer: set(tokenizer.mergeable_ranks)),
    "gigabpe": Trainer(_train_gigabpe, lambda learned: _bytes_of(learned[0])),
    "tokenizers": Trainer(_train_tokenizers, lambda tokenizer: _bytes_of(tokenizer.get_vocab())),
}
