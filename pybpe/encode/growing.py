"""Normalization and segments of a text that grows at its end, equal to those of the whole text.

Each class receives the text in parts: `feed` returns the result that no further text can change, and `rest` or `tail`
what would follow if the text ended here. The property `state` is all that is kept between calls, as plain data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from pybpe.encode.special_tokens import find_names
from pybpe.normalization.normalizer import Normalizer, Step, apply, pattern_parts
from pybpe.normalization.stages import WHITE_SPACE
from pybpe.normalization.unicode_forms import FORMS, is_boundary

Spans = Callable[[str], Iterator[tuple[int, int, int | None]]]  # see FindNames.spans


class GrowingStep:
    """A step that changes each character by itself: Lowercase, StripAccents, Nmt, or ReplaceAll of one character."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.state: Any = ""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the result that no further text can change."""
        return self.apply(text)

    def rest(self) -> str:
        """Return the result for the text that was kept, as if the text ended here."""
        return ""

    def apply(self, text: str) -> str:
        """Return the result of the step for a whole text."""
        return apply((self.step,), text)


class GrowingForm(GrowingStep):
    """The step NFC, NFD, NFKC or NFKD. It keeps the text from the last boundary of normalization on."""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the result that no further text can change."""
        place = next((place for place in range(len(text) - 1, -1, -1) if is_boundary(text[place])), -1)
        if place < 0:
            self.state += text
            return ""
        settled, self.state = self.state + text[:place], text[place:]
        return self.apply(settled)

    def rest(self) -> str:
        """Return the result for the text that was kept, as if the text ended here."""
        return self.apply(self.state)


class GrowingReplace(GrowingStep):
    """The step Replace. It keeps the longest suffix of the text that is a prefix of the string to replace."""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the result that no further text can change."""
        old = self.step[1]
        text = self.state + text
        done = 0
        while (place := text.find(old, done)) >= 0:
            done = place + len(old)
        start = next(
            (start for start in range(max(done, len(text) - len(old) + 1), len(text)) if old.startswith(text[start:])),
            len(text),
        )
        self.state = text[start:]
        return self.apply(text[:start])

    def rest(self) -> str:
        """Return the result for the text that was kept, as if the text ended here."""
        return str(self.state)


class GrowingReplaceRuns(GrowingStep):
    """The step ReplaceAll for one or more of some characters: a run of them is replaced when it begins."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self._chars = _replaced_chars(step)
        self.state = False  # True if the text ends with such a character

    def feed(self, text: str) -> str:
        """Add text. Return the part of the result that no further text can change."""
        if self.state:
            text = text.lstrip(self._chars)
        if text:
            self.state = text[-1] in self._chars
        return self.apply(text)


class GrowingReplaceAll(GrowingStep):
    """The step ReplaceAll for any other pattern. It keeps the run, at the end, of characters that can be in a match."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self._chars = _replaced_chars(step)

    def feed(self, text: str) -> str:
        """Add text. Return the part of the result that no further text can change."""
        text = self.state + text
        settled = text.rstrip(self._chars)
        self.state = text[len(settled) :]
        return self.apply(settled)

    def rest(self) -> str:
        """Return the result for the text that was kept, as if the text ended here."""
        return self.apply(self.state)


class GrowingPrepend(GrowingStep):
    """The step Prepend."""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the result that no further text can change."""
        if self.state or not text:
            return text
        self.state = "begun"
        return self.apply(text)


class GrowingStrip(GrowingStep):
    """The step Strip. It keeps the white space at the end, as nested pairs, so that a long run is not copied."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.state = ("left" not in step, ())

    def feed(self, text: str) -> str:
        """Add text. Return the part of the result that no further text can change."""
        begun, kept = self.state
        if not begun:
            text = text.lstrip(WHITE_SPACE)
        if not text:
            return ""
        if "right" not in self.step:
            self.state = True, ()
            return text
        body = text.rstrip(WHITE_SPACE)
        if not body:
            self.state = True, (text, kept)
            return ""
        parts = [body]
        while kept:
            part, kept = kept
            parts.append(part)
        spaces = text[len(body) :]
        self.state = True, (spaces, ()) if spaces else ()
        return "".join(reversed(parts))


