"""Segments of a text that grows at its end, normalized as sentencepiece normalizes the whole text."""

from __future__ import annotations

import re
from typing import Any

from pybpe.encode.growing import GrowingNames
from pybpe.normalization.charsmap import CharsMap
from pybpe.normalization.sentencepiece import SPACE, SentencePieceNormalizer
from pybpe.util.utf8 import replace_escaped_bytes

_SPACES = re.compile(" +")


class GrowingSentencePiece:
    """The segments of a text that grows at its end, equal to those that SentencePieceSegmenter makes of the whole text.

    charsmap: the map of characters, None for none. names: a new GrowingNames for the user-defined symbols. Text is str
    decoded with errors="surrogateescape".
    """

    def __init__(self, spm: SentencePieceNormalizer, charsmap: CharsMap | None, names: GrowingNames) -> None:
        self._spm = spm
        self._charsmap = charsmap
        self._names = names
        self._unmapped = ""  # text at the end in which a longer key of the map may begin
        self._begun = False  # True after the first text
        self._bare = True  # True if spaces at this position are left out
        self._spaces = 0  # the number of spaces that are left out if the text ends here

    def feed(self, text: str) -> list[str | int]:
        """Add text. Return the ids of symbols and the text between them, in order, that no further text can change."""
        return self._names.feed(self._spaced(self._mapped(text))) if text else []

    def tail(self) -> list[str | int]:
        """Return the ids and the text that would follow if the text ended here."""
        state = self.state
        rest = self._unmapped
        if rest and self._charsmap is not None:
            rest = "".join(part for part, _, _ in self._charsmap.parts(rest))
        segments = (self._names.feed(self._spaced(rest)) if rest else []) + self._names.rest()
        self.state = state
        return segments

    def _mapped(self, text: str) -> str:
        """Return the mapped text, up to the position where further text may change it."""
        if self._charsmap is None:
            return text
        text = self._unmapped + text
        limit = len(text) - self._charsmap.reach + 1  # from here on the longest key may continue after the text
        parts, done = [], 0
        for part, start, end in self._charsmap.parts(text):
            if start >= limit:
                break
            if part == text[start:end] and end > limit:
                part, end = text[start:limit], limit
            parts.append(part)
            done = end
        self._unmapped = text[done:]
        return "".join(parts)

    def _spaced(self, text: str) -> str:
        """Return mapped text after the treatment of spaces; spaces at its end wait for further text."""
        spm = self._spm
        if not text.isascii():
            text = replace_escaped_bytes(text)
        if not self._begun:
            self._begun = True
            self._spaces = int(spm.add_dummy_prefix)
        if spm.remove_extra_whitespaces:
            if self._bare:
                text = text.lstrip(" ")
            if text:
                self._bare = text[-1] == " "
            text = _SPACES.sub(" ", text)
        text = text.replace(SPACE, " ")
        if not spm.remove_extra_whitespaces:
            text, self._spaces = " " * self._spaces + text, 0
            return text
        body = text.rstrip(" ")
        spaces = self._spaces if body else 0
        self._spaces += len(text) - len(body) - spaces
        return " " * spaces + body

    @property
    def state(self) -> tuple[Any, ...]:
        """All that is kept of the text so far, as plain data."""
        return self._unmapped, self._begun, self._bare, self._spaces, self._names.state

    @state.setter
    def state(self, state: tuple[Any, ...]) -> None:
        self._unmapped, self._begun, self._bare, self._spaces, self._names.state = state
