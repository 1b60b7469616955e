"""Text to segments, as a tokenizer's Preprocessing says: tokens found by their names, and ordinary text between them.

The order is that of Hugging Face's tokenizers: names that are looked for in the text as it is, then the normal form of
what is left, then names that are looked for in that, then the space before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from pybpe.encode.growing import GrowingNames, GrowingSegments
from pybpe.encode.segments import (
    FindNames,
    Located,
    Names,
    Normalize,
    PrefixSpace,
    SegmentStage,
    split_located,
    split_plain,
)
from pybpe.encode.special_tokens import Text
from pybpe.normalization.normalizer import apply, apply_aligned, kept_part, prepare
from pybpe.normalization.preprocessing import PLAIN, Preprocessing
from pybpe.normalization.unicode_forms import is_boundary

Cut = Callable[[bytes], int]

_WINDOW = 256  # bytes looked at for places to cut
_AHEAD = 64  # bytes looked at behind such a place


class Segmenter:
    """Cuts text in segments as one tokenizer does. Immutable."""

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
        space = preprocessing.add_prefix_space
        self._space = PrefixSpace(space == "first") if space else None
        self._nothing_found = form is None and not preprocessing.added_tokens and not space
        # True if a text is cut at its names, and its segments are otherwise the text as it is.
        self.is_verbatim = form is None and not space and not preprocessing.flags

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
        if normal and self._space is not None and self._space.needed(normal, True):
            return " " + normal if isinstance(normal, str) else b" " + normal
        return normal

    def searched(self, names: Names) -> tuple[Names, Names]:
        """Return what is searched for in a text, and what in its normal form, so that none of these names is missed."""
        names |= self.added
        return names, names if self._in_normal else frozenset()  # what is found of a name in normal text holds the name

    def split(self, text: Text, allowed: Names) -> list[Text | int]:
        """Return the segments of a text: ordinary ones, and the ids of added tokens and of the `allowed` special ones.

        An ordinary segment is str or UTF-8. Where nothing is to be done, the one segment is `text` itself. Bytes that
        are not UTF-8 stay as they are.
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
        if self._nothing_found and not allowed:
            return [text]
        if not self._in_str:
            try:
                return split_plain(self._stages(allowed, self._normal), text)
            except UnicodeEncodeError:  # a lone surrogate
                return split_plain(self._stages(allowed, self._apply), text)
        decoded = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
        segments = split_plain(self._stages(allowed, self._apply), decoded)
        if len(segments) == 1 and segments[0] is decoded:
            return [text]
        if isinstance(text, str):
            return segments
        return [each.encode("utf-8", "surrogateescape") if isinstance(each, str) else each for each in segments]

    def split_with_offsets(self, text: str, allowed: Names) -> list[Located]:
        """Return the segments of `split`, each with its place in the text."""
        return split_located(self._stages(allowed, self._apply), text)

    def _stages(self, allowed: Names, normal: Callable[[Text], Text] | None) -> list[SegmentStage]:
        """Return the stages of a text in which these special tokens are taken; normal: what makes the normal form."""
        in_text, in_normal = self._by_stage(allowed | self.added) if allowed else self._added
        flags, form = self._preprocessing.flags, self._preprocessing.normalizer
        stages: list[SegmentStage] = []
        if in_text:
            stages.append(FindNames(in_text, self._ids, flags))
        if form is not None and normal is not None:
            stages.append(Normalize(normal, functools.partial(apply_aligned, form)))
        if in_normal:
            stages.append(FindNames(in_normal, self._ids, flags, self._meant))
        if self._space is not None:
            stages.append(self._space)
        return stages

    def _by_stage(self, names: Names) -> tuple[Names, Names]:
        """Return the names to be found in the text as it is, and what is looked for in its normal form."""
        return names - self._in_normal, frozenset(self._spelled[name] for name in names & self._in_normal)

    def _apply(self, text: Text) -> Text:
        """The normal form of a str, which may hold lone surrogates."""
        return apply(self._preprocessing.normalizer, text)  # type: ignore[arg-type]

    def growing(self) -> GrowingSegments:
        """Return what reads a text that grows, in which no special tokens are looked for."""

        def finder(names: Names, meant: Mapping[str, str]) -> Callable[[], GrowingNames]:
            flags = self._preprocessing.flags
            asked = {flag for name in names for flag in flags.get(meant.get(name, name), ())}
            wide = not asked.isdisjoint(("lstrip", "rstrip", "single_word"))
            return lambda: GrowingNames(names, FindNames(names, self._ids, flags, meant).spans, wide)

        in_text, in_normal = self._added
        needs_space = self._space.needed if self._space is not None else lambda text, first: False
        form = self._preprocessing.normalizer
        return GrowingSegments(form, finder(in_text, {}), finder(in_normal, self._meant), needs_space)

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
