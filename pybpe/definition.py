"""What a tokenizer is, as plain checked data: what training makes, formats read and write, and `Tokenizer` serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pybpe._core.vocab import Vocabulary
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.patterns import prepare
from pybpe.reading import PLAIN, Reading

MAX_ID = 2**22 - 1  # 4 million, so that a small file cannot ask for all memory
MAX_RANKED_TOKEN = 4096  # bytes; looking for all ways to cut a token takes time by the square of its size


@dataclass(frozen=True)
class Definition:
    """A tokenizer's content. Checked at birth: a Definition that exists can encode any text.

    rule: how words merge. "merges": by the list of pairs, in its order. "ranks": any two neighbours whose bytes joined
        are a token merge, lowest id first, and a word that is a token is that token (tiktoken).
    vocabulary: the ordinary tokens, by id; holes allowed.
    merges: uint32[n, 3], rows (left, right, token) in learned order; no rows with the rule "ranks".
    pattern: the regular expression that splits text into words.
    special_tokens: name -> id, none of them the id of an ordinary token of other bytes.
    reading: what is done to text before it is split.
    whole_words: with the rule "merges", whether a word that is a token is that token.
    carried: data for JSON that a file held and that does not bear on ids, kept to be written back.
    """

    rule: Literal["merges", "ranks"]
    vocabulary: Vocabulary
    merges: npt.NDArray[np.uint32]
    pattern: str
    special_tokens: Mapping[str, int]
    reading: Reading = PLAIN
    whole_words: bool = False
    carried: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [byte for byte in range(256) if self.vocabulary.token_id(bytes([byte])) is None]
        if missing:
            raise FormatError(f"the vocabulary has no token for byte 0x{missing[0]:02x}, so some text has no ids")
        tokens = self.vocabulary.to_list()
        self._check_merges(tokens)
        self._check_special_tokens(tokens)
        try:
            prepare(self.pattern)
        except ValueError as error:
            raise FormatError(str(error)) from None

    def _check_merges(self, tokens: list[bytes]) -> None:
        if self.merges.ndim != 2 or self.merges.shape[1] != 3 or self.merges.dtype != np.uint32:
            raise FormatError("merges must be uint32[n, 3]")
        if self.rule == "ranks" and len(self.merges):
            raise FormatError("a vocabulary of ranks has no list of merges")
        longest = max(map(len, tokens), default=0)
        if self.rule == "ranks" and longest > MAX_RANKED_TOKEN:
            raise FormatError(
                f"a token has {longest:,} bytes; in a vocabulary of ranks {MAX_RANKED_TOKEN:,} are allowed"
            )
        if len(self.merges) and int(self.merges.max()) >= len(self.vocabulary):
            raise FormatError(f"a merge names id {self.merges.max()}, of {len(self.vocabulary)} tokens")
        # A merge must make the bytes of its two parts: else decoding would not give back what was encoded.
        for row, (left, right, token) in enumerate(self.merges.tolist()):
            if tokens[left] + tokens[right] != tokens[token] or not tokens[left] or not tokens[right]:
                raise FormatError(f"merge {row} joins {left} and {right} to {token}, whose bytes differ from theirs")

    def _check_special_tokens(self, tokens: list[bytes]) -> None:
        seen: dict[int, str] = {}
        added = self.reading.added_tokens
        if unknown := self.reading.flags.keys() - self.special_tokens.keys() - added.keys():
            raise SpecialTokenError(f"there are flags for {min(unknown)!r}, which is no special or added token")
        if both := self.special_tokens.keys() & added.keys():
            raise SpecialTokenError(f"{min(both)!r} is both a special and an added token")
        for name, token in chain(self.special_tokens.items(), added.items()):
            _check_name(name)
            if type(token) is not int:
                raise SpecialTokenError(f"special token {name!r} has id {token!r}, which is not an int")
            if not 0 <= token <= MAX_ID:
                raise SpecialTokenError(f"special token {name!r} has id {token}; ids go from 0 to {MAX_ID}")
            if token in seen:
                raise SpecialTokenError(f"special tokens {seen[token]!r} and {name!r} share id {token}")
            if token < len(tokens) and tokens[token] not in (b"", name.encode()):
                raise SpecialTokenError(f"special token {name!r} has id {token}, which is the token {tokens[token]!r}")
            seen[token] = name


def make_vocabulary(tokens: Iterable[bytes]) -> Vocabulary:
    """A Vocabulary from the tokens in the order of their ids."""
    tokens = list(tokens)
    return Vocabulary(b"".join(tokens), np.fromiter(map(len, tokens), dtype=np.uint32, count=len(tokens)))


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


def merges_of(definition: Definition) -> dict[tuple[int, int], int]:
    """{(left, right): token} in learned order.

    With the rule "ranks" there is no list; it is recovered: for each token of two bytes or more, the two tokens that
    merging its bytes by lower ranks ends with.
    """
    if definition.rule == "merges":
        return {(left, right): token for left, right, token in definition.merges.tolist()}
    ranks = {token: rank for rank, token in enumerate(definition.vocabulary.to_list()) if token}
    merges = {}
    for token, rank in ranks.items():
        parts = [token[i : i + 1] for i in range(len(token))]
        while len(parts) > 2:
            candidates = [
                (found, i) for i in range(len(parts) - 1) if (found := ranks.get(parts[i] + parts[i + 1], rank)) < rank
            ]
            if not candidates:
                break
            _, i = min(candidates)
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        if len(parts) == 2:
            merges[ranks[parts[0]], ranks[parts[1]]] = rank
    return merges
