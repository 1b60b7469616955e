"""Splitting by the `regex` module: any pattern at all, by the classes of Unicode 16.0 and without loss."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import regex

from pybpe._core.unicode import classes
from pybpe.pretokenization.stages import stages_of


class RegexSplitter:
    """Splits by patterns that the `regex` module takes, each splitting the words of the one before.

    Text between two matches is a word too: nothing is dropped. Raises regex.error for a pattern that is not valid.
    """

    def __init__(self, pattern: str) -> None:
        self._stages = [_compile(stage) for stage in stages_of(pattern)]
        self._named = set(map(ord, pattern)) | {int(found[1].strip("{}"), 16) for found in _ESCAPED.finditer(pattern)}

    def split(self, text: bytes) -> list[bytes]:
        """The words of UTF-8 `text`, which joined are `text` again."""
        decoded = text.decode("utf-8", "surrogateescape")
        # Each stand-in is one code point for one, so matches in the changed text are matches in the text.
        changed = decoded if decoded.isascii() else decoded.translate(self._stand_ins)
        ends = [len(decoded)] if decoded else []
        for stage in self._stages:
            ends = [start + end for start, stop in _spans(ends) for end in _word_ends(stage, changed[start:stop])]
        return [decoded[start:end].encode("utf-8", "surrogateescape") for start, end in _spans(ends)]

    @functools.cached_property
    def _stand_ins(self) -> dict[int, int]:
        """What to put for newer characters; those that the pattern names are themselves, whatever their class."""
        return {point: other for point, other in _stand_ins().items() if point not in self._named}

    def ends(self, text: bytes) -> npt.NDArray[np.int64]:
        """int64[number of words]: where each word ends, in bytes."""
        return np.cumsum([len(word) for word in self.split(text)], dtype=np.int64)


def _spans(ends: list[int]) -> Iterable[tuple[int, int]]:
    """The (start, end) of words that end at these places."""
    return zip([0, *ends], ends, strict=False)


def _word_ends(pattern: regex.Pattern[str], text: str) -> list[int]:
    """Where the words of a text end: its matches, and what is between them."""
    ends, end = [], 0
    for match in pattern.finditer(text):
        if match.start() > end:
            ends.append(match.start())
        if match.end() > max(end, match.start()):
            ends.append(match.end())
        end = max(end, match.end())
    return ends if end == len(text) else [*ends, len(text)]


# What Unicode changed after 16.0 in characters that already were: U+0295 went from \p{Ll} to \p{Lo}. Its stand-in is
# another letter that is \p{Ll} in every version.
_RECLASSED = {0x295: 0x251}
_UNASSIGNED = 0x378

# Characters written by their number: \\u0295, \\U00000295, \\x{295}, \\xb5.
_ESCAPED = regex.compile(
    r"\\[uUx]((?<=u)[0-9A-Fa-f]{4}|(?<=U)[0-9A-Fa-f]{8}|(?<=x)[0-9A-Fa-f]{2}|(?<=x)\{[0-9A-Fa-f]+\})"
)
_ESCAPE = regex.compile(r"\\(?:x\{([0-9A-Fa-f]{1,8})\}|.)", regex.DOTALL)
_SET_OR_ESCAPE_OR_END = regex.compile(r"\[\^?\]?(?:\\.|[^\\\]])*\]|\\.|\$|\(\?i:", regex.DOTALL)


def _compile(pattern: str) -> regex.Pattern[str]:
    """A pattern as the other engines read it.

    `$` and `\\z` are the end of the text, and not also the place before a last newline; `\\x{295}` is a character; `&&`
    in a set is what both sides have, which the regex module knows in its version 1 only, whose full case folding is
    turned off.
    """
    pattern = _ESCAPE.sub(lambda found: f"\\U{int(found[1], 16):08x}" if found[1] else found[0], pattern)
    tokens = _SET_OR_ESCAPE_OR_END.findall(pattern)
    intersects = any(token.startswith("[") and "&&" in token for token in tokens)
    changes = {"$": r"\Z", r"\z": r"\Z", **({"(?i:": "(?i-f:"} if intersects else {})}
    changed = _SET_OR_ESCAPE_OR_END.sub(lambda found: changes.get(found[0], found[0]), pattern)
    return regex.compile(changed, regex.V1 if intersects else regex.V0)


@functools.cache
def _stand_ins() -> dict[int, int]:
    """Code points that the installed `regex` classes otherwise than Unicode 16.0, each with its stand-in."""
    everything = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    classed = "".join(regex.findall(r"[\p{L}\p{N}\p{M}\p{P}\p{S}\s]+", everything))
    newer = (ord(char) for char in classed if not classes(ord(char)))
    return dict.fromkeys(newer, _UNASSIGNED) | _RECLASSED
