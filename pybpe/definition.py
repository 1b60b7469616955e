"""What a tokenizer is, as plain checked data: what training makes, formats read and write, and `Tokenizer` serves."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

from pybpe._core.ids import Rows
from pybpe._core.merge import MergeTable, listed_merges
from pybpe._core.ranks import ranked_merges
from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.normalization.preprocessing import PLAIN, Preprocessing
from pybpe.normalization.sentencepiece import SPACE
from pybpe.pretokenization.patterns import prepare
from pybpe.vocabulary.symbols import CharacterVocabulary, Symbols, make_byte_symbols, make_marked_symbols, make_symbols

MAX_ID = 2**22 - 1  # 4 million, so that a small file cannot ask for all memory
_BYTES = [bytes([byte]) for byte in range(256)]
MAX_RANKED_TOKEN = 4096  # bytes; looking for all ways to cut a token takes time by the square of its size


@dataclass(frozen=True)
class Definition:
    """A tokenizer's content. Checked at birth: a Definition that exists can encode any text.

    rule: how words merge. "merges": by the list of pairs, in its order. "ranks": any two neighbours whose bytes joined
        are a token merge, lowest id first, and a word that is a token is that token (tiktoken). "scores": as "ranks",
        but from characters, and those with the highest score first (sentencepiece). "characters": as "merges", but from
        characters (Hugging Face's files of sentencepiece's models).
    vocabulary: the ordinary tokens, by id; holes allowed.
    merges: uint32[n, 3], rows (left, right, token) in learned order. With the rule "ranks" they follow from the
        vocabulary, one for each token that merging comes to, by id; whatever rows are given, those are kept. With
        "scores" they follow too: those of them whose parts are tokens, in their order.
    pattern: the regular expression that splits text into words, or several, see `pretokenization.stages`.
    special_tokens: name -> id, none of them the id of an ordinary token of other bytes. With the rule "ranks" several
        names may share an id, as in tiktoken's o200k_harmony; it decodes to the first of them.
    reading: what is done to text before it is split.
    ignore_merges: with the rule "merges", whether a word that is a token is that token.
    carried: data for JSON that a file held and that does not bear on ids, kept to be written back.
    scores: with the rules "scores" and "characters", what the vocabulary has beside its tokens.
    continuing_subword_prefix: with the rule "merges", what tokens begin with that are not for the beginnings of words
        ("##"); "" for none.
    end_of_word_suffix: with the rule "merges", what tokens end with that are only for the ends of words ("</w>"); ""
        for none.
    drops_space: whether words of white space alone are left out, and have no ids.
    drops_bytes: with the rule "merges", whether bytes of rare characters may have no token, and are left out; else only
        those may have none that are in no UTF-8.
    table: the merges made ready.
    symbols: what the table merges, where that is not the vocabulary.
    """

    rule: Literal["merges", "ranks", "scores", "characters"]
    vocabulary: Vocabulary
    merges: memoryview
    pattern: str
    special_tokens: Mapping[str, int]
    preprocessing: Preprocessing = PLAIN
    ignore_merges: bool = False
    carried: Mapping[str, Any] = field(default_factory=dict)
    scores: CharacterVocabulary | None = None
    continuing_subword_prefix: str = ""
    end_of_word_suffix: str = ""
    drops_space: bool = False
    drops_bytes: bool = False
    table: MergeTable = field(init=False, repr=False, compare=False)
    symbols: Symbols | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", None)
        if self.of_characters != (self.scores is not None):
            raise FormatError("a vocabulary is of characters if and only if it says what others are written as")
        if (self.rule == "scores") != bool(self.scores and self.scores.scores):
            raise FormatError("a vocabulary has scores if and only if its tokens merge by them")
        if (self.of_characters or self.marks_words) and self.ignore_merges:
            raise FormatError("a vocabulary of characters, or with beginnings or ends of words, has no whole words")
        if self.drops_bytes and (self.rule != "merges" or self.ignore_merges or self.marks_words):
            raise FormatError("only a vocabulary with a list of merges of bytes, and no more, leaves out bytes")
        if self.marks_words and self.rule != "merges":
            raise FormatError("only a vocabulary with a list of merges of bytes has beginnings and ends of words")
        if self.scores is not None:
            self._make_symbols(self.scores)
        elif self.marks_words:
            tokens, merges = self.vocabulary.to_list(), _checked_rows(self.merges)
            self._take_symbols(
                make_marked_symbols(
                    tokens, merges, self.continuing_subword_prefix.encode(), self.end_of_word_suffix.encode()
                )
            )
        elif self.rule == "merges" and not self.ignore_merges and self.lacks_bytes:
            tokens, merges = self.vocabulary.to_list(), _checked_rows(self.merges)
            self._take_symbols(make_byte_symbols(tokens, merges, self.drops_bytes))
        else:
            self._make_table()
        self._check_special_tokens()
        try:
            prepare(self.pattern)
        except ValueError as error:
            raise FormatError(str(error)) from None

    @property
    def marks_words(self) -> bool:
        """Whether tokens say if they are for the beginning, or the end, of a word."""
        return bool(self.continuing_subword_prefix or self.end_of_word_suffix)

    @property
    def lacks_bytes(self) -> bool:
        """Whether some bytes have no tokens, in a vocabulary of bytes."""
        return not self.of_characters and bool(self.missing_bytes)

    @property
    def missing_bytes(self) -> bytes:
        """The bytes that are no token."""
        return b"".join(byte for byte in _BYTES if self.vocabulary.token_id(byte) is None)

    @property
    def of_characters(self) -> bool:
        """Whether the first symbols of a text are its characters."""
        return self.rule in ("scores", "characters")

    def _take_symbols(self, symbols: Symbols) -> None:
        object.__setattr__(self, "table", symbols.table)
        object.__setattr__(self, "symbols", symbols)

    def _make_table(self) -> None:
        """Make ready what merges bytes to tokens."""
        missing = [byte for byte in range(256) if self.vocabulary.token_id(bytes([byte])) is None]
        if missing:
            raise FormatError(f"the vocabulary has no token for byte 0x{missing[0]:02x}, so some text has no ids")
        merges = _checked_rows(self.merges)
        rows, table = self._ranked(merges) if self.rule == "ranks" else (merges, self._listed(merges))
        object.__setattr__(self, "merges", rows)
        object.__setattr__(self, "table", table)

    def _make_symbols(self, scores: CharacterVocabulary) -> None:
        """Make ready what merges characters to tokens."""
        if self.rule == "characters":
            self._take_symbols(make_symbols(self.vocabulary.to_list(), scores, _checked_rows(self.merges)))
            return
        symbols = make_symbols(self.vocabulary.to_list(), scores)
        flat: Any = memoryview(Rows(symbols.rows, 3)).tolist()
        tokens = symbols.tokens
        rows = ((tokens[left], tokens[right], tokens[token]) for left, right, token in flat)
        named = array("I", chain.from_iterable(row for row in rows if -1 not in row))
        object.__setattr__(self, "merges", memoryview(Rows(named, 3)))
        self._take_symbols(symbols)

    def token_id(self, content: bytes) -> int | None:
        """The id of an ordinary token; of several with these bytes, the one that merging makes."""
        if (
            self.of_characters
            and self.symbols is not None
            and (symbol := self.symbols.vocabulary.token_id(content)) is not None
        ):
            found = self.symbols.tokens[symbol]
            return found if found >= 0 else self.vocabulary.token_id(content)
        return self.vocabulary.token_id(content)

    def check_bytes(self, what: str) -> None:
        """Raise ValueError if the tokens are not of bytes, which `what` needs."""
        if self.of_characters:
            by = "merge by scores" if self.rule == "scores" else "have merges of their own"
            raise ValueError(f"the tokens of this vocabulary are of characters and {by}; {what}")
        if self.marks_words or self.drops_space:
            within, end = (
                f"begin with {self.continuing_subword_prefix!r} within words",
                f"end words with {self.end_of_word_suffix!r}",
            )
            how = (
                within
                if self.continuing_subword_prefix
                else end
                if self.end_of_word_suffix
                else "leave out white space"
            )
            raise ValueError(f"the tokens of this vocabulary {how}; {what}")
        if self.lacks_bytes:
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

    def _ranked(self, hint: memoryview) -> tuple[memoryview, MergeTable]:
        """The rows that follow from a vocabulary of ranks, and their table."""
        longest = self.vocabulary.longest
        if longest > MAX_RANKED_TOKEN:
            raise FormatError(
                f"a token has {longest:,} bytes; in a vocabulary of ranks {MAX_RANKED_TOKEN:,} are allowed"
            )
        table, found = ranked_merges(self.vocabulary, hint)
        return (hint if found is None else memoryview(Rows(found, 3))), table

    def _listed(self, merges: memoryview) -> MergeTable:
        """The table of the merges given, after a look at each."""
        # A merge must make the bytes of its two parts: else decoding would not give back what was encoded.
        wrong = self.vocabulary.wrong_merge(merges)
        if wrong is not None:
            left, right, token = merges[wrong, 0], merges[wrong, 1], merges[wrong, 2]
            largest = max(left, right, token)
            if largest >= len(self.vocabulary):
                raise FormatError(f"a merge names id {largest}, of {len(self.vocabulary)} tokens")
            raise FormatError(f"merge {wrong} joins {left} and {right} to {token}, whose bytes differ from theirs")
        return listed_merges(self.vocabulary, merges)

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
            if token in seen and self.rule != "ranks":
                raise SpecialTokenError(f"special tokens {seen[token]!r} and {name!r} share id {token}")
            written = name.replace(SPACE, " ") if self.rule == "characters" else name
            if self.vocabulary.has(token) and self.vocabulary.token_bytes(token) != written.encode():
                ordinary = self.vocabulary.token_bytes(token)
                raise SpecialTokenError(f"special token {name!r} has id {token}, which is the token {ordinary!r}")
            seen[token] = name


def _checked_rows(merges: memoryview) -> memoryview:
    """Merges as uint32[n, 3]. Raises FormatError for anything else."""
    merges = memoryview(merges)  # of an array too
    if (merges.shape or ())[1:] != (3,) or merges.format != "I" or not merges.c_contiguous:
        raise FormatError("merges must be uint32[n, 3]")
    return merges


def with_first_merges(definition: Definition, vocab_size: int) -> Definition:
    """What training for a smaller `vocab_size` would have made: the 256 bytes and the first merges.

    Special tokens take the ids that follow. Raises ValueError for a size outside of 256 to that of the vocabulary, and
    for a tokenizer whose ids are not those of training.
    """
    most = 256 + len(definition.merges)
    rows: Any = definition.merges.tolist()
    tokens = definition.vocabulary.to_list()
    if (
        definition.rule != "merges"
        or definition.ignore_merges
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
        rule="merges",
        vocabulary=make_vocabulary(tokens[:vocab_size]),
        merges=definition.merges[: vocab_size - 256],
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
