"""How sentencepiece reads a text, as plain checked data: white space, and a map of characters."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pybpe._core.fold import replace
from pybpe.errors import FormatError
from pybpe.normalization.charsmap import CharsMap, Part, read_charsmap
from pybpe.util.utf8 import repair_torn

SPACE = "\u2581"  # what sentencepiece writes for a space, in text and in tokens
_SPACE_UTF8 = SPACE.encode()
_SPACES = re.compile(" +")


@dataclass(frozen=True)
class SentencePieceNormalizer:
    """What is done to a text. Checked at birth.

    add_dummy_prefix: whether a space is put before it.
    remove_extra_whitespaces: whether spaces at its ends are left out, and of several in a row all but one.
    charsmap: sentencepiece's compiled map of characters, which comes first; empty for none.
    """

    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    charsmap: bytes = b""

    def __post_init__(self) -> None:
        if self.charsmap:
            _keys(self.charsmap)  # a damaged map shows

    def map_of(self, names: frozenset[str], line_by_line: bool = False) -> CharsMap | None:
        """The map made ready, which leaves names alone, and line ends too if wanted; None where nothing changes."""
        return _made_ready(self.charsmap, names, line_by_line) if self.charsmap else None

    def mapped(self, text: str, charsmap: CharsMap | None) -> str:
        """A text in its new form but for spaces, its bytes that are no UTF-8 as U+FFFD."""
        if charsmap is not None:
            text = "".join(part for part, _, _ in charsmap.parts(text))
        return text if text.isascii() else repair_torn(text)

    def read(self, text: str, charsmap: CharsMap | None) -> str:
        """A text as it is encoded: in its new form, its bytes that are no UTF-8 as U+FFFD, U+2581 as a space."""
        if not text:
            return text
        text = self.mapped(text, charsmap)
        if self.remove_extra_whitespaces:
            text = _SPACES.sub(" ", text) if "  " in text else text
            text = text.lstrip(" ")
        if not text.isascii():
            text = text.replace(SPACE, " ")
        if self.add_dummy_prefix:
            text = " " + text
        return text.rstrip(" ") if self.remove_extra_whitespaces else text

    def read_utf8(self, text: str | bytes) -> str | bytes:
        """Return what `read` without a map gives, as UTF-8; the text itself if that is the same.

        text: a str, or UTF-8. Raises UnicodeEncodeError for a str with a lone surrogate.
        """
        before = b" " if self.add_dummy_prefix else b""
        if not self.remove_extra_whitespaces:
            return replace(text, _SPACE_UTF8, b" ", before)
        content = text.encode() if isinstance(text, str) else text
        while b"  " in content:
            content = content.replace(b"  ", b" ")
        content = content.lstrip(b" ")
        return replace(content, _SPACE_UTF8, b" ", before).rstrip(b" ")

    def read_aligned(self, text: str, charsmap: CharsMap | None) -> list[Part]:
        """As `read`, in characters, each with the (start, end) of what it was made from."""
        if not text:
            return []
        chars: list[Part] = []
        for char, start, end in _single(charsmap.parts(text) if charsmap else [(text, 0, len(text))], text):
            if self.remove_extra_whitespaces and char == " " and (not chars or chars[-1][0] == " "):
                continue
            chars.append((char, start, end))
        chars = [(" " if char == SPACE else repair_torn(char), start, end) for char, start, end in chars]
        if self.add_dummy_prefix:
            chars.insert(0, (" ", 0, 0))
        while self.remove_extra_whitespaces and chars and chars[-1][0] == " ":
            chars.pop()
        return chars

    def to_json(self) -> dict[str, Any]:
        """As data for JSON."""
        content = {"dummy_prefix": self.add_dummy_prefix, "single_spaces": self.remove_extra_whitespaces}
        return {**content, "charsmap": base64.b64encode(self.charsmap).decode()} if self.charsmap else content

    @classmethod
    def from_json(cls, content: Any) -> SentencePieceNormalizer:
        """What `to_json` made. Raises FormatError for anything else."""
        try:
            charsmap = base64.b64decode(content.get("charsmap", ""), validate=True)
            prefix, single = content["dummy_prefix"], content["single_spaces"]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise FormatError("what is said of reading a sentence is not understood") from None
        if type(prefix) is not bool or type(single) is not bool:
            raise FormatError("what is said of reading a sentence has a field of the wrong type")
        return cls(prefix, single, charsmap)


@functools.lru_cache(maxsize=2)  # half a second each for those of sentencepiece itself
def _keys(charsmap: bytes) -> dict[str, str]:
    return read_charsmap(charsmap)


@functools.lru_cache(maxsize=4)
def _made_ready(charsmap: bytes, names: frozenset[str], line_by_line: bool) -> CharsMap:
    keys = _keys(charsmap)
    if line_by_line:
        keys = {key: value for key, value in keys.items() if "\n" not in key}
    return CharsMap(keys, frozenset(name.replace(" ", SPACE) for name in names))


def _single(parts: Iterator[Part] | list[Part], text: str) -> Iterator[Part]:
    """Parts cut into characters; those of a part that is not the text itself share its place."""
    for part, start, end in parts:
        if part == text[start:end]:
            yield from ((char, place, place + 1) for place, char in enumerate(part, start))
        else:
            yield from ((char, start, end) for char in part)
