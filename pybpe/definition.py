"""The content of a tokenizer as plain checked data: what training makes, formats read and write, and a Codec serves."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.normalization.preprocessing import PLAIN, Preprocessing
from pybpe.normalization.sentencepiece import SPACE
from pybpe.pretokenization.patterns import prepare
from pybpe.vocabulary.characters import CharacterVocabulary
from pybpe.vocabulary.models import ByteMerges, ByteRanks, CharacterMerges, Model

MAX_ID = 2**22 - 1  # 4 million, so that a small file cannot ask for all memory


@dataclass(frozen=True)
class Definition:
    """A tokenizer's content. Checked at birth: a Definition that exists can encode any text.

    model: the ordinary tokens and how they merge, one of the four kinds of `pybpe.vocabulary.models`.
    pattern: the regular expression that splits text into words, or several, see `pretokenization.stages`.
    special_tokens: name -> id, none of them the id of an ordinary token of other bytes. With ByteRanks several names
        may share an id, as in tiktoken's o200k_harmony; it decodes to the first of them.
    preprocessing: what is done to text before it is split.
    drops_space: True if words of white space alone are left out, and have no ids.
    carried: data for JSON that a file held and that does not bear on ids, kept to be written back.
    """

    model: Model
    pattern: str
    special_tokens: Mapping[str, int]
    preprocessing: Preprocessing = PLAIN
    drops_space: bool = False
    carried: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_special_tokens()
        try:
            prepare(self.pattern)
        except ValueError as error:
            raise FormatError(str(error)) from None

    @property
    def vocabulary(self) -> Vocabulary:
        """The ordinary tokens, by id; holes allowed."""
        return self.model.vocabulary

    @property
    def merges(self) -> memoryview:
        """uint32[n, 3], rows (left, right, token) in the order in which they apply."""
        return self.model.merges

    @property
    def characters(self) -> CharacterVocabulary | None:
        """What a vocabulary of characters has beside its tokens; None for a vocabulary of bytes."""
        return self.model.characters

    @property
    def unknown(self) -> int | None:
        """The id that characters without a token become; None where they are written as bytes."""
        return None if self.characters is None or self.characters.byte_ids else self.characters.unknown

    @property
    def is_plain(self) -> bool:
        """True if text is taken as it is, and words merge by the merges alone: all that the simplest files can say."""
        by_merges = not isinstance(self.model, ByteMerges) or not self.model.ignore_merges
        return by_merges and self.preprocessing == PLAIN

    @property
    def changes_words(self) -> bool:
        """True if words are not merged as they stand in the text: some are left out, or tokens mark their ends."""
        return any(self.model.marks) or self.drops_space

    def check_bytes(self, what: str) -> None:
        """Raise ValueError if the tokens are not of bytes, which `what` needs."""
        if self.characters is not None:
            by = "have merges of their own" if isinstance(self.model, CharacterMerges) else "merge by scores"
            raise ValueError(f"the tokens of this vocabulary are of characters and {by}; {what}")
        if self.changes_words:
            prefix, suffix = self.model.marks
            within, end = f"begin with {prefix!r} within words", f"end words with {suffix!r}"
            how = within if prefix else end if suffix else "leave out white space"
            raise ValueError(f"the tokens of this vocabulary {how}; {what}")
        if self.model.lacks_bytes:
            raise ValueError(f"some bytes have no tokens in this vocabulary; {what}")

    @property
    def names(self) -> dict[str, int]:
        """{name: id} of the tokens that are found by name, special or not."""
        return {**self.special_tokens, **self.preprocessing.added_tokens}

    @property
    def names_by_id(self) -> dict[int, bytes]:
        """{id: name in UTF-8} of those tokens; of names that share an id the first."""
        return {token: name.encode() for name, token in reversed(self.names.items())}

    @property
    def shared_id(self) -> int | None:
        """An id that several names share, None if there is none."""
        counts = Counter(self.names.values())
        return next((token for token, count in counts.items() if count > 1), None)

    @property
    def n_vocab(self) -> int:
        """The largest id plus one."""
        return max(len(self.vocabulary), max(self.names.values(), default=-1) + 1)

    def _check_special_tokens(self) -> None:
        seen: dict[int, str] = {}
        added = self.preprocessing.added_tokens
        if unknown := self.preprocessing.flags.keys() - self.special_tokens.keys() - added.keys():
            raise SpecialTokenError(f"there are flags for {min(unknown)!r}, which is no special or added token")
        if both := self.special_tokens.keys() & added.keys():
            raise SpecialTokenError(f"{min(both)!r} is both a special and an added token")
        for name, token in chain(self.special_tokens.items(), added.items()):
            _check_name(name)
            if type(token) is not int:
                raise SpecialTokenError(f"special token {name!r} has id {token!r}, which is not an int")
            if not 0 <= token <= MAX_ID:
                raise SpecialTokenError(f"special token {name!r} has id {token}; ids go from 0 to {MAX_ID}")
            if token in seen and not isinstance(self.model, ByteRanks):
                raise SpecialTokenError(f"special tokens {seen[token]!r} and {name!r} share id {token}")
            written = name.replace(SPACE, " ") if isinstance(self.model, CharacterMerges) else name
            if self.vocabulary.has(token) and self.vocabulary.token_bytes(token) != written.encode():
                ordinary = self.vocabulary.token_bytes(token)
                raise SpecialTokenError(f"special token {name!r} has id {token}, which is the token {ordinary!r}")
            seen[token] = name


def with_first_merges(definition: Definition, vocab_size: int) -> Definition:
    """What training for a smaller `vocab_size` would have made: the 256 bytes and the first merges.

    Special tokens take the ids that follow. Raises ValueError for a size outside of 256 to that of the vocabulary, and
    for a tokenizer whose ids are not those of training.
    """
    most = 256 + len(definition.merges)
    rows: Any = definition.merges.tolist()
    tokens = definition.vocabulary.to_list()
    if (
        not isinstance(definition.model, ByteMerges)
        or definition.model.ignore_merges
        or definition.preprocessing != PLAIN
        or len(tokens) != most
        or any(len(token) != 1 for token in tokens[:256])
        or any(token != number for number, (_, _, token) in enumerate(rows, 256))
    ):
        raise ValueError("only a tokenizer that pybpe trained holds those of all smaller sizes")
    if not 256 <= vocab_size <= most:
        raise ValueError(f"vocab_size is {vocab_size}, must be 256 to {most:,}")
    names = sorted(definition.special_tokens, key=definition.special_tokens.__getitem__)
    return Definition(
        ByteMerges(make_vocabulary(tokens[:vocab_size]), definition.merges[: vocab_size - 256]),
        pattern=definition.pattern,
        special_tokens=number_special_tokens(names, vocab_size),
    )


def make_vocabulary(tokens: Iterable[bytes]) -> Vocabulary:
    """A Vocabulary from the tokens in the order of their ids."""
    tokens = list(tokens)
    return Vocabulary(b"".join(tokens), array("I", map(len, tokens)))


def _check_name(name: object) -> None:
    """Raise SpecialTokenError for what cannot be a special token."""
    if not isinstance(name, str):
        raise SpecialTokenError(f"special tokens must be strings, not {type(name).__name__}")
    if not name:
        raise SpecialTokenError("a special token must not be empty")
    if any("\ud800" <= char <= "\udfff" for char in name):
        raise SpecialTokenError(f"special token {name!r} holds a surrogate, half a character, which no text has")


def number_special_tokens(names: Iterable[str], first_id: int) -> dict[str, int]:
    """Give ids from `first_id` on to names in their order. Raises SpecialTokenError for an empty or repeated name."""
    if isinstance(names, str):
        raise SpecialTokenError(f"special_tokens must be a list of strings; did you mean [{names!r}]?")
    numbered: dict[str, int] = {}
    for name in names:
        _check_name(name)
        if name in numbered:
            raise SpecialTokenError(f"special token {name!r} is given twice")
        numbered[name] = first_id + len(numbered)
    return numbered
