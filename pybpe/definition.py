"""The class Definition: the content of a tokenizer, which training makes and formats read and write."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.normalization.preprocessing import PLAIN, Preprocessing
from pybpe.normalization.sentencepiece import SPACE
from pybpe.pretokenization.patterns import prepare
from pybpe.vocabulary.characters import CharacterVocabulary
from pybpe.vocabulary.models import ByteMerges, ByteRanks, CharacterMerges, Model

MAX_ID = 2**22 - 1  # a limit so that a small file cannot make pybpe allocate all memory


@dataclass(frozen=True)
class Definition:
    """The content of a tokenizer. The constructor checks it: every Definition can encode any text.

    model: the ordinary tokens and their merges, one of the four classes of `pybpe.vocabulary.models`.
    pattern: the regular expression that splits text into words, or several; see `pretokenization.stages`.
    special_tokens: {name: id}. An id may not be that of an ordinary token with other bytes. With ByteRanks several
        names may share an id, as in tiktoken's o200k_harmony; it decodes to the first of them.
    preprocessing: the changes to a text before it is split.
    drops_space: True if words of white space alone get no ids.
    carried: JSON data of a file that does not change ids, kept so that it can be written back.

    Raises SpecialTokenError for special tokens that are not valid, FormatError for a pattern that is not.
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
        """The ordinary tokens by id; an id may have no token."""
        return self.model.vocabulary

    @property
    def merges(self) -> memoryview:
        """The merges, uint32[n, 3]: rows (left, right, token) in the order in which they apply."""
        return self.model.merges

    @property
    def characters(self) -> CharacterVocabulary | None:
        """The further data of a vocabulary of characters; None for a vocabulary of bytes."""
        return self.model.characters

    @property
    def unknown(self) -> int | None:
        """The id of the unknown token, for characters without a token; None if these are encoded as bytes."""
        return None if self.characters is None or self.characters.byte_ids else self.characters.unknown

    @property
    def is_plain(self) -> bool:
        """True if text is not changed before splitting, and words merge by the merges alone."""
        by_merges = not isinstance(self.model, ByteMerges) or not self.model.ignore_merges
        return by_merges and self.preprocessing == PLAIN

    @property
    def changes_words(self) -> bool:
        """True if words are changed before merging: some get no ids, or marks are added at their ends."""
        return any(self.model.marks) or self.drops_space

    def check_bytes(self, what: str) -> None:
        """Raise ValueError if this is not a plain vocabulary of bytes. what: the end of the message."""
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
        """The special and added tokens as {name: id}."""
        return {**self.special_tokens, **self.preprocessing.added_tokens}

    @property
    def names_by_id(self) -> dict[int, bytes]:
        """The special and added tokens as {id: name in UTF-8}; if names share an id, the first of them."""
        return {token: name.encode() for name, token in reversed(self.names.items())}

    @property
    def shared_id(self) -> int | None:
        """An id that several names share; None if there is none."""
        counts = Counter(self.names.values())
        return next((token for token, count in counts.items() if count > 1), None)

    @property
    def n_vocab(self) -> int:
        """The largest id plus one."""
        return max(len(self.vocabulary), max(self.names.values(), default=-1) + 1)

    def _check_special_tokens(self) -> None:
        """Raise SpecialTokenError for names, ids or flags that are not valid, or that contradict each other."""
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
    """Return the Definition of the 256 bytes and the first merges, as training for a smaller `vocab_size` makes it.

    Special tokens get the ids that follow. Raises ValueError for a `vocab_size` below 256 or above the number of bytes
    and merges, and for a Definition whose ids are not those of 256 bytes, of the merges in their order, and of special
    tokens.
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


def with_special_tokens(definition: Definition, names: Iterable[str]) -> Definition:
    """Return the Definition with further special tokens, which get the ids after the largest one.

    Names that are special tokens already keep their ids. SpecialTokenError for a name that is empty, given twice, or
    the name of an added token.
    """
    names = list(number_special_tokens(names, 0))
    new = [name for name in names if name not in definition.special_tokens]
    return replace(
        definition,
        special_tokens={**definition.special_tokens, **number_special_tokens(new, definition.n_vocab)},
    )


def make_vocabulary(tokens: Iterable[bytes]) -> Vocabulary:
    """Return the Vocabulary of tokens in the order of their ids; b"" is an id without a token."""
    tokens = list(tokens)
    return Vocabulary(b"".join(tokens), array("I", map(len, tokens)))


def _check_name(name: object) -> None:
    """Raise SpecialTokenError if this cannot be the name of a special token."""
    if not isinstance(name, str):
        raise SpecialTokenError(f"special tokens must be strings, not {type(name).__name__}")
    if not name:
        raise SpecialTokenError("a special token must not be empty")
    if any("\ud800" <= char <= "\udfff" for char in name):
        raise SpecialTokenError(f"special token {name!r} holds a surrogate, half a character; use whole characters")


def number_special_tokens(names: Iterable[str], first_id: int) -> dict[str, int]:
    """Return {name: id} with consecutive ids from `first_id`.

    Raises SpecialTokenError for an empty or repeated name.
    """
    if isinstance(names, str):
        raise SpecialTokenError(f"special_tokens must be a list of strings; did you mean [{names!r}]?")
    numbered: dict[str, int] = {}
    for name in names:
        _check_name(name)
        if name in numbered:
            raise SpecialTokenError(f"special token {name!r} is given twice")
        numbered[name] = first_id + len(numbered)
    return numbered
