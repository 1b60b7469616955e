"""The class EncodeAppender: the ids of a text that grows at its end, equal to those of the whole text."""

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
from pybpe.util.utf8 import replace_escaped_bytes, to_utf8

LARGE = 1 << 16  # minimum bytes of text that is encoded as a whole, up to its last safe cut


class Growth:
    """The data that all appenders of a tokenizer share. Immutable.

    ints: the int objects of all ids. rules: how ordinary text is encoded; None if the regex module splits it. repairs:
    True if bytes that are not UTF-8 become U+FFFD. cut: a function that returns the last safe cut of a text, or None.
    """

    def __init__(self, definition: Definition, encoder: TextEncoder, ints: list[int]) -> None:
        self._encoder = encoder
        self.ints = ints
        self.rules = _rules(definition, encoder.split)
        self.repairs = definition.model.lacks_bytes or definition.changes_words
        self.cut = None if definition.unknown is not None else encoder.cut
        self._segmenter = encoder.segmenter

    def reader(self) -> GrowingSegments | GrowingSentencePiece | None:
        """Return a new segmenter of a text that grows; None if text is split without preprocessing."""
        return None if self._segmenter.plain else self._segmenter.growing()

    def encode(self, content: bytes) -> list[int]:
        """Return the ids of a text. Special tokens in it are encoded as ordinary text."""
        return self._encoder.ordinary(content).to_list(self.ints)


class EncodeAppender:
    """The ids of a text that grows at its end, equal to `encode_ordinary` of the whole text after each `append`.

    `Tokenizer.encode_appender` makes one. Special tokens are encoded as ordinary text. `append` and `count` take time
    in proportion to the appended text, `ids` in proportion to the number of ids. Copies (copy, deepcopy, pickle) are
    independent.

    Some tokenizers and texts take longer, in proportion to the text whose ids may still change. That is

    - the whole text, if the regex module splits it (see "splitter" in `Tokenizer.info`);
    - a run of combining marks, with a normal form;
    - a run of white space, with added tokens that take the white space beside them;
    - a run of the characters in a pattern that a normalizer replaces, except patterns for one of them or for one or
      more of them;
    - each word that waits for the end of a match, with a pattern whose match may get longer after any number of words,
      such as a pattern for quotes.
    """

    def __init__(self, growth: Growth, make: Callable[[], EncodeAppender]) -> None:
        self._make = make
        self._ids: _Ids = _GrowingText(growth) if growth.rules is not None else _WholeText(growth.encode)
        self._pending = b""  # bytes of a character that is not complete
        self._high_surrogate = ""  # the first half of a character, if the text ends with one

    def append(self, text: str | bytes) -> None:
        """Add text to the end. bytes may end within a character. Raises TypeError if it is neither str nor bytes."""
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
        """The ids of the whole text so far."""
        return self._ids.ids(self._tail())

    @property
    def count(self) -> int:
        """The number of ids of the whole text so far."""
        return self._ids.count(self._tail())

    def _tail(self) -> bytes:
        """Return the bytes of the incomplete character at the end, as they are encoded if the text ends here."""
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
    """The ids of UTF-8 text that grows by whole characters. state: all that is kept, as plain data."""

    state: Any

    def feed(self, content: bytes) -> None: ...
    def count(self, tail: bytes) -> int: ...
    def ids(self, tail: bytes) -> list[int]: ...
    def copy(self) -> _Ids: ...


class _GrowingText:
    """The ids by compiled code, which keeps only the text whose ids may change."""

    def __init__(self, growth: Growth) -> None:
        assert growth.rules is not None
        self._growth = growth
        self._core = GrowingIds(growth.rules)
        self._reader = growth.reader()
        self._fresh = True

    def feed(self, content: bytes) -> None:
        """Add text: a long one up to its last safe cut by the TextEncoder, and the rest by the compiled code."""
        if len(content) >= LARGE and self._growth.cut is not None and (self._reader is None or self._fresh):
            content = self._encode_settled(content, self._growth.cut)
        self._fresh = False
        if self._reader is None:
            self._core.feed(self._repaired(content))
            return
        for segment in self._reader.feed(content.decode("utf-8", "surrogateescape")):
            if isinstance(segment, int):
                self._core.put(segment)
            else:
                self._core.feed(self._to_bytes(segment))

    def _encode_settled(self, content: bytes, cut: Cut) -> bytes:
        """Encode the open text and `content` up to their last safe cut, and return the text after it."""
        whole = self._core.open_text + content
        end = cut(whole)
        if not end:
            return content
        settled, segment_start = self._core.settled
        made = array("I", settled)
        made.extend(self._growth.encode(whole[:end]))
        self._core = GrowingIds(self._rules)
        self._core.take(made, segment_start)
        return whole[end:]

    def count(self, tail: bytes) -> int:
        return self._core.count_with(self._segments(tail))

    def ids(self, tail: bytes) -> list[int]:
        return self._core.ids_with(self._segments(tail), self._growth.ints)

    def _segments(self, tail: bytes) -> list[bytes | int]:
        """Return the segments that would follow if the text ended with `tail`."""
        if self._reader is None:
            return [self._repaired(tail)] if tail else []
        if tail:
            state = self._reader.state
            segments = self._reader.feed(tail.decode("utf-8", "surrogateescape")) + self._reader.tail()
            self._reader.state = state
        else:
            segments = self._reader.tail()
        return [segment if isinstance(segment, int) else self._to_bytes(segment) for segment in segments]

    def _repaired(self, content: bytes) -> bytes:
        if not self._growth.repairs or content.isascii():
            return content
        return self._to_bytes(content.decode("utf-8", "surrogateescape"))

    def _to_bytes(self, text: str) -> bytes:
        return replace_escaped_bytes(text).encode() if self._growth.repairs else text.encode("utf-8", "surrogateescape")

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
        settled, segment_start = self._core.settled
        preprocessing = self._reader.state if self._reader is not None else None
        return array("I", settled), segment_start, self._core.open_text, preprocessing, self._fresh

    @state.setter
    def state(self, state: Any) -> None:
        settled, segment_start, open_text, preprocessing, self._fresh = state
        self._core = GrowingIds(self._rules)
        self._core.take(settled, segment_start)
        self._core.feed(open_text)
        if self._reader is not None:
            self._reader.state = preprocessing


class _WholeText:
    """The ids of the whole text, which is encoded again when they are requested and it has grown."""

    def __init__(self, encode: Callable[[bytes], list[int]]) -> None:
        self._encode = encode
        self._content = b""
        self._known: tuple[bytes, list[int]] | None = None  # a tail, and the ids of the text with it

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
    """Return how ordinary text is encoded; None if the regex module splits it."""
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
    """Return the automaton of a pattern, known families included: their scanner needs the whole text."""
    from pybpe.pretokenization.dfa import compile_stages  # here, because it needs numpy

    return compile_stages(stages_of(pattern))
