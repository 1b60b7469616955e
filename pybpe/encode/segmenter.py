"""Text to pieces: tokens found by their names, and the ordinary text between them, in its normal form.

What `reading` describes is done here, in the order of Hugging Face's tokenizers: names that are looked for in the text
as it is, then the normal form of what is left, then names that are looked for in that, then the space before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, AnyStr

from pybpe._core.unicode import classes
from pybpe.encode.growing import GrowingNames, GrowingSegments
from pybpe.encode.special_tokens import Text, find_names, find_one_of
from pybpe.normalization.normalizer import WHITE_SPACE, apply, apply_aligned, kept_part, prepare
from pybpe.normalization.preprocessing import PLAIN, Preprocessing
from pybpe.normalization.unicode_forms import is_boundary

if TYPE_CHECKING:
    import regex

Cut = Callable[[bytes], int]
Names = frozenset[str]
Places = list[tuple[int, int]]  # of each character of a piece, where in the text it comes from

NOT_SPELLED: Mapping[str, str] = {}
_WHITE_SPACE = frozenset(WHITE_SPACE)
_JOINERS = ("\u200c", "\u200d")
_WINDOW = 256  # bytes looked at for places to cut
_AHEAD = 64  # bytes looked at behind such a place


class Segmenter:
    """Reads text as one tokenizer does. Immutable."""

    def __init__(self, preprocessing: Preprocessing, special_tokens: Mapping[str, int]) -> None:
        self.plain = preprocessing == PLAIN  # whether text is taken as it is but for special tokens
        self._preprocessing = preprocessing
        self._ids = {**special_tokens, **preprocessing.added_tokens}
        self._in_normal: Names = frozenset(name for name, flags in preprocessing.flags.items() if "normalized" in flags)
        # What is looked for is mostly the name itself.
        self._spelled = {name: preprocessing.spelling(name) for name in self._in_normal}
        self._meant = {text: name for name, text in self._spelled.items()}
        self.added: Names = frozenset(preprocessing.added_tokens)
        self._added = self._by_stage(self.added)
        # Flags that ask what stands beside a name are only seen to in str.
        self._in_str = any(set(flags) - {"normalized"} for flags in preprocessing.flags.values())
        form = preprocessing.normalizer
        self._normal = prepare(form) if form is not None else None
        # None of the names to be found in normal text is there without one of these in the text itself.
        self._signs = {kept_part(form, spelled) for spelled in self._spelled.values()} if form is not None else set()
        self._signs_in_bytes = {sign.encode() for sign in self._signs}
        self._nothing_found = form is None and not preprocessing.added_tokens and not preprocessing.add_prefix_space
        # True if a text is cut at its names, and its pieces are otherwise the text as it is.
        self.is_verbatim = form is None and not preprocessing.add_prefix_space and not preprocessing.flags

    def normal(self, text: Text) -> Text:
        """Return the text in which names with the flag "normalized" are looked for.

        It is the normal form, as str or as UTF-8, or the text itself if that is the same or can hold no such name.
        """
        if self._normal is None or not self._in_normal:
            return text
        if isinstance(text, str):
            if not any(sign in text for sign in self._signs):
                return text
        elif not any(sign in text for sign in self._signs_in_bytes):
            return text
        try:
            return self._normal(text)
        except UnicodeEncodeError:  # a lone surrogate
            return apply(self._preprocessing.normalizer, text)  # type: ignore[arg-type]

    def alone(self, text: str) -> Text:
        """Return the one piece that a text is, perhaps an empty one, in which `searched` finds none of the names.

        Raises UnicodeEncodeError for a lone surrogate.
        """
        normal = self._normal(text) if self._normal else text
        return self._with_space(normal, True) if normal else normal

    def searched(self, names: Names) -> tuple[Names, Names]:
        """Return what is searched for in a text, and what in its normal form, so that none of these names is missed."""
        names |= self.added
        return names, names if self._in_normal else frozenset()  # what is found of a name in normal text holds the name

    def split(self, text: Text, allowed: Names) -> list[Text | int]:
        """Return the pieces of a text: ordinary ones, and the ids of added tokens and of the `allowed` special ones.

        An ordinary piece is str or UTF-8. Where nothing is to be done, the one piece is `text` itself. Bytes that are
        not UTF-8 stay as they are.
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
        if self.plain or (self._nothing_found and not allowed):
            return list(self._cut(text, allowed)) if allowed else [text]  # type: ignore[type-var]
        in_text, in_normal = (
            self._added if not allowed else self._by_stage(allowed.union(self._preprocessing.added_tokens))
        )
        if not self._in_str:
            try:
                return self._read(text, in_text, in_normal, self._normal)
            except UnicodeEncodeError:  # a lone surrogate
                return self._read(text, in_text, in_normal, self._apply)
        decoded = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
        pieces = self._read(decoded, in_text, in_normal, self._apply)
        if len(pieces) == 1 and pieces[0] is decoded:
            return [text]
        if isinstance(text, str):
            return pieces
        return [piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece for piece in pieces]

    def _apply(self, text: Text) -> Text:
        """The normal form of a str, which may hold lone surrogates."""
        return apply(self._preprocessing.normalizer, text)  # type: ignore[arg-type]

    def split_with_offsets(self, text: str, allowed: Names) -> Iterator[tuple[str | int, Places | None, int, int]]:
        """As `of`, each piece with the places of its characters and the (start, end) of all of it.

        None for the places of a piece that is the text from start to end.
        """
        in_text, in_normal = self._stages(allowed)
        for start, end, token in self._spans(text, in_text):
            if token is not None:
                yield token, None, start, end
                continue
            normal, places = text[start:end], None
            if self._preprocessing.normalizer:
                normal, found = apply_aligned(self._preprocessing.normalizer, text[start:end])
                places = None if normal == text[start:end] else [(start + first, start + last) for first, last in found]
            for first, last, token in self._spans(normal, in_normal, self._meant):
                where = _around(places[first:last]) if places else (start + first, start + last)
                if token is not None:
                    yield token, None, *where
                    continue
                piece, of_piece = normal[first:last], places[first:last] if places else None
                if self._spaced(piece, start == first == 0):
                    of_piece = of_piece or [(place, place + 1) for place in range(*where)]
                    piece, of_piece = " " + piece, [(where[0], where[0]), *of_piece]
                yield piece, of_piece, *where

    def growing(self) -> GrowingSegments:
        """Return what reads a text that grows, in which no special tokens are looked for."""

        def finder(names: Names, meant: Mapping[str, str]) -> Callable[[], GrowingNames]:
            flags = {flag for name in names for flag in self._preprocessing.flags.get(meant.get(name, name), ())}
            wide = not flags.isdisjoint(("lstrip", "rstrip", "single_word"))
            return lambda: GrowingNames(names, lambda text: self._spans(text, names, meant), wide)

        in_text, in_normal = self._added
        return GrowingSegments(
            self._preprocessing.normalizer, finder(in_text, NOT_SPELLED), finder(in_normal, self._meant), self._spaced
        )

    def cut(self, cut: Cut | None) -> Cut | None:
        """What finds a place where text can be cut so that both parts give the pieces and words of the whole.

        cut: what does it for the words alone. None if no place is safe.
        """
        flags = {flag for name in self._preprocessing.added_tokens for flag in self._preprocessing.flags.get(name, ())}
        if self.plain or cut is None:
            return cut
        if isinstance(self._preprocessing.normalizer, tuple) or self._preprocessing.add_prefix_space == "first":
            return None
        if flags & {"lstrip", "rstrip", "single_word"} or ("normalized" in flags and self._preprocessing.normalizer):
            return None  # what a name takes or needs beside it could lie on the other side
        return functools.partial(self._last_cut, cut)

    def _last_cut(self, cut: Cut, text: bytes) -> int:
        """The last safe place in a text, 0 if there is none."""
        names = [name.encode() for name in self._preprocessing.added_tokens]
        end = len(text) - max(map(len, names), default=1) + 1  # beyond it, a name could go on in what follows
        while end > 0:
            start = max(0, end - _WINDOW)
            window = text[start : end + _AHEAD]
            place = end - start + 1
            while place := cut(window[:place]):
                at = start + place
                if self._may_cut(cut, window, place) and not any(
                    name in text[max(0, at - len(name) + 1) : at + len(name) - 1] for name in names
                ):
                    return at
            end = start + 8 if start else 0  # so that no character is looked at only in part
        return 0

    def _may_cut(self, cut: Cut, window: bytes, place: int) -> bool:
        """Whether a place between two words is still one in the normal form."""
        before = window[:place].decode("utf-8", "surrogateescape")
        behind = window[place:].decode("utf-8", "surrogateescape")
        if self._preprocessing.add_prefix_space and behind[0] != " ":
            return False
        form = self._preprocessing.normalizer
        if form is None:
            return True
        # What stands before must be settled without what is behind, and the first character behind in what is seen.
        if not is_boundary(behind[0]) or not any(is_boundary(char) and char < "\ud800" for char in behind[1:]):
            return False
        before = apply(form, before)
        together = (before + apply(form, behind)[0]).encode("utf-8", "surrogateescape")
        return cut(together) == len(before.encode("utf-8", "surrogateescape"))

    def _stages(self, allowed: Names) -> tuple[Names, Names]:
        """The names to be found in the text as it is, and those to be found in its normal form."""
        if not allowed:
            return self._added
        return self._by_stage(allowed.union(self._preprocessing.added_tokens))

    def _by_stage(self, names: Names) -> tuple[Names, Names]:
        return names - self._in_normal, frozenset(self._spelled[name] for name in names & self._in_normal)

    def _read(
        self, text: Text, in_text: Names, in_normal: Names, normal: Callable[[Text], Text] | None
    ) -> list[Text | int]:
        """The pieces of a text; normal: the function that makes its normal form, None for the text as it is."""
        if not in_text or find_one_of(in_text, text) is None:
            return self._read_normal(normal(text) if normal else text, in_normal, True)
        pieces: list[Text | int] = []
        for start, end, token in self._spans(text, in_text):  # type: ignore[type-var]
            if token is not None:
                pieces.append(token)
            else:
                part = text[start:end]
                pieces += self._read_normal(normal(part) if normal else part, in_normal, start == 0)
        return pieces

    def _read_normal(self, normal: Text, names: Names, first: bool) -> list[Text | int]:
        """The pieces of a stretch of text in its normal form; `first`: the text begins with it."""
        if not names or find_one_of(names, normal) is None:
            return [self._with_space(normal, first)] if normal else []
        pieces: list[Text | int] = []
        for start, end, token in self._spans(normal, names, self._meant):  # type: ignore[type-var]
            pieces.append(self._with_space(normal[start:end], first and start == 0) if token is None else token)
        return pieces

    def _with_space(self, part: Text, first: bool) -> Text:
        """A stretch of text between tokens, and the space before it that it may need."""
        if not self._preprocessing.add_prefix_space or not self._spaced(part, first):
            return part
        return " " + part if isinstance(part, str) else b" " + part

    def _spaced(self, part: Text, first: bool) -> bool:
        """Whether a stretch of text between tokens gets a space before it; `first`: the text begins with it."""
        return (
            first if self._preprocessing.add_prefix_space == "first" else bool(self._preprocessing.add_prefix_space)
        ) and part[:1] not in (" ", b" ")

    def _cut(self, text: AnyStr, names: Names) -> Iterator[AnyStr | int]:
        """The text between names, and the ids of the names."""
        for start, end, token in self._spans(text, names):
            yield text[start:end] if token is None else token

    def _spans(
        self, text: AnyStr, names: Names, meant: Mapping[str, str] = NOT_SPELLED
    ) -> Iterator[tuple[int, int, int | None]]:
        """(start, end) of each name with its id, and of what stands between them with None; nothing of them is empty.

        meant: {what is looked for: the name that it is of}, where they differ.

        The search goes from left to right; of names that match at one place the longest wins. A name that takes the
        white space behind it does not keep another from being found in there, unless that takes what is before it.
        """
        done = 0
        if find_one_of(names, text) is not None:
            for start, end, name in self._found(text, names, meant):
                if "lstrip" in self._preprocessing.flags.get(name, ()):
                    start = max(start, done)
                if done < start:
                    yield done, start, None
                if start < end:
                    yield start, end, self._ids[name]
                done = end
        if done < len(text):
            yield done, len(text), None

    def _found(self, text: AnyStr, names: Names, meant: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
        """(start, end, name) of each name, with the white space that belongs to it. Flags are only seen to in str."""
        for match in find_names(names, text).finditer(text):
            found = match.group()
            name = found if isinstance(found, str) else found.decode()
            name = meant.get(name, name)
            start, end = match.span()
            flags = self._preprocessing.flags.get(name)
            if flags and isinstance(text, str):
                if "single_word" in flags and (_is_word(text[start - 1 : start]) or _is_word(text[end : end + 1])):
                    continue
                while "lstrip" in flags and start > 0 and text[start - 1] in _WHITE_SPACE:
                    start -= 1
                while "rstrip" in flags and end < len(text) and text[end] in _WHITE_SPACE:
                    end += 1
            yield start, end, name


def _around(places: Places) -> tuple[int, int]:
    """The (start, end) of all of a text that characters were made from."""
    return min(start for start, _ in places), max(end for _, end in places)


def _is_word(char: str) -> bool:
    """Whether a character, if there is one, is part of a word: by Unicode 16.0, as Rust's regex crate has it."""
    return char in _JOINERS or bool(char and _word().match(char) and classes(ord(char)))


@functools.cache
def _word() -> regex.Pattern[str]:
    import regex  # takes longer to import than pybpe

    return regex.compile(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]")
