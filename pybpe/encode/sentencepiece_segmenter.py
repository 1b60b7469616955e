"""The class SentencePieceSegmenter: text to segments as sentencepiece makes them."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from pybpe._core.unicode import is_utf8
from pybpe.encode.growing import GrowingNames
from pybpe.encode.segmenter import Cut
from pybpe.encode.segments import FindNames, Located, Names, Normalize, SegmentStage, split_located, split_plain
from pybpe.encode.sentencepiece_growing import GrowingSentencePiece
from pybpe.encode.special_tokens import Text
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.normalization.stages import align_stages, apply_stages
from pybpe.util.utf8 import to_utf8


class SentencePieceSegmenter:
    """A function from text to segments, as sentencepiece makes them. Immutable. It has the methods of Segmenter.

    The text between two allowed special tokens is normalized as a text of its own.
    """

    plain = is_verbatim = False

    def __init__(
        self, preprocessing: Preprocessing, spm: SentencePieceNormalizer, special_tokens: Mapping[str, int]
    ) -> None:
        self._ids = {**special_tokens, **preprocessing.added_tokens}
        self.added: Names = frozenset(preprocessing.added_tokens)
        self._spm = spm
        self._charsmap = spm.map_of(self.added)
        stages = spm.stages(self._charsmap)
        self._apply = functools.partial(apply_stages, stages)
        self._normalize = Normalize(self._apply, functools.partial(align_stages, stages))
        self._find_added = FindNames(self.added, self._ids)
        self._as_bytes = not self.added and self._charsmap is None

    def normal(self, text: Text) -> Text:
        """Return the text itself: special tokens are searched for in the text as it is."""
        return text

    def as_one_segment(self, text: str) -> Text:
        """Return the only segment of a text that holds none of `names_searched`; it may be empty.

        Raises UnicodeEncodeError for a lone surrogate.
        """
        if not text:
            return text
        return self._spm.normalize_utf8(text) if self._as_bytes else self._apply(text)

    def names_searched(self, names: Names) -> tuple[Names, Names]:
        """Return the names to search for in a text, and in its normal form, to find `names` and all symbols."""
        return names, self.added

    def split(self, text: Text, allowed: Names) -> list[Text | int]:
        """Return the segments of a text: ordinary text, and the ids of symbols and of `allowed` special tokens.

        Raises TypeError if `text` is neither str nor bytes.
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
        if self._as_bytes and not allowed:
            content = text
            if isinstance(text, str) or is_utf8(text):
                try:
                    content = self._spm.normalize_utf8(text)
                except UnicodeEncodeError:  # a lone surrogate
                    content = self._spm.normalize_utf8(to_utf8(text))
                return [content] if content else []
        return split_plain(self._stages(allowed), to_utf8(text).decode("utf-8", "surrogateescape"))

    def split_with_offsets(self, text: str, allowed: Names) -> list[Located]:
        """Return the segments of `split`, each with its (start, end) in the text, in characters."""
        return split_located(self._stages(allowed), text)

    def _stages(self, allowed: Names) -> list[SegmentStage]:
        return [FindNames(allowed, self._ids), self._normalize, self._find_added]

    def growing(self) -> GrowingSentencePiece:
        """Return the segmenter of a text that grows, which finds symbols and no special tokens."""
        names = GrowingNames(self.added, self._find_added.spans, wide=False)
        return GrowingSentencePiece(self._spm, self._charsmap, names)

    def cut(self, cut: Cut | None) -> Cut | None:
        """Return None: no cut is safe, because each part would be normalized as a text of its own."""
        return None
