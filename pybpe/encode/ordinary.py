"""Ordinary text to ids: one segment at a time, in the way that a tokenizer needs.

`ordinary_way` chooses that way once, by the Definition: the compiled code or the regex module splits the text, and
around it come, where a vocabulary asks for them, leaving out bytes, repairing what is not UTF-8, and uniting runs of
the unknown token.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Protocol

from pybpe._core.batch import Batch
from pybpe._core.encode import Encoder
from pybpe._core.fast_path import FastPath
from pybpe._core.ids import IdBuffer
from pybpe._core.marks import Marks
from pybpe._core.names import Plan
from pybpe.definition import Definition
from pybpe.encode.words import Words
from pybpe.pretokenization.patterns import Split
from pybpe.util.parallel import PART_BYTES, cut_in_parts, run_on_threads
from pybpe.util.utf8 import to_text, to_utf8

if TYPE_CHECKING:
    from pybpe.pretokenization.regex_splitter import RegexSplitter

Text = str | bytes
NONE: frozenset[str] = frozenset()


class Way(Protocol):
    """A way to encode ordinary text, str or UTF-8 without lone surrogates."""

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text to `ids`, on several threads where the way can."""


def ordinary_way(definition: Definition, core: Encoder, split: Split, words: Words | None) -> Way:
    """Return the way to encode by a definition; `words` makes words in Python where the compiled code cannot."""
    way: Way = Compiled(core, split, definition.n_vocab) if split.fallback is None else ByRegex(core, split.fallback)
    if words is not None and definition.model.dropped:
        way = LeavingOutBytes(core, words, way)
    if definition.changes_words or definition.model.lacks_bytes:
        way = Repairing(way)
    return way if definition.unknown is None else UnitingUnknown(way, definition.unknown)


class Compiled:
    """The compiled code splits and merges; a long text is cut in parts for several threads."""

    def __init__(self, core: Encoder, split: Split, n_vocab: int) -> None:
        self._core = core
        self._cut = split.cut
        self._fast = FastPath(core, lambda _, __: Plan(), n_vocab)

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see Way."""
        if threads == 1 or len(text) < 2 * PART_BYTES or self._cut is None:
            self._core.encode(text, ids)
            return
        content = to_utf8(text)
        parts = cut_in_parts(content, self._cut, min(threads, len(content) // PART_BYTES))
        offsets = array("q", bytes(8 * (len(parts) + 1)))
        joined = in_one_block(Batch(self._fast, parts, NONE, (), offsets, 1), threads)
        ids.take(joined)  # type: ignore[arg-type]  # bytes are always served


class ByRegex:
    """The regex module splits."""

    def __init__(self, core: Encoder, splitter: RegexSplitter) -> None:
        self._core = core
        self._splitter = splitter

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see Way."""
        content = to_utf8(text)
        self._core.encode_split(content, self._splitter.ends(content), ids)


class LeavingOutBytes:
    """A text with bytes that have no token is split in Python, and its words lose these bytes."""

    def __init__(self, core: Encoder, words: Words, way: Way) -> None:
        self._core = core
        self._words = words
        self._way = way

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see Way."""
        content = to_utf8(text)
        if self._words.drops_of(content):
            self._core.encode_split(*self._words.without_dropped(content), ids)
        else:
            self._way.append(text, ids, threads)


class Repairing:
    """Bytes that are not UTF-8 become U+FFFD first."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see Way."""
        self._way.append(to_text(text).encode() if isinstance(text, bytes) else text, ids, threads)


class UnitingUnknown:
    """Of the unknown token several in a row become one."""

    def __init__(self, way: Way, unknown: int) -> None:
        self._way = way
        self._unknown = unknown

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see Way."""
        start = len(ids)
        self._way.append(text, ids, threads)
        ids.unite(start, self._unknown)


def make_marks(definition: Definition) -> Marks | None:
    """Return what is done to words before they merge; None where they merge as they stand in the text."""
    if not definition.changes_words:
        return None
    prefix, suffix = definition.model.marks
    return Marks(bool(prefix), bool(suffix), definition.drops_space)


def in_one_block(batch: Batch, threads: int) -> IdBuffer | None:
    """Return the ids of all texts of a batch, encoded on `threads` threads; None if one is not served."""
    helpers = run_on_threads(batch.run, min(threads, batch.parts) - 1)
    try:
        batch.run(signals=True)
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    except BaseException:
        batch.stop()
        raise
    return batch.finish()
