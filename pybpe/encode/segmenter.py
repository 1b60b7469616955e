"""The class Segmenter: text to segments, tokens found by name and the ordinary text between them.

The stages are in the order of Hugging Face's tokenizers: search for names in the text as it is, normalize the rest,
search for names in the normal form, add the prefix space.
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

_WINDOW = 256  # bytes searched at a time for a safe cut
_AHEAD = 64  # bytes after a cut that are examined


class Segmenter:
    """A function from text to segments, by the preprocessing of one tokenizer. Immutable.

    plain: True if nothing but special tokens is searched for or changed. added: the names of the added tokens.
    is_verbatim: True if every ordinary segment is a part of the text as it is.
    """

    def __init__(self, preprocessing: Preprocessing, special_tokens: Mapping[str, int]) -> None:
        self.plain = preprocessing == PLAIN
        self._preprocessing = preprocessing
        self._ids = {**special_tokens, **preprocessing.added_tokens}
        self._in_normal: Names = frozenset(name for name, flags in preprocessing.flags.items() if "normalized" in flags)
        # The string that is searched for in the normal form is the normal form of the name, mostly the name itself.
        self._spelled = {name: preprocessing.spelling(name) for name in self._in_normal}
        self._meant = {text: name for name, text in self._spelled.items()}
        self.added: Names = frozenset(preprocessing.added_tokens)
        self._added = self._by_stage(self.added)
        # Flags about the characters beside a name are implemented for str only.
        self._in_str = any(set(flags) - {"normalized"} for flags in preprocessing.flags.values())
        form = preprocessing.normalizer
        self._normal = prepare(form) if form is not None else None
        # The normal form of a text holds none of its names unless the text holds one of these strings.
        self._signs = {kept_part(form, spelled) for spelled in self._spelled.values()} if form is not None else set()
        self._signs_in_bytes = {sign.encode() for sign in self._signs}
        space = preprocessing.add_prefix_space
        self._space = PrefixSpace(space == "first") if space else None
        self._nothing_found = form is None and not preprocessing.added_tokens and not space
        self.is_verbatim = form is None and not space and not preprocessing.flags

    def normal(self, text: Text) -> Text:
        """Return the text in which names with the flag "normalized" are searched for.

        This is the normal form, as str or UTF-8, or `text` itself if it is in normal form or can hold no such name.
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

    def as_one_segment(self, text: str) -> Text:
        """Return the only segment of a text that holds none of `names_searched`; it may be empty.

        Raises UnicodeEncodeError for a lone surrogate.
        """
        normal = self._normal(text) if self._normal else text
        if normal and self._space is not None and self._space.needed(normal, True):
            return " " + normal if isinstance(normal, str) else b" " + normal
        return normal

    def names_searched(self, names: Names) -> tuple[Names, Names]:
        """Return the names to search for in a text and in its normal form, to find each of `names` and added tokens."""
        names |= self.added
        return names, names if self._in_normal else frozenset()  # the normal form of a name holds the name

    def split(self, text: Text, allowed: Names) -> list[Text | int]:
        """Return the segments of a text: ordinary text, and the ids of added tokens and of `allowed` special tokens.

        An ordinary segment is str or UTF-8. If nothing is found or changed, the only segment is `text` itself. Bytes
        that are not UTF-8 are left unchanged. Raises TypeError if `text` is neither str nor bytes.
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
        """Return the segments of `split`, each with its (start, end) in the text, in characters."""
        return split_located(self._stages(allowed, self._apply), text)

    def _stages(self, allowed: Names, normal: Callable[[Text], Text] | None) -> list[SegmentStage]:
        """Return the stages that find the `allowed` special tokens. normal: the function that normalizes a text."""
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
        """Return the names to search for in the text as it is, and the strings to search for in its normal form."""
        return names - self._in_normal, frozenset(self._spelled[name] for name in names & self._in_normal)

    def _apply(self, text: Text) -> Text:
        """Return the normal form of a str, which may hold lone surrogates."""
        return apply(self._preprocessing.normalizer, text)  # type: ignore[arg-type]

    def growing(self) -> GrowingSegments:
        """Return the segmenter of a text that grows, which finds added tokens and no special tokens."""

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
        """Return a function that returns the last safe cut of a text, 0 if it has none; None if no cut is safe.

        At a safe cut, both parts have the segments and words of the whole. cut: such a function for the words alone.
        """
        flags = {flag for name in self._preprocessing.added_tokens for flag in self._preprocessing.flags.get(name, ())}
        if self.plain or cut is None:
            return cut
        if isinstance(self._preprocessing.normalizer, tuple) or self._preprocessing.add_prefix_space == "first":
            return None
        if flags & {"lstrip", "rstrip", "single_word"} or ("normalized" in flags and self._preprocessing.normalizer):
            return None  # the characters beside a name could be on the other side of a cut
        return functools.partial(self._last_cut, cut)

    def _last_cut(self, cut: Cut, text: bytes) -> int:
        """Return the last safe cut of a text, 0 if there is none."""
        names = [name.encode() for name in self._preprocessing.added_tokens]
        end = (
            len(text) - max(map(len, names), default=1) + 1
        )  # after it, a name could continue in the text that follows
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
            end = start + 8 if start else 0  # windows overlap, so that each character is seen as a whole
        return 0

    def _may_cut(self, cut: Cut, window: bytes, place: int) -> bool:
        """Return True if a cut between two words is between two words of the normal form too."""
        before = window[:place].decode("utf-8", "surrogateescape")
        behind = window[place:].decode("utf-8", "surrogateescape")
        if self._preprocessing.add_prefix_space and behind[0] != " ":
            return False
        form = self._preprocessing.normalizer
        if form is None:
            return True
        # The normal form before the cut must not depend on the text after it, and the window must hold all that decides
        # the normal form of the first character after it.
        if not is_boundary(behind[0]) or not any(is_boundary(char) and char < "\ud800" for char in behind[1:]):
            return False
        before = apply(form, before)
        together = (before + apply(form, behind)[0]).encode("utf-8", "surrogateescape")
        return cut(together) == len(before.encode("utf-8", "surrogateescape"))
