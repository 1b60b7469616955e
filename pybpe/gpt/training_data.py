"""What a GPT learns from: ids of shards, of text files, or of the lines of a file, with a part held out."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pybpe.data.chain import chained
from pybpe.data.shards import TokenShards
from pybpe.errors import TrainingError
from pybpe.gpt.characters import END, Characters
from pybpe.gpt.vocabulary import Vocabulary, encode_text, end_of_text
from pybpe.tokenizer import Tokenizer

HELD_OUT = 0.1  # of the text, its end
MOST_BYTES = 1 << 30  # of text that is encoded in memory
DIGESTED = 1_000_000  # ids at once
ALL_IDS = "all:"  # begins the fingerprints that cover all ids

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
        """Return the fingerprint of all ids, those held out among them, by which a run knows its data again."""
        digest = hashlib.sha256()
        for ids in (self.train, np.empty(0, "<u4") if self.val is None else self.val):
            digest.update(f"{len(ids)} ".encode())
            for at in range(0, len(ids), DIGESTED):
                digest.update(np.ascontiguousarray(ids[at : at + DIGESTED], "<u4").tobytes())
        return ALL_IDS + digest.hexdigest()

    def has_digest(self, digest: str) -> bool:
        """True if `digest` is of this data, also if an earlier version made it, of fewer ids."""
        return digest == (self.digest() if digest.startswith(ALL_IDS) else self._earlier_digest())

    def _earlier_digest(self) -> str:
        """The fingerprint in runs of earlier versions: of the first and the last million ids of the training text."""
        digest = hashlib.sha256(f"{len(self.train)} ".encode())
        for part in (self.train[:DIGESTED], self.train[-DIGESTED:]):
            digest.update(np.ascontiguousarray(part, "<u4").tobytes())
        return digest.hexdigest()


def read_data(
    paths: Sequence[Path], vocabulary: Vocabulary | None, *, lines: bool, seed: int, special: bool = False
) -> TrainingData:
    """Read a folder of shards, or text files, whose lines are documents if `lines`.

    vocabulary None: the characters of the text. special: special tokens written in text files become their ids, else
    they are ordinary text. Raises TrainingError, ShardError or TokenIdError for what is no use.
    """
    rng = random.Random(seed)
    if not any(path.is_dir() for path in paths):
        return (read_lines if lines else read_text)(paths, vocabulary, rng, special)
    if special:
        raise TrainingError("special tokens are read in text files; the ids of shards are what pybpe encode wrote")
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


def read_text(
    paths: Sequence[Path], vocabulary: Vocabulary | None, rng: random.Random, special: bool = False
) -> TrainingData:
    """The text of UTF-8 files one after another, its last tenth held out; vocabulary None: its characters."""
    text = "".join(map(_read, _small_enough(paths)))
    if vocabulary is None:
        vocabulary = _characters([text], special)
    cut = text.rfind("\n", 0, math.ceil(len(text) * (1 - HELD_OUT))) + 1 or math.ceil(len(text) * (1 - HELD_OUT))
    if special:
        cut = _outside_of(vocabulary.special_tokens, text, cut)
    train, val = (_encode(vocabulary, part, special) for part in (text[:cut], text[cut:]))
    return TrainingData(vocabulary, train, val, rng)


def read_ids(paths: Sequence[Path], vocabulary: Vocabulary, *, special: bool = False) -> Ids:
    """Return the ids of all text of UTF-8 files, uint32[n], with none held out."""
    return _encode(vocabulary, "".join(map(_read, _small_enough(paths))), special)


def read_lines(
    paths: Sequence[Path], vocabulary: Vocabulary | None, rng: random.Random, special: bool = False
) -> TrainingData:
    """The lines of files that are not blank, each a document, in the order that `rng` shuffles them into."""
    lines = [line.strip() for path in _small_enough(paths) for line in _read(path).split("\n") if line.strip()]
    rng.shuffle(lines)
    if vocabulary is None:
        vocabulary = _characters(lines, special)
    edge = vocabulary.eot_token
    documents = [[edge, *encode_text(vocabulary, line, special=special), edge] for line in lines]
    everything = np.array([id_ for document in documents for id_ in document[1:]], np.uint32)
    return TrainingData(vocabulary, everything, None, rng, documents)


def _characters(texts: Sequence[str], special: bool) -> Characters:
    """The characters of texts; if `special`, those of the end-of-text token are not among them where it is written."""
    return Characters(text.replace(END, "") for text in texts) if special else Characters(texts)


def _outside_of(special_tokens: Collection[str], text: str, at: int) -> int:
    """Return the place nearest to `at`, from there on, that is not inside a special token in the text."""
    for name in special_tokens:
        start = text.find(name, max(0, at - len(name) + 1), at + len(name) - 1)
        if 0 <= start < at:
            return start + len(name)
    return at


def _encode(vocabulary: Vocabulary, text: str, special: bool) -> Ids:
    if isinstance(vocabulary, Tokenizer):
        allowed: Literal["all"] | frozenset[str] = "all" if special else frozenset()
        return vocabulary.encode_to_numpy(text, threads=None, allowed_special=allowed, disallowed_special=())
    return np.array(encode_text(vocabulary, text, special=special), np.uint32)


def _small_enough(paths: Sequence[Path]) -> Sequence[Path]:
    if sum(path.stat().st_size for path in paths) > MOST_BYTES:
        raise TrainingError("more than 1 GB of text does not fit here; encode it into shards first: pybpe encode")
    return paths


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path} is not text in UTF-8 ({error.reason} at byte {error.start})") from None
