"""What a GPT learns from: ids of shards, of text files, or of the lines of a file, with a part held out."""

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
from pybpe.gpt.vocabulary import Vocabulary, encode_text, end_of_text
from pybpe.tokenizer import Tokenizer

HELD_OUT = 0.1  # of the text, its end
MOST_BYTES = 1 << 30  # of text that is encoded in memory
TOO_LARGE = "the text is larger than 1 GiB, which is too much to encode in memory; write shards first: pybpe encode"
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
    paths: Sequence[Path],
    vocabulary: Vocabulary | None,
    *,
    lines: bool,
    seed: int,
    text_field: str = TEXT_FIELD,
    special: bool = False,
) -> TrainingData:
    """Read the data of a folder of shards, or of text files as pybpe.data.readers reads them.

    vocabulary: None for the characters of the text. lines: each line of a text file is a document and a step takes one.
    seed: of the order of documents. text_field: the field or column with the text in .jsonl and .parquet files.
    special: special tokens in text files become their ids; otherwise they are ordinary text.

    Raises TrainingError, ShardError or TokenIdError for data that cannot be trained on, and what the readers raise.
    """
    rng = random.Random(seed)
    if not any(path.is_dir() for path in paths):
        read = read_lines if lines else read_text
        return read(paths, vocabulary, rng, text_field, special)
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
    inner = end if len(documents) > 1 else None  # a single document is cut in two, and ends in the second part
    return TrainingData(
        vocabulary, _encode(vocabulary, train, inner, special), _encode(vocabulary, held_out, end, special), rng
    )


def read_ids(
    paths: Sequence[Path], vocabulary: Vocabulary, *, text_field: str = TEXT_FIELD, special: bool = False
) -> Ids:
    """Return the ids of all text of files, uint32[n], as `read_text` encodes it but with none held out."""
    documents, separate = _documents(paths, text_field)
    return _encode(vocabulary, documents, end_of_text(vocabulary) if separate else None, special)


def read_lines(
    paths: Sequence[Path],
    vocabulary: Vocabulary | None,
    rng: random.Random,
    text_field: str = TEXT_FIELD,
    special: bool = False,
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
        vocabulary = _characters(lines, special)
    edge = vocabulary.eot_token
    documents = [[edge, *encode_text(vocabulary, line, special=special), edge] for line in lines]
    everything = np.array([id_ for document in documents for id_ in document[1:]], np.uint32)
    return TrainingData(vocabulary, everything, None, rng, documents)


def _documents(paths: Sequence[Path], text_field: str) -> tuple[list[str], bool]:
    """Return the documents of files, and True if they are separate texts; otherwise there is one."""
    documents = list(_read(paths, text_field))
    if any(map(has_fields, paths)):
        return documents, True
    return ["".join(documents)], False


def _characters(texts: Sequence[str], special: bool) -> Characters:
    """The characters of texts; if `special`, those of the end-of-text token are not among them where it is written."""
    return Characters(text.replace(END, "") for text in texts) if special else Characters(texts)


def _split(documents: list[str], special_tokens: Collection[str]) -> tuple[list[str], list[str]]:
    """Split documents into those to train on and the last tenth by characters, at least one of each.

    A single document is cut at the last line break before its last tenth, or where that begins if there is none, but
    not inside one of the special tokens.
    """
    edge = math.ceil(sum(map(len, documents)) * (1 - HELD_OUT))
    if not documents:
        return [], []
    if len(documents) == 1:
        text = documents[0]
        cut = _outside_of(special_tokens, text, text.rfind("\n", 0, edge) + 1 or edge)
        return [text[:cut]], [text[cut:]]
    ends = list(accumulate(map(len, documents)))
    count = min(max(1, bisect_right(ends, edge)), len(documents) - 1)
    return documents[:count], documents[count:]


def _outside_of(special_tokens: Collection[str], text: str, at: int) -> int:
    """Return the place nearest to `at`, from there on, that is not inside a special token in the text."""
    for name in special_tokens:
        start = text.find(name, max(0, at - len(name) + 1), at + len(name) - 1)
        if 0 <= start < at:
            return start + len(name)
    return at


def _encode(vocabulary: Vocabulary, documents: list[str], end: int | None, special: bool) -> Ids:
    """Return the ids of documents one after another as uint32, each followed by `end` unless that is None."""
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