_KINDS: dict[str, type[GrowingStep]] = {
    **dict.fromkeys(FORMS, GrowingForm),
    "Replace": GrowingReplace,
    "Prepend": GrowingPrepend,
    "Strip": GrowingStrip,
}


def growing_step(step: Step) -> GrowingStep:
    """Return the object that applies one step of a normalizer to a text that grows."""
    if step[0] == "ReplaceAll":
        counts = [count for _, count in pattern_parts(step[1])]
        kind = {"": GrowingStep, "+": GrowingReplaceRuns}.get(counts[0], GrowingReplaceAll)
        return (kind if len(counts) == 1 else GrowingReplaceAll)(step)
    return _KINDS.get(step[0], GrowingStep)(step)


def _replaced_chars(step: Step) -> str:
    """Return all characters that a match of the pattern of a ReplaceAll can hold."""
    return "".join(chars for chars, _ in pattern_parts(step[1]))


class GrowingNormal:
    """The normal form of a text that grows at its end."""

    def __init__(self, normalizer: Normalizer | None) -> None:
        steps = ((normalizer,),) if isinstance(normalizer, str) else normalizer or ()
        self._steps = [growing_step(step) for step in steps]

    def feed(self, text: str) -> str:
        """Add text. Return the part of the normal form that no further text can change."""
        for step in self._steps:
            text = step.feed(text)
        return text

    def rest(self) -> str:
        """Return the rest of the normal form, as if the text ended here. The state does not change."""
        text, state = "", self.state
        for step in self._steps:
            text = (step.feed(text) if text else "") + step.rest()
        self.state = state
        return text

    @property
    def state(self) -> tuple[Any, ...]:
        """The state of each step."""
        return tuple(step.state for step in self._steps)

    @state.setter
    def state(self, state: tuple[Any, ...]) -> None:
        for step, of_step in zip(self._steps, state, strict=True):
            step.state = of_step


class GrowingNames:
    """The names in a text that grows at its end, and the text between them.

    names: the strings to search for. spans: the function that finds them in a whole text. wide: True if the characters
    beside a name matter, by its flags.
    """

    def __init__(self, names: frozenset[str], spans: Spans, wide: bool) -> None:
        self._names = names
        self._prefixes = _proper_prefixes(names)
        self._longest = max(map(len, names), default=0)
        self._spans = spans
        self._wide = wide
        self.state = ""  # text that may belong to a name

    def feed(self, text: str) -> list[str | int]:
        """Add text. Return the ids of names, and the text between them, that no further text can change."""
        if not self._names:
            return [text] if text else []
        text = self.state + text
        end = self._settled(text)
        self.state = text[end:]
        return self._found(text[:end])

    def rest(self) -> list[str | int]:
        """Return the ids of names and the text between them that would follow if the text ended here."""
        return self._found(self.state)

    def _found(self, text: str) -> list[str | int]:
        return [text[start:end] if token is None else token for start, end, token in self._spans(text)]

    def _settled(self, text: str) -> int:
        """Return the last known cut of the text: the names before it do not depend on the text after it."""
        done, limit = 0, self._first_open(text, 0)
        matches: list[tuple[int, int]] = []
        for match in find_names(self._names, text).finditer(text):
            if match.start() >= limit:
                break
            matches.append(match.span())
            done = match.end()
            if done > limit:
                limit = self._first_open(text, done)
        return self._apart(text, limit, matches) if self._wide else limit

    def _first_open(self, text: str, start: int) -> int:
        """Return the first position from `start` on where a name may begin that further text would complete."""
        for place in range(max(start, len(text) - self._longest + 1), len(text)):
            if text[place:] in self._prefixes:
                return place
        return len(text)

    @staticmethod
    def _apart(text: str, limit: int, matches: list[tuple[int, int]]) -> int:
        """Return the last cut up to `limit` at which no name depends on the other side, 0 if there is none.

        matches: the (start, end) of the names in the text. Such a cut is after a character that is outside all names
        and no white space, where no name begins; or it is between two characters that are neither white space nor word
        characters, and not inside a name.
        """
        for place in range(min(limit, len(text) - 1), 0, -1):
            while matches and matches[-1][0] > place:
                matches.pop()
            start, end = matches[-1] if matches else (-1, -1)
            if start < place < end:
                continue
            before = text[place - 1]
            if before in WHITE_SPACE:
                continue
            if place < limit and start != place and end != place:
                return place
            if not (text[place] in WHITE_SPACE or _may_be_word(before) or _may_be_word(text[place])):
                return place
        return 0


