"""Rows on training, from text in memory or on disk to merges, on all cores."""

from __future__ import annotations

import json
import operator
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pybpe import Tokenizer
from pybpe.patterns import GPT2_ORIGINAL, GPT4

from .peers import installed
from .results import OURS, Result
from .rows import measure
from .texts import Text
from .timing import warm

DOCUMENT_BYTES = 1 << 16  # training text goes in documents of this size, so that every peer can use all cores
COMMON = 0.95  # of the tokens, that trainers with another order of ties must share for their times to be compared


def equal_merges(text: Text, vocab_size: int, rounds: int) -> Iterator[Result]:
    """Beside rustbpe, whose merges are the same to the last."""
    if not installed("rustbpe"):
        return
    import rustbpe

    content = text.content
    documents = [content[start : start + DOCUMENT_BYTES] for start in range(0, len(content), DOCUMENT_BYTES)]

    def train_ours() -> Tokenizer:
        return Tokenizer.train(iter(documents), vocab_size, special_tokens=[], progress=False)

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


def other_ties(text: Text, vocab_size: int, rounds: int) -> Iterator[Result]:
    """Beside trainers that order ties otherwise, GPT-2's pattern, from a file; `COMMON` of the tokens must agree."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text(text.content, encoding="utf-8")
        trainers = {OURS: partial(_train_pybpe, path, vocab_size)}
        if installed("gigabpe"):
            trainers["gigabpe"] = partial(_train_gigabpe, path, vocab_size)
        if installed("tokenizers"):
            trainers["tokenizers"] = partial(_train_tokenizers, path, vocab_size)
        if len(trainers) == 1:
            return
        ours = _train_pybpe(path, vocab_size)
        common = {name: len(ours & train()) / len(ours) for name, train in trainers.items()}
        jobs = {name: warm(train, 1, partial(operator.ge, common[name], COMMON)) for name, train in trainers.items()}
        result = measure("training ties", text.name, f"{vocab_size:,} tokens", "s", jobs, rounds)
    del common[OURS]
    result.notes.extend(f"{name} learns {share:.1%} of the same tokens" for name, share in common.items())
    yield result


def _train_pybpe(path: Path, vocab_size: int) -> set[bytes]:
    tokenizer = Tokenizer.train(path, vocab_size, pattern=GPT2_ORIGINAL, special_tokens=[], progress=False)
    return set(tokenizer.mergeable_ranks)


def _train_gigabpe(path: Path, vocab_size: int) -> set[bytes]:
    import gigabpe

    vocab, _ = gigabpe.train_bpe([str(path)], vocab_size, special_tokens=[], pretokenizer="bytelevel")
    return _bytes_of(vocab)


def _train_tokenizers(path: Path, vocab_size: int) -> set[bytes]:
    from tokenizers import Tokenizer as TheirTokenizer
    from tokenizers import models, pre_tokenizers, trainers

    tokenizer = TheirTokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train([str(path)], trainer)
    return _bytes_of(json.loads(tokenizer.to_str())["model"]["vocab"])


def _bytes_of(vocab: dict[str, int]) -> set[bytes]:
    """Tokens in GPT-2's spelling, a character a byte, as bytes."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    spelling = {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}
    return {bytes(spelling[char] for char in token) for token in vocab}
