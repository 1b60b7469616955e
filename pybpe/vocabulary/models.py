"""The four kinds of vocabulary, each of which makes its merges ready when it is made.

    ByteMerges          tokens of bytes, merged by a list of pairs in its order (GPT-2, minbpe, Hugging Face)
    ByteRanks           tokens of bytes; any two neighbours that joined are a token merge, lowest id first (tiktoken)
    CharacterMerges     tokens of characters, merged by a list of pairs (Hugging Face's files of Llama 2, Gemma)
    ScoredCharacters    tokens of characters; neighbours merge, highest score first (sentencepiece, GGUF's llama)

All have `vocabulary`, the ordinary tokens by id (holes allowed); `merges`, uint32[n, 3], rows (left, right, token) in
the order in which they apply; `table`, the merges made ready; `symbols`, what the table merges where that is not the
vocabulary; `ignore_merges`, True if a word that is a token is that token whatever the merges say; `characters`, what a
vocabulary of characters has beside its tokens; `marks`; and `dropped`, the bytes that are left out of words.
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

MAX_RANKED_TOKEN = 4096  # bytes; looking for all ways to cut a token takes time by the square of its size
NO_MERGES = memoryview(Rows(array("I"), 3))


class WordMarks(NamedTuple):
    """How tokens say where in a word they stand; empty strings for tokens that do not.

    continuing_subword_prefix: what tokens begin with that are not for the beginnings of words ("##").
    end_of_word_suffix: what tokens end with that are only for the ends of words ("</w>").
    """

    continuing_subword_prefix: str = ""
    end_of_word_suffix: str = ""


NO_MARKS = WordMarks()


def _checked_rows(merges: memoryview) -> memoryview:
    """Return merges as uint32[n, 3]. Raises FormatError for anything else."""
    merges = memoryview(merges)  # of an array too
    if (merges.shape or ())[1:] != (3,) or merges.format != "I" or not merges.c_contiguous:
        raise FormatError("merges must be uint32[n, 3]")
    return merges


def missing_bytes(vocabulary: Vocabulary) -> bytes:
    """Return the bytes that are no token."""
    return b"".join(byte for byte in BYTES if vocabulary.token_id(byte) is None)


def _check_all_bytes(vocabulary: Vocabulary) -> None:
    if missing := missing_bytes(vocabulary):
        raise FormatError(f"the vocabulary has no token for byte 0x{missing[0]:02x}, so some text has no ids")


@dataclass(frozen=True)
class ByteMerges:
    """Tokens of bytes that merge by a list of pairs, in its order.

    ignore_merges: True if a word that is a token is that token.
    marks: how tokens say where in a word they stand; not with ignore_merges.
    drops_bytes: True if bytes of rare characters may have no token, and are left out of words; else only those may have
        none that are in no UTF-8. Not with ignore_merges or marks.

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
            raise FormatError("a vocabulary with beginnings or ends of words has no whole words")
        if self.drops_bytes and (self.ignore_merges or any(self.marks)):
            raise FormatError("only a vocabulary with a list of merges of bytes, and no more, leaves out bytes")
        _ = self.table

    @cached_property
    def symbols(self) -> Symbols | None:
        """What is merged; None if that is the vocabulary."""
        tokens, merges = self.vocabulary.to_list(), _checked_rows(self.merges)
        if any(self.marks):
            return make_marked_symbols(tokens, merges, *(mark.encode() for mark in self.marks))
        if self.lacks_bytes and not self.ignore_merges:
            return make_byte_symbols(tokens, merges, self.drops_bytes)
        return None

    @cached_property
    def table(self) -> MergeTable:
        """The merges made ready."""
        if self.symbols is not None:
            return self.symbols.table
        _check_all_bytes(self.vocabulary)
        merges = _checked_rows(self.merges)
        # A merge must make the bytes of its two parts: else decoding would not give back what was encoded.
        wrong = self.vocabulary.wrong_merge(merges)
        if wrong is None:
            return listed_merges(self.vocabulary, merges)
        left, right, token = merges[wrong, 0], merges[wrong, 1], merges[wrong, 2]
        largest = max(left, right, token)
        if largest >= len(self.vocabulary):
            raise FormatError(f"a merge names id {largest}, of {len(self.vocabulary)} tokens")
        raise FormatError(f"merge {wrong} joins {left} and {right} to {token}, whose bytes differ from theirs")

    @cached_property
    def lacks_bytes(self) -> bool:
        """True if some bytes have no tokens."""
        return bool(missing_bytes(self.vocabulary))

    @cached_property
    def dropped(self) -> bytes:
        """The bytes that are left out of words."""
        return missing_bytes(self.vocabulary) if self.drops_bytes else b""

    def token_id(self, content: bytes) -> int | None:
        """Return the id of an ordinary token, None if there is none."""
        return self.vocabulary.token_id(content)