def _may_be_word(char: str) -> bool:
    """Return False for ASCII characters that are no word characters, and True for all others."""
    return not (char.isascii() and not char.isalnum() and char != "_")


@functools.lru_cache(maxsize=16)
def _proper_prefixes(names: frozenset[str]) -> frozenset[str]:
    """Return all prefixes of names that are shorter than the name and not empty."""
    return frozenset(name[:size] for name in names for size in range(1, len(name)))


class GrowingSegments:
    """The segments of a text that grows at its end, equal to those that Segmenter makes of the whole text.

    in_text, in_normal: functions that return a new GrowingNames for the names searched for in the text, and in its
    normal form. spaced: a function that returns True if a segment gets a space before it. Text is str decoded with
    errors="surrogateescape".
    """

    def __init__(
        self,
        normalizer: Normalizer | None,
        in_text: Callable[[], GrowingNames],
        in_normal: Callable[[], GrowingNames],
        spaced: Callable[[str, bool], bool],
    ) -> None:
        self._normal = GrowingNormal(normalizer)
        self._fresh = self._normal.state
        self._in_text = in_text()
        self._in_normal = in_normal()
        self._spaced = spaced
        self._first = True  # True before the first segment of the text
        self._open = False  # True if the last segment is ordinary text, which may continue

    def feed(self, text: str) -> list[str | int]:
        """Add text. Return the ids of names and the text between them, in order, that no further text can change."""
        return self._read(self._in_text.feed(text))

    def tail(self) -> list[str | int]:
        """Return the ids and the text that would follow if the text ended here."""
        state = self.state
        segments = self._read(self._in_text.rest()) + self._end_stretch()
        self.state = state
        return segments

    def _read(self, items: list[str | int]) -> list[str | int]:
        """Return the segments of the text between the names found in it, and the ids of these names."""
        segments: list[str | int] = []
        for item in items:
            if isinstance(item, int):
                segments += self._end_stretch()
                segments.append(item)
                self._first = self._open = False
            else:
                segments += self._with_spaces(self._in_normal.feed(self._normal.feed(item)))
        return segments

    def _end_stretch(self) -> list[str | int]:
        """Return the segments that remain before a name or the end of the text, and reset the normalization."""
        segments = self._with_spaces(self._in_normal.feed(self._normal.rest()))
        segments += self._with_spaces(self._in_normal.rest())
        self._normal.state = self._fresh
        self._in_normal.state = ""
        return segments

    def _with_spaces(self, items: list[str | int]) -> list[str | int]:
        """Return normalized text with the spaces before it, and the ids between."""
        segments: list[str | int] = []
        for item in items:
            if isinstance(item, str) and not self._open and self._spaced(item, self._first):
                item = f" {item}"
            segments.append(item)
            self._open = isinstance(item, str)
            self._first = False
        return segments

    @property
    def state(self) -> tuple[Any, ...]:
        """All that is kept of the text so far, as plain data."""
        return self._in_text.state, self._normal.state, self._in_normal.state, self._first, self._open

    @state.setter
    def state(self, state: tuple[Any, ...]) -> None:
        self._in_text.state, self._normal.state, self._in_normal.state, self._first, self._open = state
