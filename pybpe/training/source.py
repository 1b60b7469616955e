"""The source of training: texts or word counts, checked against the options and turned into words."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pybpe.definition import Definition
from pybpe.errors import TrainingError
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.normalization.unicode_forms import FORMS, Form
from pybpe.pretokenization.patterns import resolve
from pybpe.training.counts.word_counts import Pattern, Source, WordCounts, Words, one_pattern
from pybpe.training.sentencepiece.charsmap_rules import RULES
from pybpe.training.sentencepiece.words import FIRST_NAMES, WORDS
from pybpe.util.progress import ProgressCallback

DEFAULT_PATTERN = "gpt4"

_MOST = 2**62


@dataclass(frozen=True)
class TrainingSource:
    """A source with the options for reading it; Tokenizer.train documents each field."""

    source: Source
    protect_special: bool | None = None
    max_words: int | None = None
    threads: int | None = None
    text_field: str = "text"
    on_counted: Callable[[WordCounts], None] | None = None

    def __post_init__(self) -> None:
        check_limit("max_words", self.max_words)

    def words_to_train(
        self, pattern: Pattern, names: list[str], protects: bool, normalizer: str | None, progress: ProgressCallback
    ) -> tuple[Words, str, Preprocessing]:
        """Return (words, pattern, preprocessing) for training a new vocabulary.

        names: the special tokens. protects: the convention's default for protect_special. Raises ValueError if the
        source is WordCounts that were made with another pattern or normalizer.
        """
        if isinstance(self.source, WordCounts):
            given = self.source
            if given.preprocessing.sentencepiece is not None:
                raise ValueError('these words were counted for convention="sentencepiece"')
            if pattern not in (DEFAULT_PATTERN, given.pattern) and resolve(one_pattern(pattern)) != given.pattern:
                raise ValueError(f"the words were counted by the pattern {given.pattern!r}: leave out pattern=")
            if normalizer not in (None, given.preprocessing.normalizer):
                raise ValueError(f"the words were not counted with the normalizer {normalizer!r}: leave it out")
            preprocessing = replace(given.preprocessing, added_tokens={}, flags={})
            return self._words_of(self._counts(given, names)), given.pattern, preprocessing
        protects = protects if self.protect_special is None else self.protect_special
        preprocessing = Preprocessing(normalizer=check_form(normalizer))
        counts = self._count(pattern, names if protects else (), preprocessing, progress)
        return self._words_of(counts), counts.pattern, preprocessing

    def words_of_lines(
        self, names: list[str], spm: SentencePieceNormalizer | None, progress: ProgressCallback
    ) -> tuple[Words, SentencePieceNormalizer]:
        """Return (words, normalizer) for training as sentencepiece does; each word begins with a space.

        names: the special tokens. spm: the normalizer; None for that of the given WordCounts or, for text, identity.
        Raises ValueError if the source is WordCounts that were made for other special tokens or another normalizer.
        """
        if isinstance(self.source, WordCounts):
            given = self.source
            if given.preprocessing.sentencepiece is None or set(given.protected) != set(names):
                how = f"WordCounts.for_sentencepiece({names[len(FIRST_NAMES) :]!r})"
                raise ValueError(f'the words were not counted for convention="sentencepiece": count with {how}')
            if spm not in (None, given.preprocessing.sentencepiece):
                raise ValueError("the words were counted with another normalizer: leave out normalizer=")
            return self._words_of(self._counts(given, names)), given.preprocessing.sentencepiece
        spm = spm or SentencePieceNormalizer()
        return self._words_of(self._count(WORDS, names, Preprocessing(sentencepiece=spm), progress)), spm

    def words_to_extend(self, definition: Definition, progress: ProgressCallback) -> Words:
        """Return the words for extending a vocabulary. Raises ValueError for WordCounts of another pattern."""
        names = list(definition.special_tokens)
        if isinstance(self.source, WordCounts):
            _check_same_split(self.source, definition)
            return self._words_of(self._counts(self.source, names))
        protected = () if self.protect_special is False else names
        return self._words_of(self._count(definition.pattern, protected, definition.preprocessing, progress))

    def _count(
        self, pattern: Pattern, protected: Iterable[str], preprocessing: Preprocessing, progress: ProgressCallback
    ) -> WordCounts:
        counts = WordCounts(pattern, protect=protected, max_words=self.max_words, preprocessing=preprocessing)
        counts.update(self.source, threads=self.threads, progress=progress, text_field=self.text_field)
        return counts

    def _counts(self, given: WordCounts, names: list[str]) -> WordCounts:
        """Return the given counts, reduced to the most frequent words if there are more than `max_words`."""
        missing = [name for name in names if name not in given.protected]
        if self.protect_special and missing:
            raise ValueError(
                f"the words were counted with {missing[0]!r} among the text: leave out protect_special=, or count them "
                f"anew with WordCounts(..., protect=[{missing[0]!r}, ...])"
            )
        if self.max_words is None or len(given) <= self.max_words:
            return given
        fewer = WordCounts(
            given.pattern, protect=given.protected, max_words=self.max_words, preprocessing=given.preprocessing
        )
        fewer.merge(given)
        return fewer

    def _words_of(self, counts: WordCounts) -> Words:
        """Return the words of the counts, and warn if some were forgotten. Raises TrainingError for no words."""
        if not len(counts):
            raise TrainingError("the corpus is empty: there is nothing to learn from")
        if counts.forgotten:
            warnings.warn(
                f"{counts.forgotten:,} occurrences of rare words were forgotten, to remember no more than "
                f"{counts.max_words or len(counts):,}: merges of rare pairs may differ from those of the whole corpus",
                stacklevel=5,
            )
        if self.on_counted:
            self.on_counted(counts)
        return counts.words()


def check_limit(name: str, number: int | None) -> None:
    """Raise TrainingError for a number out of range; None means no limit."""
    if number is not None and not 1 <= operator.index(number) <= _MOST:
        raise TrainingError(f"{name} is {number}, must be at least 1 and at most 2**62")


def check_form(normalizer: str | None) -> Form | None:
    """Return the Unicode normal form of this name, None for None. Raises TrainingError for any other name."""
    for form in FORMS:
        if form == normalizer:
            return form
    if normalizer is not None:
        known, others = ", ".join(FORMS), ", ".join(("identity", *RULES))
        raise TrainingError(
            f'the normalizer is {normalizer!r}, must be one of {known}, or with convention="sentencepiece" {others}'
        )
    return None


def _check_same_split(counts: WordCounts, definition: Definition) -> None:
    """Raise ValueError if the words were split by another pattern or preprocessing than the tokenizer's."""
    if counts.pattern != definition.pattern:
        raise ValueError(
            f"the words were counted by the pattern {counts.pattern!r}, and this tokenizer splits by "
            f"{definition.pattern!r}: count them with WordCounts(tokenizer.pattern)"
        )
    if counts.preprocessing != definition.preprocessing:
        raise ValueError("this tokenizer changes text before it splits it: pass the text itself, not counts of words")
