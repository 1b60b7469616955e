"""The measurements of a tokenizer, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.data.readers.blocks import BLOCK_BYTES
from pybpe.reports.evaluation.texts import Passage
from pybpe.reports.evaluation.writing_systems import SCRIPTS, stretches
from pybpe.tokenizer import Tokenizer

SIZES = 12

_KINDS = (*SCRIPTS, "code")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Kind:
    """The size of the text of one kind. n_tokens: its number of tokens with each tokenizer of the evaluation."""

    name: str
    n_bytes: int
    n_tokens: list[int]


@dataclass(frozen=True)
class Evaluation:
    """The compression of a text by a tokenizer and others.

    names, n_vocab: the names and vocabulary sizes of the tokenizers, the evaluated one first.
    total, kinds: the whole text, and its parts by kind.
    sizes: (vocabulary size, bytes per token) with the first merges only, from 256 tokens to all; empty if the tokenizer
        has no smaller versions.
    unused: the ids of ordinary tokens that do not occur in the text. n_ordinary: the number of ordinary tokens.
    """

    names: list[str]
    n_vocab: list[int]
    total: Kind
    kinds: list[Kind]
    sizes: list[tuple[int, float]]
    unused: list[int]
    n_ordinary: int

    def shown_kinds(self) -> list[Kind]:
        """Return the kinds of text, the largest first."""
        return sorted(self.kinds, key=lambda kind: -kind.n_bytes)


def evaluate(
    tokenizer: Tokenizer,
    passages: Sequence[Passage],
    others: Mapping[str, Tokenizer],
    name: str = "this one",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Measure how well a tokenizer, and others by name, compress passages.

    progress(done, total) is called with bytes from time to time. Raises ValueError if there is no text.
    """
    tokenizers = [tokenizer, *others.values()]
    ladder = _smaller(tokenizer)
    sizes_of = [_token_sizes(each) for each in tokenizers]
    n_bytes = np.zeros(len(_KINDS), np.int64)
    n_tokens = np.zeros((len(tokenizers), len(_KINDS)), np.int64)
    used = np.zeros(tokenizer.n_vocab, bool)
    of_sizes = [0] * len(ladder)
    expected = sum(len(passage.text) for passage in passages)
    if not expected:
        raise ValueError("there is no text to evaluate the tokenizer on")
    for texts, code in _batches(passages):
        starts, labels = stretches(b"".join(texts))
        if code:
            labels = np.full_like(labels, _KINDS.index("code"))
        n_bytes += _by_kind(labels, np.diff(starts, append=sum(map(len, texts))))
        for i, each in enumerate(tokenizers):
            ids, _ = each.encode_batch_to_numpy(texts, disallowed_special=())
            begins = np.cumsum(sizes_of[i][ids]) - sizes_of[i][ids]
            n_tokens[i] += _by_kind(labels[np.searchsorted(starts, begins, "right") - 1])
            if i == 0:
                used[ids] = True
        for i, each in enumerate(ladder):
            of_sizes[i] += int(each.count_batch(texts).sum())
        progress(int(n_bytes.sum()), expected)
    total = int(n_bytes.sum())
    by_name = {*tokenizer.special_tokens.values(), *tokenizer.added_tokens.values()}
    ordinary = [token for token in tokenizer.vocab if token not in by_name]
    return Evaluation(
        names=[name, *others],
        n_vocab=[each.n_vocab for each in tokenizers],
        total=Kind("all of it", total, n_tokens.sum(axis=1).tolist()),
        kinds=[Kind(kind, int(n_bytes[i]), n_tokens[:, i].tolist()) for i, kind in enumerate(_KINDS) if n_bytes[i]],
        sizes=[(256 + len(each.merges), total / count) for each, count in zip(ladder, of_sizes, strict=True)],
        unused=[token for token in ordinary if not used[token]],
        n_ordinary=len(ordinary),
    )


def _smaller(tokenizer: Tokenizer) -> list[Tokenizer]:
    """Return tokenizers of the first merges; [] if Tokenizer.smaller does not support this one."""
    try:
        return [tokenizer.smaller(size) for size in vocabulary_sizes(256 + len(tokenizer.merges))]
    except ValueError:
        return []


def vocabulary_sizes(largest: int) -> list[int]:
    """Return at most SIZES sizes from 256 to `largest`, in equal ratios."""
    steps = np.geomspace(256, largest, SIZES).round().astype(int).tolist()
    return sorted({256, *steps, largest})


def _batches(passages: Sequence[Passage]) -> Iterator[tuple[list[bytes], bool]]:
    """Yield (texts of about BLOCK_BYTES together, True if they are code); small texts alone are slow to encode."""
    for code, group in groupby(passages, key=lambda passage: passage.code):
        batch: list[bytes] = []
        size = 0
        for passage in group:
            batch.append(passage.text)
            size += len(passage.text)
            if size >= BLOCK_BYTES:
                yield batch, code
                batch, size = [], 0
        if size:
            yield batch, code


def _by_kind(labels: Array, weights: Array | None = None) -> Array:
    return np.bincount(labels, weights, len(_KINDS)).astype(np.int64)


def _token_sizes(tokenizer: Tokenizer) -> Array:
    """Return the number of bytes of each id, int64[n_vocab]."""
    sizes = np.zeros(tokenizer.n_vocab, np.int64)
    for token, content in tokenizer.vocab.items():
        sizes[token] = len(content)
    return sizes
