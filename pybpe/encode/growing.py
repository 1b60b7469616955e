"""Text that grows at its end, brought to its normal form and searched for names as the whole text would be.

Each class takes text bit by bit: `feed` gives what no more text can change, and `rest` what would follow if the text
ended here. What is kept between two calls is its `state`, plain data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from pybpe.encode.special_tokens import find_names
from pybpe.normalization.normalizer import Normalizer, Step, apply, pattern_parts
from pybpe.normalization.stages import WHITE_SPACE
from pybpe.normalization.unicode_forms import FORMS, is_boundary

Spans = Callable[[str], Iterator[tuple[int, int, int | None]]]  # (start, end, id of a name or None) of all of a text


class GrowingStep:
    """A step that changes each character on its own: Lowercase, StripAccents, Nmt, or ReplaceAll of one character."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.state: Any = ""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the new form that no more text can change."""
        return self.apply(text)

    def rest(self) -> str:
        """Return the new form of what was kept, as if the text ended here."""
        return ""

    def apply(self, text: str) -> str:
        """Return the new form of a text."""
        return apply((self.step,), text)


class GrowingForm(GrowingStep):
    """NFC, NFD, NFKC or NFKD. Keeps the text from the last character on that joins with nothing before it."""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the new form that no more text can change."""
        place = next((place for place in range(len(text) - 1, -1, -1) if is_boundary(text[place])), -1)
        if place < 0:
            self.state += text
            return ""
        settled, self.state = self.state + text[:place], text[place:]
        return self.apply(settled)

    def rest(self) -> str:
        """Return the new form of what was kept, as if the text ended here."""
        return self.apply(self.state)


class GrowingReplace(GrowingStep):
    """Replace. Keeps the longest end of the text that can be the beginning of what is replaced."""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the new form that no more text can change."""
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
        """Return the new form of what was kept, as if the text ended here."""
        return str(self.state)


class GrowingReplaceRuns(GrowingStep):
    """ReplaceAll of one or more of some characters: one stands for a row of them as soon as the row begins."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self._chars = _replaced_chars(step)
        self.state = False  # whether the text ends with such a character

    def feed(self, text: str) -> str:
        """Add text. Return the part of the new form that no more text can change."""
        if self.state:
            text = text.lstrip(self._chars)
        if text:
            self.state = text[-1] in self._chars
        return self.apply(text)


class GrowingReplaceAll(GrowingStep):
    """ReplaceAll of any other pattern. Keeps the row of characters at the end that matches are made of."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self._chars = _replaced_chars(step)

    def feed(self, text: str) -> str:
        """Add text. Return the part of the new form that no more text can change."""
        text = self.state + text
        settled = text.rstrip(self._chars)
        self.state = text[len(settled) :]
        return self.apply(settled)

    def rest(self) -> str:
        """Return the new form of what was kept, as if the text ended here."""
        return self.apply(self.state)


class GrowingPrepend(GrowingStep):
    """Prepend."""

    def feed(self, text: str) -> str:
        """Add text. Return the part of the new form that no more text can change."""
        if self.state or not text:
            return text
        self.state = "begun"
        return self.apply(text)


