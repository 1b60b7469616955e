"""Text to pieces as sentencepiece does it: the text in its new form, cut at the symbols that users defined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pybpe._core.unicode import is_utf8
from pybpe.encode.growing import GrowingNames
from pybpe.encode.segmenter import Cut, Names, Places
from pybpe.encode.sentencepiece_growing import GrowingSentencePiece
from pybpe.encode.special_tokens import Text, find_names, find_one_of
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.util.utf8 import to_utf8


class SentencePieceSegmenter:
    """Reads text as one tokenizer does. Immutable. The methods are those of Segmenter.

    What stands between two special tokens that are allowed is a text of its own.
    """

    plain = is_verbatim = False

    def __init__(
        self, preprocessing: Preprocessing, spm: SentencePieceNormalizer, special_tokens: Mapping[str, int]
    ) -> None:
        self._ids = {**special_tokens, **preprocessing.added_tokens}
        self.added: Names = frozenset(preprocessing.added_tokens)
        self._sentence = spm
        self._charsmap = spm.map_of(self.added)
        self._as_bytes = not self.added and self._charsmap is None

    def normal(self, text: Text) -> Text:
        """The text itself: special tokens are looked for in it as it is."""
        return text

    def alone(self, text: str) -> Text:
        """Return the one piece that a text is, perhaps an empty one, in which `searched` finds none of the names.

        Raises UnicodeEncodeError for a lone surrogate.
        """
        if not text:
            return text
        return self._sentence.read_utf8(text) if self._as_bytes else self._sentence.read(text, self._charsmap)

    def searched(self, names: Names) -> tuple[Names, Names]:
        """Return what is searched for in a text, and what in its new form, so that none of these names is missed."""
        return names, self.added

    def split(self, text: Text, allowed: Names) -> list[Text | int]:
        """The pieces of a text: ordinary ones, and the ids of symbols and of the `allowed` special tokens."""
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
        if self._as_bytes and not allowed:
            content = text
            if isinstance(text, str) or is_utf8(text):
                try:
                    content = self._sentence.read_utf8(text)
                except UnicodeEncodeError:  # a lone surrogate
                    content = self._sentence.read_utf8(to_utf8(text))
                return [content] if content else []
        decoded = to_utf8(text).decode("utf-8", "surrogateescape")
        pieces: list[Text | int] = []
        for start, end, token in self._spans(decoded, allowed):
            if token is not None:
                pieces.append(token)
                continue
            read = self._sentence.read(decoded[start:end], self._charsmap)
            pieces += (
                token if token is not None else read[first:last] for first, last, token in self._spans(read, self.added)
            )
        return pieces

    def split_with_offsets(self, text: str, allowed: Names) -> Iterator[tuple[str | int, Places | None, int, int]]:
        """As `of`, each piece with the places of its characters and the (start, end) of all of it."""
        for start, end, token in self._spans(text, allowed):
            if token is not None:
                yield token, None, start, end
                continue
            chars = self._sentence.read_aligned(text[start:end], self._charsmap)
            read = "".join(char for char, _, _ in chars)
            for first, last, token in self._spans(read, self.added):
                places = [(start + begin, start + stop) for _, begin, stop in chars[first:last]]
                whole = min(begin for begin, _ in places), max(stop for _, stop in places)
                yield (read[first:last] if token is None else token), (places if token is None else None), *whole

    def growing(self) -> GrowingSentencePiece:
        """Return what reads a text that grows, in which no special tokens are looked for."""
        names = GrowingNames(self.added, lambda text: self._spans(text, self.added), wide=False)
        return GrowingSentencePiece(self._sentence, self._charsmap, names)

    def cut(self, cut: Cut | None) -> Cut | None:
        """None: no place is safe where each part is read as a text of its own."""
        return None

    def _spans(self, text: str, names: Names) -> Iterator[tuple[int, int, int | None]]:
        """(start, end) of each name with its id, and of what stands between with None; nothing of them is empty."""
        done = 0
        if find_one_of(names, text) is not None:
            for match in find_names(names, text).finditer(text):
                if done < match.start():
                    yield done, match.start(), None
                yield *match.span(), self._ids[match.group()]
                done = match.end()
        if done < len(text):
            yield done, len(text), None
