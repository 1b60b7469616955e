"""Ids of a text that grows at its end, equal to those of the whole text at every moment."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Callable
from typing import Any, Protocol

from pybpe._core.append import AppendRules, GrowingIds
from pybpe.decoding.incremental import incomplete_from
from pybpe.definition import Definition
from pybpe.encode.growing import GrowingSegments
from pybpe.encode.ordinary import make_marks
from pybpe.encode.segmenter import Cut
from pybpe.encode.sentencepiece_growing import GrowingSentencePiece
from pybpe.encode.text_encoder import TextEncoder
from pybpe.pretokenization.patterns import Split
from pybpe.pretokenization.stages import stages_of
from pybpe.util.utf8 import repair_torn, to_utf8

LARGE = 1 << 16  # bytes from which on text is encoded at once up to its last cut


class Growth:
    """What all appenders of a tokenizer share. Immutable.

    ints: the int object of every id.
    """

    def __init__(self, definition: Definition, encoder: TextEncoder, ints: list[int]) -> None:
        self._encoder = encoder
        self.ints = ints
        self.rules = _rules(definition, encoder.split)
        self.repairs = definition.model.lacks_bytes or definition.changes_words
        self.cut = None if definition.unknown is not None else encoder.cut
        self._segmenter = encoder.segmenter

    def reader(self) -> GrowingSegments | GrowingSentencePiece | None:
        """Return what reads a text that grows; None where text is split as it is."""
        return None if self._segmenter.plain else self._segmenter.growing()

    def encode(self, content: bytes) -> list[int]:
        """Return the ids of a whole text."""
        return self._encoder.ordinary(content).to_list(self.ints)


class EncodeAppender:
    """Ids of a text that grows: after any number of `append`, those of all of it at once. From `encode_appender`.

    Special tokens are ordinary text. `append` and `count` take time by what is appended, `ids` by the number of ids.
    Copies (copy, deepcopy, pickle) are independent.

    Some tokenizers need more time, which grows with the text that is not settled: all of it where the pattern is split
    by the regex module (see `Tokenizer.info`); a row of combining marks with a normal form; a row of white space with
    tokens found by name that take the white space beside them, or of the characters in a pattern that a normalizer
    replaces, unless it is one of them or one or more; a pattern whose match may get longer after any number of words,
    such as one for quotes, for each word that waits for its end.
    """

    def __init__(self, growth: Growth, make: Callable[[], EncodeAppender]) -> None:
        self._make = make
        self._ids: _Ids = _GrowingText(growth) if growth.rules is not None else _WholeText(growth.encode)
        self._pending = b""  # bytes of a character that is not complete
        self._high_surrogate = ""  # the first half of a character, if the text ends with one

    def append(self, text: str | bytes) -> None:
        """Add text to the end. A str must not cut a character in its bytes; bytes may. Raises TypeError for others."""
        if isinstance(text, str):
            text = self._high_surrogate + text
            self._high_surrogate = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
            content = self._pending + to_utf8(text[: len(text) - len(self._high_surrogate)])
        else:
            content = self._pending + to_utf8(self._high_surrogate) + to_utf8(text)
            self._high_surrogate = ""
        end = incomplete_from(content)
        self._pending = content[end:]
        if end:
            self._ids.feed(content[:end])

    @property
    def ids(self) -> list[int]:
        """The ids of all the text so far."""
        return self._ids.ids(self._tail())

    @property
    def count(self) -> int:
        """The number of ids of all the text so far."""
        return self._ids.count(self._tail())

    def _tail(self) -> bytes:
        """Return the bytes of a character that is not complete, as they would be read if the text ended here."""
        return self._pending + to_utf8(self._high_surrogate)

    def __copy__(self) -> EncodeAppender:
        made = EncodeAppender.__new__(EncodeAppender)
        made._make = self._make
        made._ids = self._ids.copy()
        made._pending = self._pending
        made._high_surrogate = self._high_surrogate
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> EncodeAppender:
        return self.__copy__()

    def __reduce__(self) -> tuple[Callable[..., EncodeAppender], tuple[Any, ...]]:
        return _restored, (self._make, self._ids.state, self._pending, self._high_surrogate)


def _restored(make: Callable[[], EncodeAppender], state: Any, pending: bytes, high_surrogate: str) -> EncodeAppender:
    """Return a pickled appender."""
    made = make()
    made._ids.state = state
    made._pending = pending
    made._high_surrogate = high_surrogate
    return made


class _Ids(Protocol):
    """The ids of UTF-8 that grows by whole characters. state: plain data that tells all."""

    state: Any

    def feed(self, content: bytes) -> None: ...
    def count(self, tail: bytes) -> int: ...
    def ids(self, tail: bytes) -> list[int]: ...
    def copy(self) -> _Ids: ...


class _GrowingText:
    """Ids by the compiled code."""

    def __init__(self, growth: Growth) -> None:
        assert growth.rules is not None
        self._growth = growth
        self._core = GrowingIds(growth.rules)
        self._reader = growth.reader()
        self._fresh = True

    def feed(self, content: bytes) -> None:
        if len(content) >= LARGE and self._growth.cut is not None and (self._reader is None or self._fresh):
            content = self._encode_settled(content, self._growth.cut)
        self._fresh = False
        if self._reader is None:
            self._core.feed(self._repaired(content))
            return
        for piece in self._reader.feed(content.decode("utf-8", "surrogateescape")):
            if isinstance(piece, int):
                self._core.put(piece)
            else:
                self._core.feed(self._to_bytes(piece))

    def _encode_settled(self, content: bytes, cut: Cut) -> bytes:
        """Encode the open text and `content` up to the last cut at once; return what is behind it."""
        whole = self._core.open_text + content
        end = cut(whole)
        if not end:
            return content
        settled, piece = self._core.settled
        made = array("I", settled)
        made.extend(self._growth.encode(whole[:end]))
        self._core = GrowingIds(self._rules)
        self._core.take(made, piece)
        return whole[end:]

    def count(self, tail: bytes) -> int:
        return self._core.count_with(self._pieces(tail))

    def ids(self, tail: bytes) -> list[int]:
        return self._core.ids_with(self._pieces(tail), self._growth.ints)

    def _pieces(self, tail: bytes) -> list[bytes | int]:
        """Return what would follow the text that is read if the text ended with `tail`."""
        if self._reader is None:
            return [self._repaired(tail)] if tail else []
        if tail:
            state = self._reader.state
            pieces = self._reader.feed(tail.decode("utf-8", "surrogateescape")) + self._reader.tail()
            self._reader.state = state
        else:
            pieces = self._reader.tail()
        return [piece if isinstance(piece, int) else self._to_bytes(piece) for piece in pieces]

    def _repaired(self, content: bytes) -> bytes:
        if not self._growth.repairs or content.isascii():
            return content
        return self._to_bytes(content.decode("utf-8", "surrogateescape"))

    def _to_bytes(self, text: str) -> bytes:
        return repair_torn(text).encode() if self._growth.repairs else text.encode("utf-8", "surrogateescape")

    @property
    def _rules(self) -> AppendRules:
        assert self._growth.rules is not None
        return self._growth.rules

    def copy(self) -> _GrowingText:
        made = _GrowingText(self._growth)
        made._core = self._core.copy()
        made._fresh = self._fresh
        if made._reader is not None and self._reader is not None:
            made._reader.state = self._reader.state
        return made

    @property
    def state(self) -> Any:
        settled, piece = self._core.settled
        preprocessing = self._reader.state if self._reader is not None else None
        return array("I", settled), piece, self._core.open_text, preprocessing, self._fresh

    @state.setter
    def state(self, state: Any) -> None:
        settled, piece, open_text, preprocessing, self._fresh = state
        self._core = GrowingIds(self._rules)
        self._core.take(settled, piece)
        self._core.feed(open_text)
        if self._reader is not None:
            self._reader.state = preprocessing


class _WholeText:
    """Ids of the whole text, encoded again whenever they are asked for and it has grown."""

    def __init__(self, encode: Callable[[bytes], list[int]]) -> None:
        self._encode = encode
        self._content = b""
        self._known: tuple[bytes, list[int]] | None = None  # a tail, and the ids with it

    def feed(self, content: bytes) -> None:
        self._content += content
        self._known = None

    def count(self, tail: bytes) -> int:
        return len(self._made(tail))

    def ids(self, tail: bytes) -> list[int]:
        return self._made(tail).copy()

    def _made(self, tail: bytes) -> list[int]:
        if self._known is None or self._known[0] != tail:
            self._known = tail, self._encode(self._content + tail)
        return self._known[1]

    def copy(self) -> _WholeText:
        made = _WholeText(self._encode)
        made.state = self.state
        return made

    @property
    def state(self) -> bytes:
        return self._content

    @state.setter
    def state(self, state: bytes) -> None:
        self._content, self._known = state, None


def _rules(definition: Definition, split: Split) -> AppendRules | None:
    """Return what makes ids of ordinary text; None if the regex module splits it."""
    if split.scanner is None:
        return None
    model, symbols = definition.model, definition.model.symbols
    return AppendRules(
        symbols.vocabulary if symbols else definition.vocabulary,
        model.table,
        _automaton(split.pattern),
        ignore_merges=model.ignore_merges,
        emission=symbols.emission if symbols else None,
        marks=make_marks(definition),
        dropped=model.dropped,
        unknown=definition.unknown,
    )


@functools.lru_cache(maxsize=16)
def _automaton(pattern: str) -> Any:
    """Return the automaton of a pattern: the scanner of a known family cannot stop where text may still follow."""
    from pybpe.pretokenization.dfa import compile_stages  # here, because it needs numpy

    return compile_stages(stages_of(pattern))
