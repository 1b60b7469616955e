"""The training data of a GPT: ids from shards, from text files, or from documents, with a part held out."""

from __future__ import annotations

import hashlib
import math
import random
import warnings
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pybpe.data.chain import chained
from pybpe.data.readers.documents import TEXT_FIELD, has_fields, read_files
from pybpe.data.shards import TokenShards
from pybpe.errors import TrainingError
from pybpe.gpt.characters import END, Characters
from pybpe.gpt.pretrain import check_parts
from pybpe.gpt.vocabulary import Vocabulary, encode_text, end_of_text
from pybpe.tokenizer import Tokenizer

HELD_OUT = 0.1  # the last part of the text that is held out, as a fraction
MOST_BYTES = 1 << 30  # maximum size of text that is encoded in memory
TOO_LARGE = "the text is larger than 1 GiB, which is too much to encode in memory; write shards first: pybpe encode"
DIGESTED = 1_000_000  # ids that are hashed at a time
ALL_IDS = "all:"  # prefix of the fingerprints that cover all ids

Ids = npt.NDArray[Any]


@dataclass(frozen=True)
class TrainingData:
    """Ids to train on, and held-out ids.

    train, val: 1-D integer arrays, or several joined by `chained`; val is None if nothing is held out. documents: if a
    step trains on one document, lists of ids that begin and end with the end-of-text token; `train` then holds all of
    them, and documents is None otherwise. rng: the random numbers that shuffled the documents, for the initial weights.
    """

    vocabulary: Vocabulary
    train: Ids
    val: Ids | None
    rng: random.Random
    documents: Sequence[Sequence[int]] | None = None

    def beginning(self) -> list[int]:
        """Return a prompt that begins a text: the end-of-text token, or the first id of `train` if there is none."""
        end = end_of_text(self.vocabulary)
        return [int(self.train[0]) if end is None else end]

    @property
    def measured(self) -> Ids:
        """The ids that the loss of a run is measured on: the held-out ids, or the training ids if there are none."""
        return self.train if self.val is None else self.val

    @property
    def pass_tokens(self) -> int:
        """The number of tokens that one pass over the training data trains on."""
        return len(self.train)

    def facts(self) -> list[tuple[str, str]]:
        """Return rows of a table on the data, (name, value), for summaries and reports."""
        return []

    def check(self, context: int) -> None:
        """Raise TrainingError unless there is at least one window of `context` tokens to train on and to measure."""
        check_parts(self.train, self.val, context)

    def digest(self) -> str:
        """Return the fingerprint of all ids, those held out included, with which a run recognizes its data."""
        digest = hashlib.sha256()
        for ids in (self.train, np.empty(0, "<u4") if self.val is None else self.val):
            digest.update(f"{len(ids)} ".encode())
            for at in range(0, len(ids), DIGESTED):
                digest.update(np.ascontiguousarray(ids[at : at + DIGESTED], "<u4").tobytes())
        return ALL_IDS + digest.hexdigest()

    def has_digest(self, digest: str) -> bool:
        """Return True if `digest` is the fingerprint of this data, as this version or an earlier one computes it."""
        return digest == (self.digest() if digest.startswith(ALL_IDS) else self._earlier_digest())

    def _earlier_digest(self) -> str:
        """Return the fingerprint of earlier versions, over the first and the last million ids of `train`."""
        digest = hashlib.sha256(f"{len(self.train)} ".encode())
        for part in (self.train[:DIGESTED], self.train[-DIGESTED:]):
            digest.update(np.ascontiguousarray(part, "<u4").tobytes())
        return digest.hexdigest()


def read_data(
    paths: Sequence[Path],
    vocabulary: Vocabulary | None,
    *,
    lines: bool,
    seed: int,
    text_field: str = TEXT_FIELD,
    special: bool = False,
) -> TrainingData:
    """Read the data of a folder of shards, or of text files as pybpe.data.readers reads them.

    vocabulary: None for the characters of the text. lines: each line of a text file is a document, for steps of one
    document each. seed: seed of the order of documents. text_field: the field or column with the text in .jsonl and
    .parquet files. special: special tokens in text files become their ids; otherwise they are ordinary text.

    Raises TrainingError, ShardError or TokenIdError for data that cannot be trained on, and the errors of the readers.
    """
    rng = random.Random(seed)
    if not any(path.is_dir() for path in paths):
        read = read_lines if lines else read_text
        return read(paths, vocabulary, rng, text_field, special)
    if special:
        raise TrainingError("special tokens are read in text files; the ids of shards are what pybpe encode wrote")
    if len(paths) > 1 or lines or not isinstance(vocabulary, Tokenizer):
        raise TrainingError(
            "a folder of shards must be the only data and needs the tokenizer that made it; leave out other names and "
            "--lines, and give --tokenizer"
        )
    return read_shards(paths[0], vocabulary, rng)


def read_shards(folder: Path, tokenizer: Tokenizer, rng: random.Random) -> TrainingData:
    """Read the sets "train" and "val" of a folder of shards; without "val", the end of "train" is held out.

    Raises ShardError as TokenShards does.
    """
    shards = TokenShards(folder, tokenizer)
    ids = chained(shards.arrays("train"))
    if "val" in shards.sets:
        return TrainingData(tokenizer, ids, chained(shards.arrays("val")), rng)
    end = math.ceil(len(ids) * (1 - HELD_OUT))
    return TrainingData(tokenizer, ids[:end], ids[end:], rng)


