"""What training learns from: the words of a text or of counts, and whether those can be what was asked for."""

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
    """A source and how it is read; see Tokenizer.train for each."""

    source: Source
    protect_special: bool | None = None
    max_words: int | None = None
    threads: int | None = None
    text_field: str = "text"
    on_counted: Callable[[WordCounts], None] | None = None

    def __post_init__(self) -> None:
        check_limit("max_words", self.max_words)

    def words_to_train(
        self, pattern: Pattern, names: list[str], protects: bool, normalizer: str | None, report: ProgressCallback
    ) -> tuple[Words, str, Preprocessing]:
        """The words for a new vocabulary with special tokens `names`, the pattern that split them, how text was read.

        protects: whether special tokens are cut out of the text where nothing is said.
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
        counts = self._count(pattern, names if protects else (), preprocessing, report)
        return self._words_of(counts), counts.pattern, preprocessing

    def words_of_lines(
        self, names: list[str], spm: SentencePieceNormalizer | None, report: ProgressCallback
    ) -> tuple[Words, SentencePieceNormalizer]:
        """The words that sentencepiece learns from, with a space before each, and how the lines were read.

        names: of the special tokens. spm: how to read the lines; None for as it was done or, of text, in no new form.
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
        return self._words_of(self._count(WORDS, names, Preprocessing(sentencepiece=spm), report)), spm

    def words_to_extend(self, definition: Definition, report: ProgressCallback) -> Words:
        """The words for a vocabulary that there is."""
        names = list(definition.special_tokens)
        if isinstance(self.source, WordCounts):
            _check_same_split(self.source, definition)
            return self._words_of(self._counts(self.source, names))
        protected = () if self.protect_special is False else names
        return self._words_of(self._count(definition.pattern, protected, definition.preprocessing, report))

    def _count(
        self, pattern: Pattern, protected: Iterable[str], preprocessing: Preprocessing, report: ProgressCallback
    ) -> WordCounts:
        counts = WordCounts(pattern, protect=protected, max_words=self.max_words, preprocessing=preprocessing)
        counts.update(self.source, threads=self.threads, progress=report, text_field=self.text_field)
        return counts

    def _counts(self, given: WordCounts, names: list[str]) -> WordCounts:
        """Counts that were made before, or those of the most frequent words if there are more than `max_words`."""
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
        """The words, with a warning if some were forgotten."""
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
    """Raise TrainingError for a number out of range; None is no limit."""
    if number is not None and not 1 <= operator.index(number) <= _MOST:
        raise TrainingError(f"{name} is {number}, must be at least 1 and at most 2**62")


def check_form(normalizer: str | None) -> Form | None:
    """The normal form of this name. Raises TrainingError for another name."""
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
    """Raise ValueError for words that are not those into which this tokenizer splits text."""
    if counts.pattern != definition.pattern:
        raise ValueError(
            f"the words were counted by the pattern {counts.pattern!r}, and this tokenizer splits by "
            f"{definition.pattern!r}: count them with WordCounts(tokenizer.pattern)"
        )
    if counts.preprocessing != definition.preprocessing:
        raise ValueError("this tokenizer changes text before it splits it: pass the text itself, not counts of words")
