"""The four kinds of vocabulary. Each checks its tokens and prepares its merges in the constructor.

    ByteMerges          tokens of bytes, merged by a list of pairs in its order (GPT-2, minbpe, Hugging Face)
    ByteRanks           tokens of bytes; any two neighbours that joined are a token merge, lowest id first (tiktoken)
    CharacterMerges     tokens of characters, merged by a list of pairs (Hugging Face's files of Llama 2, Gemma)
    ScoredCharacters    tokens of characters; neighbours merge, highest score first (sentencepiece, GGUF's llama)

All of them have these attributes:

    vocabulary      the ordinary tokens by id; an id may have no token
    merges          uint32[n, 3], rows (left, right, token) in the order in which they apply
    table           the merges as a hash table
    symbols         the symbols that the table merges; None if these are the tokens
    ignore_merges   True if a word that is a token becomes this token, whatever the merges give
    characters      the further data of a vocabulary of characters; None for a vocabulary of bytes
    marks           the marks of tokens for their place in a word
    dropped         the bytes that are left out of words
    lacks_bytes     True if some bytes have no token
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar, NamedTuple

from pybpe._core.ids import Rows
from pybpe._core.merge import MergeTable, listed_merges
from pybpe._core.ranks import ranked_merges
from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError
from pybpe.vocabulary.characters import CharacterVocabulary, make_symbols
from pybpe.vocabulary.marked import make_marked_symbols
from pybpe.vocabulary.symbols import BYTES, Symbols, make_byte_symbols

MAX_RANKED_TOKEN = 4096  # bytes; the time to find the merges of a token grows with the square of its size
NO_MERGES = memoryview(Rows(array("I"), 3))


class WordMarks(NamedTuple):
    """The marks of tokens for their place in a word; empty strings for none.

    continuing_subword_prefix: the prefix of tokens that are not at the beginning of a word ("##").
    end_of_word_suffix: the suffix of tokens that are at the end of a word ("</w>").
    """

    continuing_subword_prefix: str = ""
    end_of_word_suffix: str = ""


NO_MARKS = WordMarks()


def _checked_rows(merges: memoryview) -> memoryview:
    """Return merges as a memoryview, uint32[n, 3]. Raises FormatError for another type or shape."""
    merges = memoryview(merges)  # also accepts a numpy array
    if (merges.shape or ())[1:] != (3,) or merges.format != "I" or not merges.c_contiguous:
        raise FormatError("merges must be uint32[n, 3]")
    return merges


def missing_bytes(vocabulary: Vocabulary) -> bytes:
    """Return the bytes without a token."""
    return b"".join(byte for byte in BYTES if vocabulary.token_id(byte) is None)


def _check_all_bytes(vocabulary: Vocabulary) -> None:
    if missing := missing_bytes(vocabulary):
        raise FormatError(f"the vocabulary has no token for byte 0x{missing[0]:02x}, so some text has no ids")


@dataclass(frozen=True)
class ByteMerges:
    """A vocabulary of bytes that merges by a list of pairs, in its order.

    ignore_merges: True if a word that is a token becomes this token.
    marks: the marks of tokens for their place in a word; not with ignore_merges.
    drops_bytes: True if the first bytes of rare characters may have no token, and bytes without a token are left out of
        words. If False, only bytes that UTF-8 never has may have no token. Not with ignore_merges or marks.

    Raises FormatError for a vocabulary that cannot encode every text, or a merge that does not join two tokens.
    """

    rule: ClassVar[str] = "merges"
    characters: ClassVar[None] = None

    vocabulary: Vocabulary
    merges: memoryview
    ignore_merges: bool = False
    marks: WordMarks = NO_MARKS
    drops_bytes: bool = False

    def __post_init__(self) -> None:
        if any(self.marks) and self.ignore_merges:
            raise FormatError("a vocabulary with a prefix or suffix for places in words cannot have ignore_merges")
        if self.drops_bytes and (self.ignore_merges or any(self.marks)):
            raise FormatError("only a vocabulary with a list of merges of bytes, and no more, leaves out bytes")
        _ = self.table

    @cached_property
    def symbols(self) -> Symbols | None:
        """The symbols that are merged; None if these are the tokens."""
        tokens, merges = self.vocabulary.to_list(), _checked_rows(self.merges)
        if any(self.marks):
            return make_marked_symbols(tokens, merges, *(mark.encode() for mark in self.marks))
        if self.lacks_bytes and not self.ignore_merges:
            return make_byte_symbols(tokens, merges, self.drops_bytes)
        return None

    @cached_property
    def table(self) -> MergeTable:
        """The merges as a hash table."""
        if self.symbols is not None:
            return self.symbols.table
        _check_all_bytes(self.vocabulary)
        merges = _checked_rows(self.merges)
        # The token of a merge must have the joined bytes of its two parts, or decoding would not restore the text.
        wrong = self.vocabulary.wrong_merge(merges)
        if wrong is None:
            return listed_merges(self.vocabulary, merges)
        left, right, token = merges[wrong, 0], merges[wrong, 1], merges[wrong, 2]
        largest = max(left, right, token)
        if largest >= len(self.vocabulary):
            raise FormatError(f"a merge names id {largest}; the vocabulary has {len(self.vocabulary)} tokens")
        raise FormatError(f"merge {wrong} joins {left} and {right} to {token}, whose bytes differ from theirs")

    @cached_property
    def lacks_bytes(self) -> bool:
        """True if some bytes have no token."""
        return bool(missing_bytes(self.vocabulary))

    @cached_property
    def dropped(self) -> bytes:
        """The bytes that are left out of words."""
        return missing_bytes(self.vocabulary) if self.drops_bytes else b""

    def token_id(self, content: bytes) -> int | None:
        """Return the id of the ordinary token with these bytes, None if there is none."""
        return self.vocabulary.token_id(content)


@dataclass(frozen=True)
class ByteRanks:
    """A vocabulary of bytes that merges any two neighbours whose joined bytes are a token, lowest id first (tiktoken).

    known: the merges if they are known, uint32[n, 3], which saves the time to find them; wrong rows do no harm.

    Raises FormatError if a byte has no token, or a token has more than MAX_RANKED_TOKEN bytes.
    """

    rule: ClassVar[str] = "ranks"
    characters: ClassVar[None] = None
    symbols: ClassVar[None] = None
    ignore_merges: ClassVar[bool] = True
    marks: ClassVar[WordMarks] = NO_MARKS
    dropped: ClassVar[bytes] = b""
    lacks_bytes: ClassVar[bool] = False

    vocabulary: Vocabulary
    known: memoryview = NO_MERGES

    def __post_init__(self) -> None:
        _check_all_bytes(self.vocabulary)
        _ = self._made

    @cached_property
    def _made(self) -> tuple[MergeTable, memoryview]:
        """The table and the rows that follow from the ranks: one merge for each token that merging makes, by id."""
        known, longest = _checked_rows(self.known), self.vocabulary.longest
        if longest > MAX_RANKED_TOKEN:
            raise FormatError(
                f"a token has {longest:,} bytes; in a vocabulary of ranks {MAX_RANKED_TOKEN:,} are allowed"
            )
        table, found = ranked_merges(self.vocabulary, known)
        return table, known if found is None else memoryview(Rows(found, 3))

    @property
    def table(self) -> MergeTable:
        """The merges as a hash table."""
        return self._made[0]

    @property
    def merges(self) -> memoryview:
        """The merges that follow from the ranks, uint32[n, 3]."""
        return self._made[1]

    def token_id(self, content: bytes) -> int | None:
        """Return the id of the ordinary token with these bytes, None if there is none."""
        return self.vocabulary.token_id(content)


@dataclass(frozen=True)
class CharacterMerges:
    """A vocabulary of characters that merges by a list of pairs, in its order.

    Raises FormatError for a vocabulary that is not valid, or a merge that does not join two tokens.
    """

    rule: ClassVar[str] = "characters"
    ignore_merges: ClassVar[bool] = False
    marks: ClassVar[WordMarks] = NO_MARKS
    dropped: ClassVar[bytes] = b""
    lacks_bytes: ClassVar[bool] = False

    vocabulary: Vocabulary
    merges: memoryview
    characters: CharacterVocabulary

    def __post_init__(self) -> None:
        if self.characters.scores:
            raise FormatError("a vocabulary has scores if and only if its tokens merge by them")
        _ = self.symbols

    @cached_property
    def symbols(self) -> Symbols:
        """The symbols that are merged: bytes, parts of characters, characters, tokens."""
        return make_symbols(self.vocabulary.to_list(), self.characters, _checked_rows(self.merges))

    @property
    def table(self) -> MergeTable:
        """The merges as a hash table."""
        return self.symbols.table

    def token_id(self, content: bytes) -> int | None:
        """Return the id of the ordinary token with these bytes, of several the one that merging makes; else None."""
        return _merged_id(self.symbols, self.vocabulary, content)


@dataclass(frozen=True)
class ScoredCharacters:
    """A vocabulary of characters that merges any two neighbours that joined are a token, highest score first.

    Raises FormatError for a vocabulary that is not valid.
    """

    rule: ClassVar[str] = "scores"
    ignore_merges: ClassVar[bool] = False
    marks: ClassVar[WordMarks] = NO_MARKS
    dropped: ClassVar[bytes] = b""
    lacks_bytes: ClassVar[bool] = False

    vocabulary: Vocabulary
    characters: CharacterVocabulary

    def __post_init__(self) -> None:
        if not self.characters.scores:
            raise FormatError("a vocabulary has scores if and only if its tokens merge by them")
        _ = self.symbols

    @cached_property
    def symbols(self) -> Symbols:
        """The symbols that are merged: bytes, parts of characters, characters, tokens."""
        return make_symbols(self.vocabulary.to_list(), self.characters)

    @property
    def table(self) -> MergeTable:
        """The merges as a hash table."""
        return self.symbols.table

    @cached_property
    def merges(self) -> memoryview:
        """The merges that follow from the scores and whose parts are tokens, uint32[n, 3]."""
        flat: Any = memoryview(Rows(self.symbols.rows, 3)).tolist()
        tokens = self.symbols.tokens
        rows = ((tokens[left], tokens[right], tokens[token]) for left, right, token in flat)
        return memoryview(Rows(array("I", chain.from_iterable(row for row in rows if -1 not in row)), 3))

    def token_id(self, content: bytes) -> int | None:
        """Return the id of the ordinary token with these bytes, of several the one that merging makes; else None."""
        return _merged_id(self.symbols, self.vocabulary, content)


Model = ByteMerges | ByteRanks | CharacterMerges | ScoredCharacters


def _merged_id(symbols: Symbols, vocabulary: Vocabulary, content: bytes) -> int | None:
    """Return the id of the token that merging makes of these bytes, or else of another token with them."""
    symbol = symbols.vocabulary.token_id(content)
    found = -1 if symbol is None else symbols.tokens[symbol]
    return found if found >= 0 else vocabulary.token_id(content)
