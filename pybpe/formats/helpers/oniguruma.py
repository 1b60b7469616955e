"""Conversion of split patterns to and from Oniguruma, the regex library of Hugging Face's tokenizers.

The two languages differ: in Oniguruma `$` is the end of any line, `\\h` a hexadecimal digit, and `{1,3}+` a repeated
repetition, where pybpe takes it as possessive. A pattern is converted if it is a known one, or if each of its parts is
on the list of parts that mean the same in both. All other patterns are refused.
"""

from __future__ import annotations

import re

from pybpe.pretokenization.patterns import (
    BLOOM,
    CL100K,
    CLIP,
    GPT2,
    GPT2_ORIGINAL,
    GPT4,
    KIMI,
    LLAMA3,
    NANOCHAT,
    O200K,
    QWEN2,
    QWEN35,
    TEKKEN,
)

MAX_SIZE = 10_000  # characters
MAX_DEPTH = 50
MAX_COUNT = 1000

# {known pattern: its form in Oniguruma}; tests compare how both split.
_FAMILIES = {
    pattern: pattern for pattern in (GPT2_ORIGINAL, GPT2, GPT4, LLAMA3, NANOCHAT, O200K, QWEN2, QWEN35, TEKKEN, KIMI)
}
_FAMILIES[CL100K] = CL100K.replace("{1,3}+", "{1,3}")
_FAMILIES[BLOOM] = BLOOM.replace("|.,!?…。，、।۔،)", "|[.,!?…。，、।۔،])")

_PROPERTY = re.compile(
    r"\\[pP]\{(L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|Han|Hiragana|Katakana|Hangul)\}"
)
_ESCAPE = re.compile(r"""\\[rntfsSdD\\/^$.|?*+()\[\]{}\-'"!#%&,:;<=>@_`~ ]""")
_COUNT = re.compile(r"\{(\d{1,6})(,(\d{1,6})?)?\}")
# Without case, Oniguruma matches these letters with ß, ﬁ or İ too.
_PLAIN = re.compile(r"\(\?i:[A-Za-z0-9' |]*\)")
_FOLDED_TOGETHER = re.compile(r"s[st]|f[fil]|i", re.IGNORECASE)


class UnclearPatternError(ValueError):
    """A pattern that may mean something else in the other language; the message names the part."""


def from_oniguruma(pattern: str) -> str:
    """Convert a pattern of Oniguruma to pybpe's. Raises UnclearPatternError if it may mean something else."""
    for ours, theirs in _FAMILIES.items():
        if theirs == pattern:
            return ours
    _check(pattern)
    return pattern


def to_oniguruma(pattern: str) -> str:
    """Convert a pattern of pybpe to Oniguruma's. Raises UnclearPatternError if it may mean something else."""
    if pattern in _FAMILIES:
        return _FAMILIES[pattern]
    _check(pattern)
    return pattern


def covers_all(pattern: str) -> bool:
    """Return True if a pattern of pybpe is known to match every character of every text."""
    return pattern in _FAMILIES and pattern != BLOOM


def covers_all_but_space(pattern: str) -> bool:
    """Return True if a pattern is known to match every character except white space, and no white space."""
    return pattern in (CLIP, rf"<\|startoftext\|>|<\|endoftext\|>|{CLIP}")


def _check(pattern: str) -> None:
    if len(pattern) > MAX_SIZE:
        raise UnclearPatternError(f"it has {len(pattern):,} characters, more than {MAX_SIZE:,}")
    if _Parser(pattern).shortest() == 0:
        raise UnclearPatternError("it can match nothing at all, between two characters")


class _Parser:
    """A parser whose methods each return the minimum number of characters that their part of the pattern matches."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0
        self._depth = 0

    def shortest(self) -> int:
        """Return the minimum for the whole pattern. Raises UnclearPatternError for a part not on the list."""
        least = self._alternatives()
        if self._place < len(self._pattern):
            raise self._unclear(")")
        return least

    def _alternatives(self) -> int:
        least = self._sequence()
        while self._take("|"):
            least = min(least, self._sequence())
        return least

    def _sequence(self) -> int:
        total = 0
        while self._place < len(self._pattern) and self._pattern[self._place] not in "|)":
            total += self._repeated(self._atom())
        return total

    def _repeated(self, least: int) -> int:
        counted = self._match(_COUNT)
        if counted:
            low, high = int(counted[1]), int(counted[3] or counted[1])
            if max(low, high) > MAX_COUNT or (counted[3] and high < low):
                raise UnclearPatternError(f"{counted[0]} repeats more than {MAX_COUNT:,} times, or backwards")
            least *= low
        elif self._take("?") or self._take("*"):
            least *= 0
        elif not self._take("+"):
            return least
        if not counted and (self._take("+") or self._take("?")):
            pass  # possessive or lazy
        if self._pattern[self._place : self._place + 1] in ("?", "*", "+", "{"):
            raise self._unclear("a repetition of a repetition, ")
        return least

    def _atom(self) -> int:
        char = self._pattern[self._place]
        if self._match(_PROPERTY) or self._match(_ESCAPE):
            return 1
        if char == "[":
            self._class()
            return 1
        if char == "(":
            return self._group()
        if char in "\\^$?*+{}]":
            raise self._unclear()
        self._place += 1
        return 1

    def _group(self) -> int:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnclearPatternError(f"its groups are nested more than {MAX_DEPTH} deep")
        start = self._place
        opening = next((text for text in ("(?:", "(?>", "(?i:", "(?=", "(?!") if self._take(text)), None)
        if opening is None:
            if self._pattern.startswith("(?", start):
                raise self._unclear()
            self._take("(")
        least = self._alternatives()
        if not self._take(")"):
            raise UnclearPatternError("a group is not closed")
        self._depth -= 1
        body = self._pattern[start : self._place]
        if opening == "(?i:" and (not _PLAIN.fullmatch(body) or _FOLDED_TOGETHER.search(body)):
            raise UnclearPatternError(f"upper and lower case may not be alike in {body[:40]!r}")
        return 0 if opening in ("(?=", "(?!") else least

    def _class(self) -> None:
        start = self._place
        self._place += 1
        self._take("^")
        empty = self._pattern.startswith("]", self._place)
        while not self._take("]") or empty:
            rest = self._pattern[self._place : self._place + 2]
            if len(rest) < 2 or rest[0] == "[" or empty or rest in ("&&", "--", "||", "~~"):
                raise UnclearPatternError(f"the class {self._pattern[start : start + 40]!r}")
            if not self._match(_PROPERTY) and not self._match(_ESCAPE):
                if rest[0] == "\\":
                    raise self._unclear()
                self._place += 1

    def _take(self, text: str) -> bool:
        if self._pattern.startswith(text, self._place):
            self._place += len(text)
            return True
        return False

    def _match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        found = expression.match(self._pattern, self._place)
        if found:
            self._place = found.end()
        return found

    def _unclear(self, what: str = "") -> UnclearPatternError:
        return UnclearPatternError(f"{what}{self._pattern[self._place : self._place + 20]!r}")
