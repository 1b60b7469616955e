"""How sentencepiece reads a text, as plain checked data: white space, and a map of characters."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from typing import Any

from pybpe._core.fold import replace
from pybpe.errors import FormatError
from pybpe.normalization.charsmap import CharsMap, read_charsmap
from pybpe.normalization.stages import MapCharacters, Prepend, RepairTorn, Replace, SingleSpaces, Stage, Strip

SPACE = "\u2581"  # what sentencepiece writes for a space, in text and in tokens
_SPACE_UTF8 = SPACE.encode()


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

    def stages(self, charsmap: CharsMap | None) -> tuple[Stage, ...]:
        """Return all that is done to a text that is not empty, `charsmap` first."""
        single, prefix = self.remove_extra_whitespaces, self.add_dummy_prefix
        return (
            *self.mapping(charsmap),
            *((SingleSpaces(), Strip(True, False, " ")) if single else ()),
            Replace(SPACE, " "),
            *((Prepend(" ", even_empty=True),) if prefix else ()),
            *((Strip(False, True, " "),) if single else ()),
        )

    def mapping(self, charsmap: CharsMap | None) -> tuple[Stage, ...]:
        """Return what is done but for spaces: the map, and U+FFFD for bytes that are not UTF-8."""
        return (MapCharacters(charsmap), RepairTorn()) if charsmap is not None else (RepairTorn(),)

    def normalize_utf8(self, text: str | bytes) -> str | bytes:
        """Return what the stages without a map give, as UTF-8; the text itself if that is the same.

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