@dataclass(frozen=True)
class ByteRanks:
    """Tokens of bytes, of which any two neighbours whose bytes joined are a token merge, lowest id first: tiktoken.

    known: the merges, if they are known from before, which saves the time to find them; uint32[n, 3], any rows.

    Raises FormatError if a byte has no token, or a token more than MAX_RANKED_TOKEN bytes.
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
        """The table and the rows that follow from the ranks: one merge for each token that merging comes to, by id."""
        known, longest = _checked_rows(self.known), self.vocabulary.longest
        if longest > MAX_RANKED_TOKEN:
            raise FormatError(
                f"a token has {longest:,} bytes; in a vocabulary of ranks {MAX_RANKED_TOKEN:,} are allowed"
            )
        table, found = ranked_merges(self.vocabulary, known)
        return table, known if found is None else memoryview(Rows(found, 3))

    @property
    def table(self) -> MergeTable:
        """The merges made ready."""
        return self._made[0]

    @property
    def merges(self) -> memoryview:
        """The merges that follow from the ranks."""
        return self._made[1]

    def token_id(self, content: bytes) -> int | None:
        """Return the id of an ordinary token, None if there is none."""
        return self.vocabulary.token_id(content)


@dataclass(frozen=True)
class CharacterMerges:
    """Tokens of characters that merge by a list of pairs, in its order.

    Raises FormatError for what cannot be a vocabulary of characters, or a merge that does not join two tokens.
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
        """What is merged: bytes, parts of characters, characters, tokens."""
        return make_symbols(self.vocabulary.to_list(), self.characters, _checked_rows(self.merges))

    @property
    def table(self) -> MergeTable:
        """The merges made ready."""
        return self.symbols.table

    def token_id(self, content: bytes) -> int | None:
        """Return the id of an ordinary token; of several with these bytes, the one that merging makes."""
        return _merged_id(self.symbols, self.vocabulary, content)


@dataclass(frozen=True)
class ScoredCharacters:
    """Tokens of characters, of which any two neighbours that joined are a token merge, highest score first.

    Raises FormatError for what cannot be a vocabulary of characters.
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
        """What is merged: bytes, parts of characters, characters, tokens."""
        return make_symbols(self.vocabulary.to_list(), self.characters)

    @property
    def table(self) -> MergeTable:
        """The merges made ready."""
        return self.symbols.table

    @cached_property
    def merges(self) -> memoryview:
        """The merges that follow from the scores, those of them whose parts are tokens."""
        flat: Any = memoryview(Rows(self.symbols.rows, 3)).tolist()
        tokens = self.symbols.tokens
        rows = ((tokens[left], tokens[right], tokens[token]) for left, right, token in flat)
        return memoryview(Rows(array("I", chain.from_iterable(row for row in rows if -1 not in row)), 3))

    def token_id(self, content: bytes) -> int | None:
        """Return the id of an ordinary token; of several with these bytes, the one that merging makes."""
        return _merged_id(self.symbols, self.vocabulary, content)


Model = ByteMerges | ByteRanks | CharacterMerges | ScoredCharacters


def _merged_id(symbols: Symbols, vocabulary: Vocabulary, content: bytes) -> int | None:
    symbol = symbols.vocabulary.token_id(content)
    found = -1 if symbol is None else symbols.tokens[symbol]
    return found if found >= 0 else vocabulary.token_id(content)