def read_text(
    paths: Sequence[Path],
    vocabulary: Vocabulary | None,
    rng: random.Random,
    text_field: str = TEXT_FIELD,
    special: bool = False,
) -> TrainingData:
    """Read text files and hold out their last tenth.

    Plain text files are one text. Where one of the files has fields (.jsonl, .parquet), the text is documents, each
    followed by the vocabulary's end-of-text token, if it has one, as in shards; whole documents are held out.
    """
    documents, separate = _documents(paths, text_field)
    if vocabulary is None:
        vocabulary = _characters(documents, special)
    end = end_of_text(vocabulary) if separate else None
    train, held_out = _split(documents, vocabulary.special_tokens if special else ())
    inner = end if len(documents) > 1 else None  # a single document is split in two and ends in the second part
    return TrainingData(
        vocabulary, _encode(vocabulary, train, inner, special), _encode(vocabulary, held_out, end, special), rng
    )


def read_ids(
    paths: Sequence[Path], vocabulary: Vocabulary, *, text_field: str = TEXT_FIELD, special: bool = False
) -> Ids:
    """Return the ids of all text in files, uint32[n], encoded as in `read_text`; nothing is held out."""
    documents, separate = _documents(paths, text_field)
    return _encode(vocabulary, documents, end_of_text(vocabulary) if separate else None, special)


def read_lines(
    paths: Sequence[Path],
    vocabulary: Vocabulary | None,
    rng: random.Random,
    text_field: str = TEXT_FIELD,
    special: bool = False,
) -> TrainingData:
    """Read documents, shuffled by `rng`; none is held out.

    A document is a line of a text file, or the text of a line of a .jsonl or a row of a .parquet file. White space at
    both ends is removed, and empty documents are left out.
    """
    lines = []
    for path in paths:
        for text in _read([path], text_field):
            parts = [text] if has_fields(path) else text.split("\n")
            lines += [part.strip() for part in parts if part.strip()]
    rng.shuffle(lines)
    if vocabulary is None:
        vocabulary = _characters(lines, special)
    edge = vocabulary.eot_token
    documents = [[edge, *encode_text(vocabulary, line, special=special), edge] for line in lines]
    everything = np.array([id_ for document in documents for id_ in document[1:]], np.uint32)
    return TrainingData(vocabulary, everything, None, rng, documents)


def _documents(paths: Sequence[Path], text_field: str) -> tuple[list[str], bool]:
    """Return (documents, separate): separate texts if one of the files has documents, otherwise all as one text."""
    documents = list(_read(paths, text_field))
    if any(map(has_fields, paths)):
        return documents, True
    return ["".join(documents)], False


def _characters(texts: Sequence[str], special: bool) -> Characters:
    """Return a vocabulary of the characters of texts. special: leave out the end-of-text tokens written in them."""
    return Characters(text.replace(END, "") for text in texts) if special else Characters(texts)


def _split(documents: list[str], special_tokens: Collection[str]) -> tuple[list[str], list[str]]:
    """Split documents into those to train on and the last tenth by characters, at least one of each.

    A single document is split after the last line break before its last tenth, or at the tenth itself if there is none,
    but never inside one of the special tokens.
    """
    edge = math.ceil(sum(map(len, documents)) * (1 - HELD_OUT))
    if not documents:
        return [], []
    if len(documents) == 1:
        text = documents[0]
        at = _outside_of(special_tokens, text, text.rfind("\n", 0, edge) + 1 or edge)
        return [text[:at]], [text[at:]]
    ends = list(accumulate(map(len, documents)))
    count = min(max(1, bisect_right(ends, edge)), len(documents) - 1)
    return documents[:count], documents[count:]


def _outside_of(special_tokens: Collection[str], text: str, at: int) -> int:
    """Return the first index of the text from `at` on that is not inside a special token."""
    for name in special_tokens:
        start = text.find(name, max(0, at - len(name) + 1), at + len(name) - 1)
        if 0 <= start < at:
            return start + len(name)
    return at


def _encode(vocabulary: Vocabulary, documents: list[str], end: int | None, special: bool) -> Ids:
    """Return the ids of all documents joined, uint32[n], with `end` after each document unless it is None."""
    allowed: Literal["all"] | frozenset[str] = "all" if special else frozenset()
    parts = []
    for text in documents:
        if isinstance(vocabulary, Tokenizer):
            parts.append(vocabulary.encode_to_numpy(text, threads=None, allowed_special=allowed, disallowed_special=()))
        else:
            parts.append(np.array(encode_text(vocabulary, text, special=special), np.uint32))
        if end is not None:
            parts.append(np.array([end], np.uint32))
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.uint32), *parts])


def _read(paths: Sequence[Path], text_field: str) -> Iterator[str]:
    """Yield the documents of files. TrainingError if one is not UTF-8, or if there are more than MOST_BYTES bytes."""
    if sum(path.stat().st_size for path in paths) > MOST_BYTES:  # before anything is read
        raise TrainingError(TOO_LARGE)
    n_bytes = 0
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnicodeWarning)  # refused below
            documents = list(read_files([path], None, text_field))  # None: whole documents
        for document, _ in documents:
            n_bytes += len(document)
            if n_bytes > MOST_BYTES:
                raise TrainingError(TOO_LARGE)
            try:
                yield document.decode()
            except UnicodeDecodeError as error:
                raise TrainingError(f"{path} is not text in UTF-8 ({error.reason} at byte {error.start})") from None
