"""Text to ids: one text, many texts, and the texts that need Python code. What the methods of Tokenizer stand on.

A text takes the fast path (`FastPath`), which is compiled as a whole, if that serves it. If not (a special token in it
is refused, it has lone surrogates, or the tokenizer does more to a text than split and merge), it takes the general
path: pieces, which are ids or ordinary text, and the words of each.
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
from pybpe._core.marks import Marks
from pybpe._core.names import Plan
from pybpe.definition import Definition
from pybpe.encode.plans import Plans
from pybpe.encode.segmenter import Cut, Segmenter
from pybpe.encode.sentencepiece_segmenter import SentencePieceSegmenter
from pybpe.encode.special_tokens import Allowed, Disallowed, SpecialTokens, Text
from pybpe.encode.words import Words
from pybpe.pretokenization.patterns import Split, prepare
from pybpe.util.parallel import PART_BYTES, bounds_of_parts, check_threads, cut_in_parts, map_in_order, run_on_threads
from pybpe.util.utf8 import repair_surrogates, to_text, to_utf8

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pybpe.encode.offsets import Span, Unit

NONE: frozenset[str] = frozenset()


class TextEncoder:
    """Encodes by one Definition. Immutable but for its caches; any number of threads may call it."""

    def __init__(self, definition: Definition) -> None:
        self.split = prepare(definition.pattern)
        self.pieces = _pieces(definition)
        marks = _marks(definition)
        self._words = _words(definition, self.split) if marks or definition.drops_bytes else None
        self.special = SpecialTokens(definition.special_tokens, self.pieces.normal)
        # Else names need a look at the text.
        self._sized_by_id = self.pieces.plain and definition.shared_id is None and self._words is None
        self._utf8_only = marks is not None or definition.lacks_bytes
        self._rest_size = len(definition.continuing_subword_prefix.encode())
        self._end_size = len(definition.end_of_word_suffix.encode())
        symbols = definition.symbols
        self.core = Encoder(
            symbols.vocabulary if symbols else definition.vocabulary,
            definition.table,
            self.split.scanner,
            definition.rule == "ranks" or definition.ignore_merges,
            symbols.emission if symbols else None,
            marks,
        )
        # What a run of characters without a token is, where these are not written as bytes.
        self._unknown = definition.scores.unknown if definition.scores and not definition.scores.byte_ids else None
        serves = self.split.scanner is not None and self._unknown is None and not definition.drops_bytes
        plans = Plans(self.special, self.pieces, definition.names) if serves else _no_plan
        alone = None if self.pieces.is_verbatim else self.pieces.alone
        self.fast = FastPath(self.core, plans, definition.n_vocab, self._utf8_only, alone)
        self._ordinary = FastPath(self.core, lambda _, __: Plan(), definition.n_vocab)  # of text that is only split

    @functools.cached_property
    def to_array(self) -> Callable[[Text, Allowed, Disallowed], npt.NDArray[np.uint32] | None]:
        """As `fast.to_list`, uint32[n]."""
        from pybpe._core.arrays import to_array  # here, because it imports numpy

        return functools.partial(to_array, self.fast)

    @functools.cached_property
    def cut(self) -> Cut | None:
        """See Tokenizer.cut."""
        return self.pieces.cut(self.split.cut)

    def ordinary(self, text: Text) -> IdBuffer:
        """The ids of a text in which special tokens are text like any other."""
        return self.encode(text, NONE, ())

    def encode(self, text: Text, allowed: Allowed, disallowed: Disallowed, threads: int = 1) -> IdBuffer:
        """The ids of a text, by the policy of SpecialTokens."""
        ids = IdBuffer()
        if threads > 1 and len(text) >= 2 * PART_BYTES and not self.fast.has_names(text, allowed, disallowed):
            self._append(text, ids, threads)
        else:
            self._append_text(text, allowed, disallowed, ids, threads)
        return ids

    def count(self, text: Text) -> int:
        """How many ids `ordinary` gives."""
        ids = IdBuffer(kept=self._unknown is not None)
        self._append_text(text, NONE, (), ids)
        return len(ids)

    def with_dropout(self, text: Text, p: float, seed: int) -> IdBuffer:
        """See Tokenizer.encode_with_dropout."""
        ids = IdBuffer()
        for number, piece in enumerate(self.pieces.split(to_utf8(text), NONE)):
            if isinstance(piece, int):
                ids.append(piece)
            else:
                self.core.encode_with_dropout(self.split.split(to_utf8(piece)), p, seed ^ number, ids)
        return ids

    def with_offsets(
        self, text: Text, allowed: Allowed, disallowed: Disallowed, unit: Unit, sizes: npt.NDArray[np.int64]
    ) -> tuple[list[int], list[Span]]:
        """The ids of a text, by the policy of SpecialTokens, and the place of each; sizes: the bytes of every id."""
        from pybpe.encode.offsets import read_spans, token_spans

        def encode_sized(piece: bytes) -> tuple[list[int], npt.NDArray[np.int64]]:
            ids = IdBuffer()
            if self._words is not None:
                if self._words.drops_of(piece):
                    raise ValueError("the text has characters with bytes that have no tokens, so it is not known where")
                self.core.encode_split(piece, array("q", [len(piece)]), ids)
            else:
                self._append(piece, ids)
            listed = ids.to_list(self.fast.ints)
            if self._unknown in listed:
                raise ValueError(
                    "the text has characters without a token, and the unknown token stands for any number of them: "
                    "where they are is not known"
                )
            of_ids = sizes[ids.to_numpy()]
            of_ids[1:] -= self._rest_size  # which stands in no text
            of_ids[-1:] -= self._end_size
            return listed, of_ids

        content = to_utf8(text)
        if not self._sized_by_id:
            decoded = content.decode("utf-8", "surrogateescape")
            pieces = self.pieces.split_with_offsets(decoded, self.special.allowed_in(text, allowed, disallowed))
            return read_spans(
                self._words.split_with_offsets(pieces) if self._words else pieces, decoded, encode_sized, unit
            )
        ids = IdBuffer()
        self._append_text(text, allowed, disallowed, ids)
        return ids.to_list(self.fast.ints), token_spans(sizes[ids.to_numpy()], content, unit)

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
        ids = _in_one_block(Batch(self.fast, texts, allowed, disallowed, offsets, PART_BYTES), threads)
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
            ids = spare.pop() if spare else IdBuffer(kept=kept or self._unknown is not None)
            part = texts[slice(*bounds)]
            offsets = array("q", bytes(8 * (len(part) + 1)))
            if not self.fast.append_many(part, allowed, disallowed, ids, offsets):
                for i, text in enumerate(part):
                    self._append_text(text, allowed, disallowed, ids)
                    offsets[i + 1] = len(ids)
            return ids, offsets

        parts = bounds_of_parts(list(map(len, texts)), PART_BYTES)
        for ids, offsets in map_in_order(encode_part, parts, min(check_threads(threads), len(parts))):
            yield ids, offsets
            ids.clear()
            spare.append(ids)

    def _append_text(
        self, text: Text, allowed: Allowed, disallowed: Disallowed, ids: IdBuffer, threads: int = 1
    ) -> None:
        """Append the ids of a text, by the policy of SpecialTokens."""
        if not self.fast.append(text, allowed, disallowed, ids):
            self._append_pieces(text, self.special.allowed_in(text, allowed, disallowed), ids, threads)

    def _append_pieces(self, text: Text, found: frozenset[str], ids: IdBuffer, threads: int = 1) -> None:
        """Encode text in which the special tokens `found` become their ids."""
        for piece in self.pieces.split(text, found):
            if isinstance(piece, int):
                ids.append(piece)
            else:
                self._append(piece, ids, threads)

    def _append(self, text: Text, ids: IdBuffer, threads: int = 1) -> None:
        """Encode ordinary text to the end of `ids`."""
        start = len(ids)
        if self._utf8_only and isinstance(text, bytes):
            text = to_text(text).encode()
        try:
            if self._words is not None and self._words.drops_of(content := to_utf8(text)):
                self.core.encode_split(*self._words.without_dropped(content), ids)
            elif threads > 1 and len(text) >= 2 * PART_BYTES and self.split.scanner and self.split.cut:
                parts = cut_in_parts(content := to_utf8(text), self.split.cut, min(threads, len(content) // PART_BYTES))
                offsets = array("q", bytes(8 * (len(parts) + 1)))
                joined = _in_one_block(Batch(self._ordinary, parts, NONE, (), offsets, 1), threads)
                ids.take(joined)  # type: ignore[arg-type]  # bytes are always served
            elif self.split.fallback is None:
                self.core.encode(text, ids)
            else:
                content = text.encode() if isinstance(text, str) else text
                self.core.encode_split(content, self.split.fallback.ends(content), ids)
        except UnicodeEncodeError:
            # Bytes are never encoded. Joined surrogates are characters, which can have a normal form.
            self._append_pieces(repair_surrogates(text), NONE, ids)  # type: ignore[arg-type]
        if self._unknown is not None:
            ids.unite(start, self._unknown)


def _no_plan(allowed: Allowed, disallowed: Disallowed) -> None:
    """Say that the fast path serves no text."""


def _marks(definition: Definition) -> Marks | None:
    """What is done to words, where they are not merged as they stand in a text."""
    if not (definition.continuing_subword_prefix or definition.end_of_word_suffix or definition.drops_space):
        return None
    return Marks(
        bool(definition.continuing_subword_prefix), bool(definition.end_of_word_suffix), definition.drops_space
    )


def _words(definition: Definition, split: Split) -> Words:
    return Words(split, definition.drops_space, definition.missing_bytes if definition.drops_bytes else b"")


def _pieces(definition: Definition) -> Segmenter | SentencePieceSegmenter:
    preprocessing = definition.preprocessing
    if preprocessing.sentencepiece is None:
        return Segmenter(preprocessing, definition.special_tokens)
    return SentencePieceSegmenter(preprocessing, preprocessing.sentencepiece, definition.special_tokens)


def _listed(texts: Iterable[Text]) -> list[Text]:
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts is one text; pass a list of them")
    return list(texts)


def _checked(texts: list[Text]) -> list[Text]:
    for text in texts:
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
    return texts


def _in_one_block(batch: Batch, threads: int) -> IdBuffer | None:
    """The ids of all texts of a batch, encoded on so many threads; None if its path does not serve one of them."""
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
