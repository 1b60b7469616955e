"""Split patterns by name, and what serves each: the compiled scanner for the known families, else `regex`.

Both kinds of splitter turn UTF-8 bytes into words and mean the same: classes of Unicode 16.0, words that cover the
text without a gap, bytes that are not UTF-8 as characters of their own in no class.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pybpe._core.split import SchemeSplitter, find_cut
from pybpe._core.splitter import Splitter
from pybpe._core.unicode import classes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# The spellings are those of their projects, because files and other libraries carry them; several may mean the same.
GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
GPT2_ORIGINAL = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
CL100K = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|"""
    r"""\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
GPT4 = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|"""
    r"""\s*[\r\n]|\s+(?!\S)|\s+"""
)
NANOCHAT = GPT4.replace("{1,3}", "{1,2}")
O200K = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)

LLAMA3 = (
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"""
    r"""\s*[\r\n]+|\s+(?!\S)|\s+"""
)
QWEN2 = LLAMA3.replace("{1,3}", "")

PATTERNS = {
    "gpt2": GPT2,
    "gpt4": GPT4,
    "cl100k": CL100K,
    "o200k": O200K,
    "llama3": LLAMA3,
    "qwen2": QWEN2,
    "nanochat": NANOCHAT,
}

# What each parameter means is said in split.pxd.
_GPT2_SCHEME: dict[str, Any] = {
    "contractions": 1,
    "cased_letters": False,
    "any_letter_prefix": False,
    "digit_group": 0,
    "newline_tail": False,
    "slash_tail": False,
    "newline_runs": False,
    "whole_trailing_space": False,
}
_GPT4_SCHEME: dict[str, Any] = {
    **_GPT2_SCHEME,
    "contractions": 2,
    "any_letter_prefix": True,
    "digit_group": 3,
    "newline_tail": True,
    "newline_runs": True,
}
_SCHEMES: dict[str, dict[str, Any]] = {
    GPT2: _GPT2_SCHEME,
    GPT2_ORIGINAL: _GPT2_SCHEME,
    GPT4: _GPT4_SCHEME,
    CL100K: {**_GPT4_SCHEME, "whole_trailing_space": True},
    O200K: {**_GPT4_SCHEME, "cased_letters": True, "slash_tail": True},
    LLAMA3: _GPT4_SCHEME,
    QWEN2: {**_GPT4_SCHEME, "digit_group": 1},
    NANOCHAT: {**_GPT4_SCHEME, "digit_group": 2},
}


class RegexSplitter:
    """Splits by any pattern the `regex` module takes. Text between two matches is a word too: nothing is dropped."""

    def __init__(self, pattern: str) -> None:
        import regex  # here, because few patterns need it

        self._pattern = regex.compile(_end_only(pattern))
        self._named = set(map(ord, pattern)) | {int(found[1].strip("{}"), 16) for found in _ESCAPED.finditer(pattern)}

    def split(self, text: bytes) -> list[bytes]:
        """The words of UTF-8 `text`, which joined are `text` again."""
        decoded = text.decode("utf-8", "surrogateescape")
        words, end = [], 0
        # Each stand-in is one code point for one, so matches in the changed text are matches in the text.
        changed = decoded if decoded.isascii() else decoded.translate(self._stand_ins)
        for match in self._pattern.finditer(changed):
            if match.start() > end:
                words.append(decoded[end : match.start()])
            if match.end() > max(end, match.start()):
                words.append(decoded[match.start() : match.end()])
            end = max(end, match.end())
        if end < len(decoded):
            words.append(decoded[end:])
        return [word.encode("utf-8", "surrogateescape") for word in words]

    @functools.cached_property
    def _stand_ins(self) -> dict[int, int]:
        """What to put for newer characters; those that the pattern names are themselves, whatever their class."""
        return {point: other for point, other in _stand_ins().items() if point not in self._named}

    def ends(self, text: bytes) -> npt.NDArray[np.int64]:
        """int64[number of words]: where each word ends, in bytes."""
        import numpy as np

        return np.cumsum([len(word) for word in self.split(text)], dtype=np.int64)


@dataclass(frozen=True)
class Split:
    """A pattern made ready: `scanner` serves it, or `fallback` does, with the `reason`."""

    pattern: str
    scanner: Splitter | None
    fallback: RegexSplitter | None
    reason: str

    @property
    def cut(self) -> Callable[[bytes], int] | None:
        """Finds the last place where text can be cut so that both parts split as the whole; None if nothing can."""
        return find_cut if self.scanner else None

    def split(self, text: bytes) -> list[bytes]:
        """The words of UTF-8 `text`."""
        return (self.scanner or self.fallback).split(text)  # type: ignore[union-attr]


@functools.lru_cache(maxsize=64)
def prepare(pattern: str) -> Split:
    """The splitter for a pattern given by name or as a regular expression; ValueError if it is neither."""
    text = resolve(pattern)
    scheme = _SCHEMES.get(text)
    if scheme is not None:
        return Split(text, SchemeSplitter(**scheme), None, "a known family, split by the compiled scanner")
    import regex

    try:
        fallback = RegexSplitter(text)
    except regex.error as error:
        raise ValueError(f"the pattern is not a valid regular expression: {error}") from None
    return Split(text, None, fallback, "not one of the compiled families, split by the regex module in its own dialect")


def resolve(pattern: str) -> str:
    """The regular expression that a name stands for; a regular expression stands for itself."""
    if pattern in PATTERNS:
        return PATTERNS[pattern]
    if not pattern:
        raise ValueError("the pattern is empty; to keep text whole, use the pattern r'[\\s\\S]+'")
    if re.fullmatch(r"[\w.-]*\w\w[\w.-]*", pattern):
        raise ValueError(f"there is no pattern named {pattern!r}; the names are {', '.join(PATTERNS)}")
    return pattern


def name_of(pattern: str) -> str | None:
    """The name of a regular expression, if it has one."""
    return next((name for name, text in PATTERNS.items() if text == pattern), None)


# What Unicode changed after 16.0 in characters that already were: U+0295 went from \p{Ll} to \p{Lo}. Its stand-in is
# another letter that is \p{Ll} in every version.
_RECLASSED = {0x295: 0x251}
_UNASSIGNED = 0x378


# Characters written by their number: \\u0295, \\U00000295, \\x{295}, \\xb5.
_ESCAPED = re.compile(r"\\[uUx]((?<=u)[0-9A-Fa-f]{4}|(?<=U)[0-9A-Fa-f]{8}|(?<=x)[0-9A-Fa-f]{2}|(?<=x)\{[0-9A-Fa-f]+\})")
_CLASS_OR_ESCAPE_OR_END = re.compile(r"\[\^?\]?(?:\\.|[^\\\]])*\]|\\.|\$", re.DOTALL)


def _end_only(pattern: str) -> str:
    """The pattern with `$` as other engines take it: the end of the text, and not also before a last newline."""
    return str(_CLASS_OR_ESCAPE_OR_END.sub(lambda found: r"\Z" if found[0] == "$" else found[0], pattern))


@functools.cache
def _stand_ins() -> dict[int, int]:
    """Code points that the installed `regex` classes otherwise than Unicode 16.0, each with its stand-in."""
    import regex

    everything = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    classed = "".join(regex.findall(r"[\p{L}\p{N}\p{M}\p{P}\p{S}\s]+", everything))
    newer = (ord(char) for char in classed if not classes(ord(char)))
    return dict.fromkeys(newer, _UNASSIGNED) | _RECLASSED
