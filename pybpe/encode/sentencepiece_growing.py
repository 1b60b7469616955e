"""Text that grows at its end, read as sentencepiece reads the whole of it."""

from __future__ import annotations

import re
from typing import Any

from pybpe.encode.growing import GrowingNames
from pybpe.normalization.charsmap import CharsMap
from pybpe.normalization.sentencepiece import SPACE, SentencePieceNormalizer
from pybpe.util.utf8 import repair_torn

_SPACES = re.compile(" +")


class GrowingSentencePiece:
    """The pieces of a text that grows, as SentencePieces gives those of a whole text.

    names: a fresh GrowingNames for the symbols of users. Text is str, with bytes that are no UTF-8 as surrogates.
    """

    def __init__(self, spm: SentencePieceNormalizer, charsmap: CharsMap | None, names: GrowingNames) -> None:
        self._spm = spm
        self._charsmap = charsmap
        self._names = names
        self._unmapped = ""  # text that a longer key of the map may begin in
        self._begun = False  # whether there was any text
        self._bare = True  # whether spaces are left out here
        self._spaces = 0  # spaces that are left out if the text ends here

    def feed(self, text: str) -> list[str | int]:
        """Add text. Return the ids of symbols and the text between them, in order, that no more text can change."""
        return self._names.feed(self._spaced(self._mapped(text))) if text else []

    def tail(self) -> list[str | int]:
        """Return the ids and the text that would follow if the text ended here."""
        state = self.state
        rest = self._unmapped
        if rest and self._charsmap is not None:
            rest = "".join(part for part, _, _ in self._charsmap.parts(rest))
        pieces = (self._names.feed(self._spaced(rest)) if rest else []) + self._names.rest()
        self.state = state
        return pieces

    def _mapped(self, text: str) -> str:
        """Return the text in its new form, up to where more text may change it."""
        if self._charsmap is None:
            return text
        text = self._unmapped + text
        limit = len(text) - self._charsmap.reach + 1  # from here on not all of the longest key is seen
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
        """Return mapped text with the spaces that it has for sure."""
        spm = self._spm
        if not text.isascii():
            text = repair_torn(text)
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
        """Plain data that tells what was read so far."""
        return self._unmapped, self._begun, self._bare, self._spaces, self._names.state

    @state.setter
    def state(self, state: tuple[Any, ...]) -> None:
        self._unmapped, self._begun, self._bare, self._spaces, self._names.state = state
