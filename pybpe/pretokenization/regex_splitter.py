"""Splitting by the regex module, for all patterns that are not compiled, with the classes of Unicode 16.0."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import regex

from pybpe._core.unicode import classes
from pybpe.pretokenization.stages import stages_of


class RegexSplitter:
    """A splitter by patterns of the regex module, each of which splits the words of the one before.

    Text between two matches is a word too, so that nothing is lost. Raises regex.error for a pattern that is not valid.
    """

    def __init__(self, pattern: str) -> None:
        self._stages = [_compile(stage) for stage in stages_of(pattern)]
        self._named = set(map(ord, pattern)) | {int(found[1].strip("{}"), 16) for found in _ESCAPED.finditer(pattern)}

    def split(self, text: bytes) -> list[bytes]:
        """Return the words of UTF-8 `text`; joined they are `text`."""
        decoded = text.decode("utf-8", "surrogateescape")
        # A stand-in is one code point for one, so matches in the changed text have the same places in the text.
        changed = decoded if decoded.isascii() else decoded.translate(self._stand_ins)
        ends = [len(decoded)] if decoded else []
        for stage in self._stages:
            ends = [start + end for start, stop in _spans(ends) for end in _word_ends(stage, changed[start:stop])]
        return [decoded[start:end].encode("utf-8", "surrogateescape") for start, end in _spans(ends)]

    @functools.cached_property
    def _stand_ins(self) -> dict[int, int]:
        """The code points to replace newer characters by; characters that the pattern names are not replaced."""
        return {point: other for point, other in _stand_ins().items() if point not in self._named}

    def ends(self, text: bytes) -> npt.NDArray[np.int64]:
        """Return where each word of `text` ends, in bytes, int64[n_words]."""
        return np.cumsum([len(word) for word in self.split(text)], dtype=np.int64)


def _spans(ends: list[int]) -> Iterable[tuple[int, int]]:
    """Return the (start, end) of consecutive words, given their ends."""
    return zip([0, *ends], ends, strict=False)


def _word_ends(pattern: regex.Pattern[str], text: str) -> list[int]:
    """Return the ends of the words of a text, which are its matches and the text between them."""
    ends, end = [], 0
    for match in pattern.finditer(text):
        if match.start() > end:
            ends.append(match.start())
        if match.end() > max(end, match.start()):
            ends.append(match.end())
        end = max(end, match.end())
    return ends if end == len(text) else [*ends, len(text)]


# Characters whose class changed after Unicode 16.0: U+0295 went from \p{Ll} to \p{Lo}. Its stand-in is another letter
# that is \p{Ll} in every version.
_RECLASSED = {0x295: 0x251}
_UNASSIGNED = 0x378

# Characters written by their number: \\u0295, \\U00000295, \\x{295}, \\xb5.
_ESCAPED = regex.compile(
    r"\\[uUx]((?<=u)[0-9A-Fa-f]{4}|(?<=U)[0-9A-Fa-f]{8}|(?<=x)[0-9A-Fa-f]{2}|(?<=x)\{[0-9A-Fa-f]+\})"
)
_ESCAPE = regex.compile(r"\\(?:x\{([0-9A-Fa-f]{1,8})\}|.)", regex.DOTALL)
_SET_OR_ESCAPE_OR_END = regex.compile(r"\[\^?\]?(?:\\.|[^\\\]])*\]|\\.|\$|\(\?i:", regex.DOTALL)


def _compile(pattern: str) -> regex.Pattern[str]:
    """Return the compiled pattern, with the meaning that it has in other engines.

    `$` and `\\z` match at the end of the text only, not before a final newline; `\\x{295}` is a character; `&&` in a
    set is the intersection, for which the regex module needs its version 1, without its full case folding.
    """
    pattern = _ESCAPE.sub(lambda found: f"\\U{int(found[1], 16):08x}" if found[1] else found[0], pattern)
    tokens = _SET_OR_ESCAPE_OR_END.findall(pattern)
    intersects = any(token.startswith("[") and "&&" in token for token in tokens)
    changes = {"$": r"\Z", r"\z": r"\Z", **({"(?i:": "(?i-f:"} if intersects else {})}
    changed = _SET_OR_ESCAPE_OR_END.sub(lambda found: changes.get(found[0], found[0]), pattern)
    return regex.compile(changed, regex.V1 if intersects else regex.V0)


@functools.cache
def _stand_ins() -> dict[int, int]:
    """Return {code point: stand-in} for code points that the installed regex module classes by a newer Unicode."""
    everything = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    classed = "".join(regex.findall(r"[\p{L}\p{N}\p{M}\p{P}\p{S}\s]+", everything))
    newer = (ord(char) for char in classed if not classes(ord(char)))
    return dict.fromkeys(newer, _UNASSIGNED) | _RECLASSED