class GrowingStrip(GrowingStep):
    """Strip. Keeps white space at the end, as nested pairs, so that a long row costs no copies."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.state = ("left" not in step, ())

    def feed(self, text: str) -> str:
        """Add text. Return the part of the new form that no more text can change."""
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
    """Return all characters that matches of the pattern of a ReplaceAll are made of."""
    return "".join(chars for chars, _ in pattern_parts(step[1]))


class GrowingNormal:
    """The normal form of a text that grows."""

    def __init__(self, normalizer: Normalizer | None) -> None:
        steps = ((normalizer,),) if isinstance(normalizer, str) else normalizer or ()
        self._steps = [growing_step(step) for step in steps]

    def feed(self, text: str) -> str:
        """Add text. Return the part of the normal form that no more text can change."""
        for step in self._steps:
            text = step.feed(text)
        return text

    def rest(self) -> str:
        """Return the rest of the normal form, as if the text ended here."""
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
    """The names in a text that grows, and the text between them.

    names: what is looked for. spans: what does it in a whole text. wide: True if what stands beside a name matters.
    """

    def __init__(self, names: frozenset[str], spans: Spans, wide: bool) -> None:
        self._names = names
        self._beginnings = _beginnings(names)
        self._longest = max(map(len, names), default=0)
        self._spans = spans
        self._wide = wide
        self.state = ""  # text that may belong to a name

    def feed(self, text: str) -> list[str | int]:
        """Add text. Return the ids of names, and the text between them, that no more text can change."""
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
        """Return the largest place known at which the text can be cut."""
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
        """Return the first place from `start` on where a name may begin that more text would complete."""
        for place in range(max(start, len(text) - self._longest + 1), len(text)):
            if text[place:] in self._beginnings:
                return place
        return len(text)

    @staticmethod
    def _apart(text: str, limit: int, matches: list[tuple[int, int]]) -> int:
        """Return the last place up to `limit` at which no name needs what is on the other side, 0 if there is none.

        It lies behind a character that is in no name and is no white space, and no name begins there; or it lies
        between two characters that are neither white space nor parts of words, and in no name.
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
    """True for all characters but some that are surely no part of a word."""
    return not (char.isascii() and not char.isalnum() and char != "_")


@functools.lru_cache(maxsize=16)
def _beginnings(names: frozenset[str]) -> frozenset[str]:
    """Return all beginnings of names but the names themselves, if no longer name has them."""
    return frozenset(name[:size] for name in names for size in range(1, len(name)))


class GrowingSegments:
    """The pieces of a text that grows, as Segmenter gives those of a whole text.

    in_text, in_normal: give a fresh GrowingNames for the names looked for in the text, or in its normal form. spaced:
    tells if a stretch of text gets a space before it. Text is str, with bytes that are no UTF-8 as surrogates.
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
        self._first = True  # whether nothing came before this stretch of text
        self._open = False  # whether a piece of text goes on

    def feed(self, text: str) -> list[str | int]:
        """Add text. Return the ids of names and the text between them, in order, that no more text can change."""
        return self._read(self._in_text.feed(text))

    def tail(self) -> list[str | int]:
        """Return the ids and the text that would follow if the text ended here."""
        state = self.state
        pieces = self._read(self._in_text.rest()) + self._end_stretch()
        self.state = state
        return pieces

    def _read(self, items: list[str | int]) -> list[str | int]:
        """Return the pieces of stretches of text, and the ids of the names between them."""
        pieces: list[str | int] = []
        for item in items:
            if isinstance(item, int):
                pieces += self._end_stretch()
                pieces.append(item)
                self._first = self._open = False
            else:
                pieces += self._parts(self._in_normal.feed(self._normal.feed(item)))
        return pieces

    def _end_stretch(self) -> list[str | int]:
        pieces = self._parts(self._in_normal.feed(self._normal.rest()))
        pieces += self._parts(self._in_normal.rest())
        self._normal.state = self._fresh
        self._in_normal.state = ""
        return pieces

    def _parts(self, items: list[str | int]) -> list[str | int]:
        """Return stretches of normal text with the spaces before them, and the ids between them."""
        pieces: list[str | int] = []
        for item in items:
            if isinstance(item, str) and not self._open and self._spaced(item, self._first):
                item = f" {item}"
            pieces.append(item)
            self._open = isinstance(item, str)
            self._first = False
        return pieces

    @property
    def state(self) -> tuple[Any, ...]:
        """Plain data that tells what was read so far."""
        return self._in_text.state, self._normal.state, self._in_normal.state, self._first, self._open

    @state.setter
    def state(self, state: tuple[Any, ...]) -> None:
        self._in_text.state, self._normal.state, self._in_normal.state, self._first, self._open = state
