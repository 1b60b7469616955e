"""Encoders of ordinary segments, one of which `make_ordinary_encoder` chooses by the Definition.

The innermost encoder splits text by compiled code or by the regex module. For some vocabularies, others are wrapped
around it: they leave out bytes without a token, replace bytes that are not UTF-8, or join runs of the unknown token.
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


class OrdinaryEncoder(Protocol):
    """An encoder of ordinary text, given as str without lone surrogates or as bytes."""

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text to `ids`, on up to `threads` threads."""


def make_ordinary_encoder(definition: Definition, core: Encoder, split: Split, words: Words | None) -> OrdinaryEncoder:
    """Return the encoder of ordinary text by a definition. words: splits text if bytes are left out, else None."""
    encoder: OrdinaryEncoder
    if split.fallback is None:
        encoder = CompiledEncoder(core, split, definition.n_vocab)
    else:
        encoder = RegexEncoder(core, split.fallback)
    if words is not None and definition.model.dropped:
        encoder = DroppingEncoder(core, words, encoder)
    if definition.changes_words or definition.model.lacks_bytes:
        encoder = RepairingEncoder(encoder)
    return encoder if definition.unknown is None else UnknownRunEncoder(encoder, definition.unknown)


class CompiledEncoder:
    """An encoder that splits and merges in compiled code; several threads encode parts of a long text."""

    def __init__(self, core: Encoder, split: Split, n_vocab: int) -> None:
        self._core = core
        self._cut = split.cut
        self._fast = FastPath(core, lambda _, __: Plan(), n_vocab)

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see OrdinaryEncoder."""
        if threads == 1 or len(text) < 2 * PART_BYTES or self._cut is None:
            self._core.encode(text, ids)
            return
        content = to_utf8(text)
        parts = cut_in_parts(content, self._cut, min(threads, len(content) // PART_BYTES))
        bounds = array("q", bytes(8 * (len(parts) + 1)))
        joined = in_one_block(Batch(self._fast, parts, NONE, (), bounds, 1), threads)
        ids.take(joined)  # type: ignore[arg-type]  # not None: the fast path serves all bytes


class RegexEncoder:
    """An encoder that splits by the regex module."""

    def __init__(self, core: Encoder, splitter: RegexSplitter) -> None:
        self._core = core
        self._splitter = splitter

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see OrdinaryEncoder."""
        content = to_utf8(text)
        self._core.encode_split(content, self._splitter.ends(content), ids)


class DroppingEncoder:
    """An encoder that leaves out bytes without a token; texts without such bytes go to `encoder`."""

    def __init__(self, core: Encoder, words: Words, encoder: OrdinaryEncoder) -> None:
        self._core = core
        self._words = words
        self._encoder = encoder

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see OrdinaryEncoder."""
        content = to_utf8(text)
        if self._words.drops_of(content):
            self._core.encode_split(*self._words.without_dropped(content), ids)
        else:
            self._encoder.append(text, ids, threads)


class RepairingEncoder:
    """An encoder that replaces bytes that are not UTF-8 by U+FFFD before `encoder`."""

    def __init__(self, encoder: OrdinaryEncoder) -> None:
        self._encoder = encoder

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see OrdinaryEncoder."""
        self._encoder.append(to_text(text).encode() if isinstance(text, bytes) else text, ids, threads)


class UnknownRunEncoder:
    """An encoder that replaces each run of the unknown token, as `encoder` gives it, by one id."""

    def __init__(self, encoder: OrdinaryEncoder, unknown: int) -> None:
        self._encoder = encoder
        self._unknown = unknown

    def append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text; see OrdinaryEncoder."""
        start = len(ids)
        self._encoder.append(text, ids, threads)
        ids.unite(start, self._unknown)


def make_marks(definition: Definition) -> Marks | None:
    """Return the changes to words before they merge; None if there are none."""
    if not definition.changes_words:
        return None
    prefix, suffix = definition.model.marks
    return Marks(bool(prefix), bool(suffix), definition.drops_space)


def in_one_block(batch: Batch, threads: int) -> IdBuffer | None:
    """Return the ids of all texts of a batch, encoded on `threads` threads; None if the fast path refuses one."""
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
