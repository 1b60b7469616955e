"""What a GPT learns from: ids of shards, of text files, or of the lines of a file, with a part held out."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.data.chain import chained
from pybpe.data.shards import TokenShards
from pybpe.errors import TrainingError
from pybpe.gpt.characters import Characters
from pybpe.gpt.vocabulary import Vocabulary, end_of_text
from pybpe.tokenizer import Tokenizer

HELD_OUT = 0.1  # of the text, its end
MOST_BYTES = 1 << 30  # of text that is encoded in memory
DIGESTED = 1_000_000  # ids

Ids = npt.NDArray[Any]


@dataclass(frozen=True)
class TrainingData:
    """Ids to learn from.

    train, val: 1-D integer arrays, or what `chained` makes of several; val is None where nothing is held out.
    documents: lists of ids, each with the end of text before and after it, where a step takes one document and not
    windows of `train`, which then is all of them. rng: Python's random numbers as they stand after the documents were
    shuffled; the first weights come next.
    """

    vocabulary: Vocabulary
    train: Ids
    val: Ids | None
    rng: random.Random
    documents: Sequence[Sequence[int]] | None = None

    def beginning(self) -> list[int]:
        """What stands between two texts, or else what the text begins with."""
        end = end_of_text(self.vocabulary)
        return [int(self.train[0]) if end is None else end]

    def digest(self) -> str:
        """The sha256 of how many ids there are and of the first and the last million: to know the data again."""
        digest = hashlib.sha256(f"{len(self.train)} ".encode())
        for part in (self.train[:DIGESTED], self.train[-DIGESTED:]):
            digest.update(np.ascontiguousarray(part, "<u4").tobytes())
        return digest.hexdigest()


def read_data(paths: Sequence[Path], vocabulary: Vocabulary | None, *, lines: bool, seed: int) -> TrainingData:
    """The data of a folder of shards, or of text files, whose lines are documents if `lines`.

    vocabulary None: the characters of the text. Raises TrainingError, ShardError or TokenIdError for what is no use.
    """
    rng = random.Random(seed)
    if not any(path.is_dir() for path in paths):
        return read_lines(paths, vocabulary, rng) if lines else read_text(paths, vocabulary, rng)
    if len(paths) > 1 or lines or not isinstance(vocabulary, Tokenizer):
        raise TrainingError("a folder of shards stands alone, goes without lines, and needs the tokenizer it came from")
    return read_shards(paths[0], vocabulary, rng)


def read_shards(folder: Path, tokenizer: Tokenizer, rng: random.Random) -> TrainingData:
    """The set train of a folder of shards, and its set val, or else the end of train. ShardError as TokenShards."""
    shards = TokenShards(folder, tokenizer)
    ids = chained(shards.arrays("train"))
    if "val" in shards.sets:
        return TrainingData(tokenizer, ids, chained(shards.arrays("val")), rng)
    cut = math.ceil(len(ids) * (1 - HELD_OUT))
    return TrainingData(tokenizer, ids[:cut], ids[cut:], rng)


def read_text(paths: Sequence[Path], vocabulary: Vocabulary | None, rng: random.Random) -> TrainingData:
    """The text of UTF-8 files one after another, its last tenth held out; vocabulary None: its characters."""
    text = "".join(map(_read, _small_enough(paths)))
    if vocabulary is None:
        vocabulary = Characters(text)
    cut = text.rfind("\n", 0, math.ceil(len(text) * (1 - HELD_OUT))) + 1 or math.ceil(len(text) * (1 - HELD_OUT))
    return TrainingData(vocabulary, _encode(vocabulary, text[:cut]), _encode(vocabulary, text[cut:]), rng)


def read_lines(paths: Sequence[Path], vocabulary: Vocabulary | None, rng: random.Random) -> TrainingData:
    """The lines of files that are not blank, each a document, in the order that `rng` shuffles them into."""
    lines = [line.strip() for path in _small_enough(paths) for line in _read(path).split("\n") if line.strip()]
    rng.shuffle(lines)
    if vocabulary is None:
        vocabulary = Characters(lines)
    edge = vocabulary.eot_token
    documents = [[edge, *vocabulary.encode_ordinary(line), edge] for line in lines]
    everything = np.array([id_ for document in documents for id_ in document[1:]], np.uint32)
    return TrainingData(vocabulary, everything, None, rng, documents)


def _encode(vocabulary: Vocabulary, text: str) -> Ids:
    if isinstance(vocabulary, Tokenizer):
        return vocabulary.encode_to_numpy(text, threads=None, disallowed_special=())
    return np.array(vocabulary.encode_ordinary(text), np.uint32)


def _small_enough(paths: Sequence[Path]) -> Sequence[Path]:
    if sum(path.stat().st_size for path in paths) > MOST_BYTES:
        raise TrainingError("more than 1 GB of text does not fit here; encode it into shards first: pybpe encode")
    return paths


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path} is not text in UTF-8 ({error.reason} at byte {error.start})") from None
