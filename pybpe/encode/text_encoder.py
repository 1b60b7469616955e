"""Text to ids: one text, many texts, and the texts that need Python code. What a Codec encodes with.

A text takes the fast path (`FastPath`), which is compiled as a whole, if that serves it. If not (a special token in it
is refused, it has lone surrogates, or the tokenizer does more to a text than split and merge), it takes the general
path: segments, which are ids or ordinary text, and the ids of each ordinary one in the way chosen at birth.
"""

from __future__ import annotations

import functools
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pybpe._core.batch import Batch
from pybpe._core.encode import Encoder
from pybpe._core.fast_path import FastPath
from pybpe._core.ids import IdBuffer, track
from pybpe.definition import Definition
from pybpe.encode.ordinary import NONE, in_one_block, make_marks, ordinary_way
from pybpe.encode.plans import Plans
from pybpe.encode.segmenter import Cut, Segmenter
from pybpe.encode.sentencepiece_segmenter import SentencePieceSegmenter
from pybpe.encode.special_tokens import Allowed, Disallowed, SpecialTokens, Text
from pybpe.encode.words import Words
from pybpe.pretokenization.patterns import prepare
from pybpe.util.parallel import PART_BYTES, bounds_of_parts, check_threads, map_in_order
from pybpe.util.utf8 import join_surrogates, to_utf8

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class TextEncoder:
    """Encodes by one Definition. Immutable but for its caches; any number of threads may call it."""

    def __init__(self, definition: Definition) -> None:
        model = definition.model
        self.split = prepare(definition.pattern)
        self.segmenter = make_segmenter(definition)
        self.special = SpecialTokens(definition.special_tokens, self.segmenter.normal)
        self.core = Encoder(
            model.symbols.vocabulary if model.symbols else model.vocabulary,
            model.table,
            self.split.scanner,
            model.ignore_merges,
            model.symbols.emission if model.symbols else None,
            make_marks(definition),
        )
        # Words that are made in Python, where they are not just the parts of a text.
        changed = definition.changes_words or bool(model.dropped)
        self.words = Words(self.split, definition.drops_space, model.dropped) if changed else None
        self.way = ordinary_way(definition, self.core, self.split, self.words)
        self._unites = definition.unknown is not None  # then ids must be kept to be counted
        served = self.split.scanner is not None and not self._unites and not model.dropped
        self.fast = FastPath(
            self.core,
            Plans(self.special, self.segmenter, definition.names) if served else _no_plan,
            definition.n_vocab,
            definition.changes_words or model.lacks_bytes,
            None if self.segmenter.is_verbatim else self.segmenter.alone,
        )

    @functools.cached_property
    def to_array(self) -> Callable[[Text, Allowed, Disallowed], npt.NDArray[np.uint32] | None]:
        """As `fast.to_list`, uint32[n]."""
        from pybpe._core.arrays import to_array  # here, because it imports numpy

        return functools.partial(to_array, self.fast)

    @functools.cached_property
    def cut(self) -> Cut | None:
        """See Tokenizer.cut."""
        return self.segmenter.cut(self.split.cut)

    def ordinary(self, text: Text) -> IdBuffer:
        """The ids of a text in which special tokens are text like any other."""
        return self.encode(text, NONE, ())

    def encode(self, text: Text, allowed: Allowed, disallowed: Disallowed, threads: int = 1) -> IdBuffer:
        """The ids of a text, by the policy of SpecialTokens."""
        ids = IdBuffer()
        if threads > 1 and len(text) >= 2 * PART_BYTES and not self.fast.has_names(text, allowed, disallowed):
            self.way.append(join_surrogates(text), ids, threads)
        else:
            self._append(text, allowed, disallowed, ids, threads)
        return ids

    def count(self, text: Text) -> int:
        """How many ids `ordinary` gives."""
        ids = IdBuffer(kept=self._unites)
        self._append(text, NONE, (), ids)
        return len(ids)

    def with_dropout(self, text: Text, p: float, seed: int) -> IdBuffer:
        """See Tokenizer.encode_with_dropout."""
        ids = IdBuffer()
        for number, piece in enumerate(self.segmenter.split(to_utf8(text), NONE)):
            if isinstance(piece, int):
                ids.append(piece)
            else:
                self.core.encode_with_dropout(self.split.split(to_utf8(piece)), p, seed ^ number, ids)
        return ids

    def lists(
        self, texts: Iterable[Text], threads: int | None, allowed: Allowed, disallowed: Disallowed
    ) -> list[list[int]]:
        """The ids of each text."""
        parts = self._parts(_checked(_listed(texts)), threads, allowed, disallowed)
        lists = [ids for part, offsets in parts for ids in part.to_lists(self.fast.ints, offsets)]
        track(lists)
        return lists

    def counted(self, texts: Iterable[Text], threads: int | None) -> Iterator[array[int]]:
        """Where the ids that `ordinary` gives for each text would end, int64, from 0 on for each part of the texts."""
        return (offsets for _, offsets in self._parts(_checked(_listed(texts)), threads, NONE, (), kept=False))

    def joined(
        self, texts: Iterable[Text], threads: int | None, allowed: Allowed, disallowed: Disallowed
    ) -> tuple[IdBuffer, array[int]]:
        """The ids of all texts, and where in them each text begins and the last one ends, int64."""
        texts, threads = _listed(texts), check_threads(threads)
        offsets = array("q", bytes(8 * (len(texts) + 1)))
        ids = in_one_block(Batch(self.fast, texts, allowed, disallowed, offsets, PART_BYTES), threads)
        if ids is not None:
            return ids, offsets
        ids, offsets = IdBuffer(expected=sum(map(len, _checked(texts)))), array("q", [0])
        for part, part_offsets in self._parts(texts, threads, allowed, disallowed):
            begin = len(ids)
            offsets.extend([begin + offset for offset in part_offsets[1:]])
            ids.take(part)
        return ids, offsets

    def _parts(
        self, texts: list[Text], threads: int | None, allowed: Allowed, disallowed: Disallowed, kept: bool = True
    ) -> Iterator[tuple[IdBuffer, array[int]]]:
        """The ids of consecutive texts and where in them each ends, int64, from 0 on; in parts, as threads finish them.

        A part's ids are gone when the next part is asked for. Without `kept` they are counted and forgotten.
        """
        spare: list[IdBuffer] = []  # whose memory is used again: fresh memory costs more than encoding into it

        def encode_part(bounds: tuple[int, int]) -> tuple[IdBuffer, array[int]]:
            ids = spare.pop() if spare else IdBuffer(kept=kept or self._unites)
            part = texts[slice(*bounds)]
            offsets = array("q", bytes(8 * (len(part) + 1)))
            if not self.fast.append_many(part, allowed, disallowed, ids, offsets):
                for i, text in enumerate(part):
                    self._append(text, allowed, disallowed, ids)
                    offsets[i + 1] = len(ids)
            return ids, offsets

        parts = bounds_of_parts(list(map(len, texts)), PART_BYTES)
        for ids, offsets in map_in_order(encode_part, parts, min(check_threads(threads), len(parts))):
            yield ids, offsets
            ids.clear()
            spare.append(ids)

    def _append(self, text: Text, allowed: Allowed, disallowed: Disallowed, ids: IdBuffer, threads: int = 1) -> None:
        """Append the ids of a text, by the policy of SpecialTokens."""
        if self.fast.append(text, allowed, disallowed, ids):
            return
        found = self.special.allowed_in(text, allowed, disallowed)
        for segment in self.segmenter.split(join_surrogates(text), found):
            if isinstance(segment, int):
                ids.append(segment)
            else:
                self.way.append(segment, ids, threads)


def make_segmenter(definition: Definition) -> Segmenter | SentencePieceSegmenter:
    """Return what cuts text in segments, as a definition says."""
    preprocessing = definition.preprocessing
    if preprocessing.sentencepiece is None:
        return Segmenter(preprocessing, definition.special_tokens)
    return SentencePieceSegmenter(preprocessing, preprocessing.sentencepiece, definition.special_tokens)


def _no_plan(allowed: Allowed, disallowed: Disallowed) -> None:
    """Say that the fast path serves no text."""


def _listed(texts: Iterable[Text]) -> list[Text]:
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts is one text; pass a list of them")
    return list(texts)


def _checked(texts: list[Text]) -> list[Text]:
    for text in texts:
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
    return texts
