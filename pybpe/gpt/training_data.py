"""What a GPT learns from: ids of shards, of text files, or of the lines of a file, with a part held out."""

from __future__ import annotations

import hashlib
import math
import random
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe.data.chain import chained
from pybpe.data.readers.documents import TEXT_FIELD, has_fields, read_files
from pybpe.data.shards import TokenShards
from pybpe.errors import TrainingError
from pybpe.gpt.characters import Characters
from pybpe.gpt.vocabulary import Vocabulary, end_of_text
from pybpe.tokenizer import Tokenizer

HELD_OUT = 0.1  # of the text, its end
MOST_BYTES = 1 << 30  # of text that is encoded in memory
TOO_LARGE = "the text is larger than 1 GiB, which is too much to encode in memory; write shards first: pybpe encode"
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


def read_data(
    paths: Sequence[Path], vocabulary: Vocabulary | None, *, lines: bool, seed: int, text_field: str = TEXT_FIELD
) -> TrainingData:
    """Read the data of a folder of shards, or of text files as pybpe.data.readers reads them.

    vocabulary: None for the characters of the text. lines: each line of a text file is a document and a step takes one.
    seed: of the order of documents. text_field: the field or column with the text in .jsonl and .parquet files.

    Raises TrainingError, ShardError or TokenIdError for data that cannot be trained on, and what the readers raise.
    """
    rng = random.Random(seed)
    if not any(path.is_dir() for path in paths):
        read = read_lines if lines else read_text
        return read(paths, vocabulary, rng, text_field)
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
    paths: Sequence[Path], vocabulary: Vocabulary | None, rng: random.Random, text_field: str = TEXT_FIELD
) -> TrainingData:
    """Read text files and hold out their last tenth.

    Plain text files are one text. Where one of the files has fields (.jsonl, .parquet), the text is documents, each
    followed by the vocabulary's end-of-text token, if it has one, as in shards; whole documents are held out.
    """
    documents = list(_read(paths, text_field))
    separate = any(map(has_fields, paths))
    if not separate:
        documents = ["".join(documents)]
    if vocabulary is None:
        vocabulary = Characters(documents)
    end = end_of_text(vocabulary) if separate else None
    train, held_out = _split(documents)
    whole = len(documents) > 1  # a single document is cut in two, and ends in the second part
    return TrainingData(
        vocabulary, _encode(vocabulary, train, end if whole else None), _encode(vocabulary, held_out, end), rng
    )


def read_lines(
    paths: Sequence[Path], vocabulary: Vocabulary | None, rng: random.Random, text_field: str = TEXT_FIELD
) -> TrainingData:
    """Read documents, in the order that `rng` shuffles them into; none is held out.

    A document is a line of a text file, or the text of a line of a .jsonl or a row of a .parquet file. Blank ones are
    left out, and white space at both ends of the others.
    """
    lines = []
    for path in paths:
        for text in _read([path], text_field):
            parts = [text] if has_fields(path) else text.split("\n")
            lines += [part.strip() for part in parts if part.strip()]
    rng.shuffle(lines)
    if vocabulary is None:
        vocabulary = Characters(lines)
    edge = vocabulary.eot_token
    documents = [[edge, *vocabulary.encode_ordinary(line), edge] for line in lines]
    everything = np.array([id_ for document in documents for id_ in document[1:]], np.uint32)
    return TrainingData(vocabulary, everything, None, rng, documents)


def _split(documents: list[str]) -> tuple[list[str], list[str]]:
    """Split documents into those to train on and the last tenth by characters, at least one of each.

    A single document is cut at the last line break before its last tenth, or where that begins if there is none.
    """
    edge = math.ceil(sum(map(len, documents)) * (1 - HELD_OUT))
    if len(documents) < 2:
        text = "".join(documents)
        cut = text.rfind("\n", 0, edge) + 1 or edge
        return [text[:cut]], [text[cut:]]
    ends = list(accumulate(map(len, documents)))
    count = min(max(1, bisect_right(ends, edge)), len(documents) - 1)
    return documents[:count], documents[count:]


def _encode(vocabulary: Vocabulary, documents: list[str], end: int | None) -> Ids:
    """Return the ids of documents one after another as uint32, each followed by `end` unless that is None."""
    parts = []
    for text in documents:
        if isinstance(vocabulary, Tokenizer):
            parts.append(vocabulary.encode_to_numpy(text, threads=None, disallowed_special=()))
        else:
            parts.append(np.array(vocabulary.encode_ordinary(text), np.uint32))
        if end is not None:
            parts.append(np.array([end], np.uint32))
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.uint32), *parts])


def _read(paths: Sequence[Path], text_field: str) -> Iterator[str]:
    """Yield the documents of files. TrainingError for one that is not UTF-8, and above MOST_BYTES."""
    if sum(path.stat().st_size for path in paths) > MOST_BYTES:  # before anything is read
        raise TrainingError(TOO_LARGE)
    n_bytes = 0
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnicodeWarning)  # refused below
            pieces = list(read_files([path], None, text_field))  # a document each, because nothing is cut
        for piece, _ in pieces:
            n_bytes += len(piece)
            if n_bytes > MOST_BYTES:
                raise TrainingError(TOO_LARGE)
            try:
                yield piece.decode()
            except UnicodeDecodeError as error:
                raise TrainingError(f"{path} is not text in UTF-8 ({error.reason} at byte {error.start})") from None
