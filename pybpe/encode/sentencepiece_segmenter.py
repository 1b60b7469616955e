"""Text to segments as sentencepiece does it: the normalized text, cut at the symbols that users defined."""

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
    """Cuts text in segments as one tokenizer does. Immutable. The methods are those of Segmenter.

    What stands between two special tokens that are allowed is a text of its own.
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
        """The text itself: special tokens are looked for in it as it is."""
        return text

    def alone(self, text: str) -> Text:
        """Return the one segment that a text is, perhaps an empty one, in which `searched` finds none of the names.

        Raises UnicodeEncodeError for a lone surrogate.
        """
        if not text:
            return text
        return self._spm.normalize_utf8(text) if self._as_bytes else self._apply(text)

    def searched(self, names: Names) -> tuple[Names, Names]:
        """Return what is searched for in a text, and what in its new form, so that none of these names is missed."""
        return names, self.added

    def split(self, text: Text, allowed: Names) -> list[Text | int]:
        """Return the segments of a text: ordinary ones, and the ids of symbols and of the `allowed` special tokens."""
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
        """Return the segments of `split`, each with its place in the text."""
        return split_located(self._stages(allowed), text)

    def _stages(self, allowed: Names) -> list[SegmentStage]:
        return [FindNames(allowed, self._ids), self._normalize, self._find_added]

    def growing(self) -> GrowingSentencePiece:
        """Return what reads a text that grows, in which no special tokens are looked for."""
        names = GrowingNames(self.added, self._find_added.spans, wide=False)
        return GrowingSentencePiece(self._spm, self._charsmap, names)

    def cut(self, cut: Cut | None) -> Cut | None:
        """None: no place is safe where each part is read as a text of its own."""
        return None
