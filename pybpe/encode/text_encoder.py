"""The encoder of a Codec: one text or many texts to ids.

A text takes the compiled fast path (`FastPath`) if that serves it. It takes the general path if it holds a special
token that is refused or a lone surrogate, or if the tokenizer does more than the fast path can. The general path cuts
the text into segments, ids or ordinary text, and encodes each ordinary segment by the encoder chosen in the
constructor.
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
from pybpe.encode.ordinary import NONE, in_one_block, make_marks, make_ordinary_encoder
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
    """An encoder by one Definition. Immutable except for its caches; any number of threads may use one."""

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
        # Words are made in Python if some words or bytes are left out.
        changed = definition.changes_words or bool(model.dropped)
        self.words = Words(self.split, definition.drops_space, model.dropped) if changed else None
        self.ordinary_encoder = make_ordinary_encoder(definition, self.core, self.split, self.words)
        # Runs of the unknown token become one id, so ids must be kept to be counted.
        self._unites = definition.unknown is not None
        served = self.split.scanner is not None and not self._unites and not model.dropped
        self.fast = FastPath(
            self.core,
            Plans(self.special, self.segmenter, definition.names) if served else _no_plan,
            definition.n_vocab,
            definition.changes_words or model.lacks_bytes,
            None if self.segmenter.is_verbatim else self.segmenter.as_one_segment,
        )

    @functools.cached_property
    def to_array(self) -> Callable[[Text, Allowed, Disallowed], npt.NDArray[np.uint32] | None]:
        """A function as `fast.to_list` that returns uint32[n]."""
        from pybpe._core.arrays import to_array  # here, because it imports numpy

        return functools.partial(to_array, self.fast)

    @functools.cached_property
    def cut(self) -> Cut | None:
        """A function that returns the last safe cut of a text; see Tokenizer.cut."""
        return self.segmenter.cut(self.split.cut)

    def ordinary(self, text: Text) -> IdBuffer:
        """Return the ids of a text. Special tokens in it are encoded as ordinary text."""
        return self.encode(text, NONE, ())

    def encode(self, text: Text, allowed: Allowed, disallowed: Disallowed, threads: int = 1) -> IdBuffer:
        """Return the ids of a text by the policy of SpecialTokens. A long text is encoded on `threads` threads."""
        ids = IdBuffer()
        if threads > 1 and len(text) >= 2 * PART_BYTES and not self.fast.has_names(text, allowed, disallowed):
            self.ordinary_encoder.append(join_surrogates(text), ids, threads)
        else:
            self._append(text, allowed, disallowed, ids, threads)
        return ids

    def count(self, text: Text) -> int:
        """Return the number of ids that `ordinary` gives."""
        ids = IdBuffer(kept=self._unites)
        self._append(text, NONE, (), ids)
        return len(ids)

    def with_dropout(self, text: Text, p: float, seed: int) -> IdBuffer:
        """Return ids of a text from a random segmentation; see Tokenizer.encode_with_dropout."""
        ids = IdBuffer()
        for number, segment in enumerate(self.segmenter.split(to_utf8(text), NONE)):
            if isinstance(segment, int):
                ids.append(segment)
            else:
                self.core.encode_with_dropout(self.split.split(to_utf8(segment)), p, seed ^ number, ids)
        return ids

    def lists(
        self, texts: Iterable[Text], threads: int | None, allowed: Allowed, disallowed: Disallowed
    ) -> list[list[int]]:
        """Return the ids of each text as a list of lists."""
        parts = self._parts(_checked(_listed(texts)), threads, allowed, disallowed)
        lists = [ids for part, bounds in parts for ids in part.to_lists(self.fast.ints, bounds)]
        track(lists)
        return lists

    def counted(self, texts: Iterable[Text], threads: int | None) -> Iterator[array[int]]:
        """Yield, for each part of the texts, where the ids of each text begin and end, int64[n_texts + 1] from 0.

        The ids are those of `ordinary`; they are counted and not kept.
        """
        return (bounds for _, bounds in self._parts(_checked(_listed(texts)), threads, NONE, (), kept=False))

    def joined(
        self, texts: Iterable[Text], threads: int | None, allowed: Allowed, disallowed: Disallowed
    ) -> tuple[IdBuffer, array[int]]:
        """Return the ids of all texts, and where each text begins and ends in them, int64[n_texts + 1]."""
        texts, threads = _listed(texts), check_threads(threads)
        bounds = array("q", bytes(8 * (len(texts) + 1)))
        ids = in_one_block(Batch(self.fast, texts, allowed, disallowed, bounds, PART_BYTES), threads)
        if ids is not None:
            return ids, bounds
        ids, bounds = IdBuffer(expected=sum(map(len, _checked(texts)))), array("q", [0])
        for part, part_bounds in self._parts(texts, threads, allowed, disallowed):
            begin = len(ids)
            bounds.extend([begin + bound for bound in part_bounds[1:]])
            ids.take(part)
        return ids, bounds

    def _parts(
        self, texts: list[Text], threads: int | None, allowed: Allowed, disallowed: Disallowed, kept: bool = True
    ) -> Iterator[tuple[IdBuffer, array[int]]]:
        """Yield, for each part of the texts in order, its ids and where each text begins and ends in them, from 0.

        The ids of a part are cleared when the next part is requested. kept: False to count ids without keeping them.
        """
        spare: list[IdBuffer] = []  # buffers to use again: allocating new memory takes longer than encoding into it

        def encode_part(part_of_texts: tuple[int, int]) -> tuple[IdBuffer, array[int]]:
            ids = spare.pop() if spare else IdBuffer(kept=kept or self._unites)
            part = texts[slice(*part_of_texts)]
            bounds = array("q", bytes(8 * (len(part) + 1)))
            if not self.fast.append_many(part, allowed, disallowed, ids, bounds):
                for i, text in enumerate(part):
                    self._append(text, allowed, disallowed, ids)
                    bounds[i + 1] = len(ids)
            return ids, bounds

        parts = bounds_of_parts(list(map(len, texts)), PART_BYTES)
        for ids, bounds in map_in_order(encode_part, parts, min(check_threads(threads), len(parts))):
            yield ids, bounds
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
                self.ordinary_encoder.append(segment, ids, threads)


def make_segmenter(definition: Definition) -> Segmenter | SentencePieceSegmenter:
    """Return the segmenter of a definition."""
    preprocessing = definition.preprocessing
    if preprocessing.sentencepiece is None:
        return Segmenter(preprocessing, definition.special_tokens)
    return SentencePieceSegmenter(preprocessing, preprocessing.sentencepiece, definition.special_tokens)


def _no_plan(allowed: Allowed, disallowed: Disallowed) -> None:
    """Return None: the fast path serves no text."""


def _listed(texts: Iterable[Text]) -> list[Text]:
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts is one text; pass a list of them")
    return list(texts)


def _checked(texts: list[Text]) -> list[Text]:
    for text in texts:
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
    return texts
