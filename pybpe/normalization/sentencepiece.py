"""The class SentencePieceNormalizer: a map of characters and rules for spaces."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from typing import Any

from pybpe._core.fold import replace
from pybpe.errors import FormatError
from pybpe.normalization.charsmap import CharsMap, read_charsmap
from pybpe.normalization.stages import MapCharacters, Prepend, Replace, ReplaceEscapedBytes, SingleSpaces, Stage, Strip

SPACE = "\u2581"  # the character that sentencepiece writes for a space, in text and in tokens
_SPACE_UTF8 = SPACE.encode()


@dataclass(frozen=True)
class SentencePieceNormalizer:
    """sentencepiece's normalization of a text. The constructor checks the map.

    add_dummy_prefix: True to put a space before the text.
    remove_extra_whitespaces: True to remove spaces at the ends of the text, and all but one of each run of spaces.
    charsmap: sentencepiece's compiled map of characters, which is applied first; b"" for none.
    """

    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    charsmap: bytes = b""

    def __post_init__(self) -> None:
        if self.charsmap:
            _keys(self.charsmap)  # raises FormatError for a damaged map

    def map_of(self, names: frozenset[str], line_by_line: bool = False) -> CharsMap | None:
        """Return the map, ready to be applied; None if there is none.

        names: strings that it leaves unchanged. line_by_line: True if it also leaves line ends unchanged.
        """
        return _made_ready(self.charsmap, names, line_by_line) if self.charsmap else None

    def stages(self, charsmap: CharsMap | None) -> tuple[Stage, ...]:
        """Return the stages of the normalization of a text that is not empty, `charsmap` first."""
        single, prefix = self.remove_extra_whitespaces, self.add_dummy_prefix
        return (
            *self.mapping(charsmap),
            *((SingleSpaces(), Strip(True, False, " ")) if single else ()),
            Replace(SPACE, " "),
            *((Prepend(" ", even_empty=True),) if prefix else ()),
            *((Strip(False, True, " "),) if single else ()),
        )

    def mapping(self, charsmap: CharsMap | None) -> tuple[Stage, ...]:
        """Return the stages before the rules for spaces: the map, and U+FFFD for bytes that are not UTF-8."""
        return (MapCharacters(charsmap), ReplaceEscapedBytes()) if charsmap is not None else (ReplaceEscapedBytes(),)

    def normalize_utf8(self, text: str | bytes) -> str | bytes:
        """Return the normalized text without the map, as UTF-8, or `text` itself if nothing changes.

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

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        content = {"dummy_prefix": self.add_dummy_prefix, "single_spaces": self.remove_extra_whitespaces}
        return {**content, "charsmap": base64.b64encode(self.charsmap).decode()} if self.charsmap else content

    @classmethod
    def from_json(cls, content: Any) -> SentencePieceNormalizer:
        """Return the object from JSON data that `to_json` made. Raises FormatError for other data."""
        try:
            charsmap = base64.b64decode(content.get("charsmap", ""), validate=True)
            prefix, single = content["dummy_prefix"], content["single_spaces"]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise FormatError("the data of sentencepiece's normalization is incomplete or not valid") from None
        if type(prefix) is not bool or type(single) is not bool:
            raise FormatError("the data of sentencepiece's normalization has a field of the wrong type")
        return cls(prefix, single, charsmap)


@functools.lru_cache(maxsize=2)  # reading one of sentencepiece's own maps takes half a second
def _keys(charsmap: bytes) -> dict[str, str]:
    return read_charsmap(charsmap)


@functools.lru_cache(maxsize=4)
def _made_ready(charsmap: bytes, names: frozenset[str], line_by_line: bool) -> CharsMap:
    keys = _keys(charsmap)
    if line_by_line:
        keys = {key: value for key, value in keys.items() if "\n" not in key}
    return CharsMap(keys, frozenset(name.replace(" ", SPACE) for name in names))
