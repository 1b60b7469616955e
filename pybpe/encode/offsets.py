"""Encoding with offsets: the ids of a text, and the (start, end) of each id in it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

from pybpe._core.ids import IdBuffer
from pybpe.definition import Definition
from pybpe.encode.segments import Located
from pybpe.encode.special_tokens import Allowed, Disallowed, Text
from pybpe.encode.text_encoder import TextEncoder
from pybpe.util.utf8 import to_utf8

Unit = Literal["char", "byte"]
Span = tuple[int, int]


class OffsetEncoder:
    """An encoder that also gives the offsets of each id. Immutable.

    sizes: the size of each token in bytes, int64[n_vocab].
    """

    def __init__(self, definition: Definition, encoder: TextEncoder, sizes: npt.NDArray[np.int64]) -> None:
        self._encoder = encoder
        self._sizes = sizes
        self._unknown = definition.unknown
        self._prefix, self._suffix = (len(mark.encode()) for mark in definition.model.marks)
        # True if offsets follow from the sizes of the tokens alone.
        self._by_size = encoder.segmenter.plain and definition.shared_id is None and encoder.words is None

    def encode(self, text: Text, allowed: Allowed, disallowed: Disallowed, unit: Unit) -> tuple[list[int], list[Span]]:
        """Return the ids of a text by the policy of SpecialTokens, and the (start, end) of each in the text.

        unit: "char" or "byte". Raises ValueError for another unit, and if no offsets can be given.
        """
        encoder, content = self._encoder, to_utf8(text)
        if self._by_size:
            ids = encoder.encode(text, allowed, disallowed)
            return ids.to_list(encoder.fast.ints), token_spans(self._sizes[ids.to_numpy()], content, unit)
        decoded = content.decode("utf-8", "surrogateescape")
        found = encoder.special.allowed_in(text, allowed, disallowed)
        segments = encoder.segmenter.split_with_offsets(decoded, found)
        if encoder.words is not None:
            return read_spans(encoder.words.split_with_offsets(segments), decoded, self._encode_word, unit)
        return read_spans(segments, decoded, self._encode_segment, unit)

    def _encode_segment(self, segment: bytes) -> tuple[list[int], npt.NDArray[np.int64]]:
        """Return the ids of an ordinary segment, and the size of each in bytes, int64[n]."""
        ids = IdBuffer()
        self._encoder.ordinary_encoder.append(segment, ids)
        return self._sized(ids)

    def _encode_word(self, word: bytes) -> tuple[list[int], npt.NDArray[np.int64]]:
        """Return the ids of one word, and the size of each in bytes, int64[n], without the marks of its ends."""
        if self._encoder.words is not None and self._encoder.words.drops_of(word):
            raise ValueError("offsets are not available: the text has bytes without a token, which are left out")
        ids = IdBuffer()
        self._encoder.core.encode_split(word, array("q", [len(word)]), ids)
        listed, sizes = self._sized(ids)
        sizes[1:] -= self._prefix
        sizes[-1:] -= self._suffix
        return listed, sizes

    def _sized(self, ids: IdBuffer) -> tuple[list[int], npt.NDArray[np.int64]]:
        listed = ids.to_list(self._encoder.fast.ints)
        if self._unknown in listed:
            raise ValueError(
                "offsets are not available: the text has characters without a token, and one unknown token stands for "
                "any number of them"
            )
        return listed, self._sizes[ids.to_numpy()]


def token_spans(sizes: npt.NDArray[np.int64], text: bytes, unit: Unit) -> list[tuple[int, int]]:
    """Return the (start, end) of the tokens that make up UTF-8 `text`.

    sizes: the size of each token in bytes, int64[n]. unit: "char" or "byte". In bytes the spans follow each other
    without gap or overlap. In characters the span of a token that holds part of a character includes the whole
    character, so that spans may overlap.
    """
    _check_unit(unit)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    if unit == "char" and not text.isascii():
        place = _char_of_byte(text)
        starts, ends = place[starts], place[ends - 1] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def read_spans(
    segments: Iterable[Located],
    text: str,
    encode: Callable[[bytes], tuple[list[int], npt.NDArray[np.int64]]],
    unit: Unit,
) -> tuple[list[int], list[Span]]:
    """Return the ids of the segments of a text, and the (start, end) of each in the text.

    segments: from `Segmenter.split_with_offsets`. encode: returns the ids of an ordinary segment, and the size of each
    in bytes, int64[n]. unit: "char" or "byte".
    """
    _check_unit(unit)
    char_of_byte = np.append(_char_of_byte(text.encode("utf-8", "surrogateescape")), len(text))
    byte_of_char = np.searchsorted(char_of_byte, np.arange(len(text) + 1))
    all_ids, starts, ends = [], [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for segment in segments:
        content, places, start, end, _ = segment
        if isinstance(content, int):
            all_ids.append(content)
            starts.append(byte_of_char[start : start + 1])
            ends.append(byte_of_char[end : end + 1])
            continue
        ids, sizes = encode(content.encode("utf-8", "surrogateescape"))
        all_ids += ids
        last = np.cumsum(sizes)
        if places is None:
            starts.append(byte_of_char[start] + last - sizes)
            ends.append(byte_of_char[start] + last)
        else:
            byte_starts, byte_ends = _byte_places(content, places, text, byte_of_char)
            starts.append(byte_starts[last - sizes])
            ends.append(byte_ends[last - 1])
    first, last = np.concatenate(starts), np.concatenate(ends)
    if unit == "char":
        first, last = char_of_byte[first], np.where(last > first, char_of_byte[last - 1] + 1, char_of_byte[first])
    return all_ids, list(zip(first.tolist(), last.tolist(), strict=True))


def _byte_places(
    segment: str, places: list[Span], text: str, byte_of_char: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the starts and the ends in the text, in bytes, of each byte of a segment: two arrays int64[n].

    places: the (start, end) of each character of the segment in the text, in characters. byte_of_char: where each
    character of the text begins, int64[len(text) + 1].
    """
    starts: list[int] = []
    ends: list[int] = []
    for char, (first, last) in zip(segment, places, strict=True):
        start, end = int(byte_of_char[first]), int(byte_of_char[last])
        if text[first:last] == char:
            starts += range(start, end)
            ends += range(start + 1, end + 1)
        else:
            width = len(char.encode("utf-8", "surrogateescape"))
            starts += [start] * width
            ends += [end] * width
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)


def _check_unit(unit: str) -> None:
    if unit not in ("char", "byte"):
        raise ValueError(f"unit is {unit!r}, must be 'char' or 'byte'")


def _char_of_byte(text: bytes) -> npt.NDArray[np.int64]:
    """Return the number of the character that each byte belongs to, int64[len(text)].

    A byte that is not UTF-8 is a character of its own.
    """
    chars = text.decode("utf-8", "surrogateescape").encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(chars, dtype="<u4")
    widths = 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)
    widths[(points >= 0xDC80) & (points <= 0xDCFF)] = 1
    return np.repeat(np.arange(len(points)), widths)
