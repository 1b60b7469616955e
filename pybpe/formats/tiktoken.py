"""tiktoken's rank files: one token per line, its bytes in base64 and its rank, which is its id."""

from __future__ import annotations

import base64
import hashlib
import operator
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pybpe._core.rank_file import parse_ranks
from pybpe._core.vocab import Vocabulary
from pybpe.definition import MAX_ID, Definition
from pybpe.encodings.registry import by_sha256
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.pretokenization.patterns import PATTERNS, resolve
from pybpe.util.files import PathLike, write_atomic
from pybpe.vocabulary.models import ByteRanks


def read(path: PathLike, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None) -> Definition:
    """Read a rank file. It holds neither pattern nor special tokens; those of the public encodings are known.

    Raises FormatError, with the line, if it is not one; ValueError if `pattern` is needed and not given; OSError if it
    cannot be read.
    """
    content = Path(path).read_bytes()
    known = by_sha256(hashlib.sha256(content).hexdigest())
    if pattern is None:
        if known is None:
            raise ValueError(
                f"{path} is not one of the public encodings, and a rank file does not hold its split pattern: "
                f"give pattern= one of {', '.join(PATTERNS)}, or a regular expression"
            )
        pattern = known.pattern
    if special_tokens is None:
        special_tokens = known.special_tokens if known else {}
    return parse(content, path, pattern, special_tokens)


def parse(content: bytes, path: PathLike, pattern: str, special_tokens: Mapping[str, int]) -> Definition:
    """Return the Definition of the bytes of a rank file; error messages call it `path`. Raises FormatError."""
    return Definition(
        ByteRanks(_parse(content, path)),
        pattern=resolve(pattern),
        special_tokens=_as_dict(special_tokens),
    )


def from_ranks(ranks: Mapping[bytes, int], pattern: str, special_tokens: Mapping[str, int]) -> Definition:
    """Return the Definition of {bytes: rank}. Raises ValueError for keys, ranks or duplicates that are not allowed."""
    tokens: dict[int, bytes] = {}
    for token, rank in ranks.items():
        number = _as_int(rank)
        if not isinstance(token, bytes) or type(number) is not int or not 0 <= number <= MAX_ID:
            raise ValueError(f"mergeable_ranks must map bytes to ids 0 to {MAX_ID}, not {token!r:.60} to {rank!r:.40}")
        if tokens.setdefault(number, token) is not token:
            raise ValueError(f"the tokens {tokens[number]!r:.60} and {token!r:.60} share rank {number}")
    contents = [tokens.get(number, b"") for number in range(max(tokens, default=-1) + 1)]
    empty = next((number for number, token in tokens.items() if not token), None)
    return Definition(
        ByteRanks(Vocabulary(b"".join(contents), array("I", map(len, contents)), empty)),
        pattern=resolve(pattern),
        special_tokens=_as_dict(special_tokens),
    )


def ranks_of(vocabulary: Vocabulary) -> dict[bytes, int]:
    """Return {bytes: rank} of the tokens, the empty one included; the first of tokens with equal bytes."""
    ranks: dict[bytes, int] = {}
    for rank, token in enumerate(vocabulary.to_list()):
        if token or rank == vocabulary.empty:
            ranks.setdefault(token, rank)
    return ranks


def _as_dict(special_tokens: Mapping[str, int]) -> dict[str, int]:
    """Return {name: id} with ids as plain int. Raises SpecialTokenError if it is not a mapping."""
    if not isinstance(special_tokens, Mapping):
        raise SpecialTokenError("special_tokens must be a dict of names and ids, such as {'<|endoftext|>': 50256}")
    return {name: _as_int(token) for name, token in special_tokens.items()}


def _as_int(token: object) -> Any:
    """Return any kind of integer as a plain int; other values unchanged, which the Definition refuses."""
    try:
        return token if type(token) is bool else operator.index(token)  # type: ignore[arg-type]
    except TypeError:
        return token


def _parse(content: bytes, path: PathLike) -> Vocabulary:
    """Return the tokens by rank. Raises FormatError for a malformed line or a repeated token."""
    try:
        joined, sizes, empty = parse_ranks(content, MAX_ID)
    except FormatError as error:
        raise FormatError(f"{path}, {error}") from None
    vocabulary = Vocabulary(joined, sizes, empty)
    if not len(vocabulary):
        raise FormatError(f"{path} holds no tokens")
    if vocabulary.has_twins:
        raise _repeated(content, path)
    return vocabulary


def _repeated(content: bytes, path: PathLike) -> FormatError:
    """Return the FormatError for a file in which a token occurs twice."""
    lines = [(number, line.split()) for number, line in enumerate(content.split(b"\n"), 1)]
    tokens = [(number, base64.b64decode(words[0])) for number, words in lines if words]
    first = {token: number for number, token in reversed(tokens)}
    number, token = next((number, token) for number, token in tokens if first[token] < number)
    return FormatError(f"{path}, line {number}: token {token!r} has a rank already")


def write(definition: Definition, path: PathLike) -> None:
    """Write a rank file, in the order of ids, completely or not at all.

    Raises ValueError for a vocabulary of characters, and for two tokens with the same bytes: a rank file cannot hold
    them.
    """
    definition.check_bytes("a rank file cannot say so")
    if definition.vocabulary.has_twins:
        raise ValueError("two tokens of this vocabulary have the same bytes; a rank file cannot hold both")
    lines = (
        (base64.b64encode(token) or b"=") + b" %d\n" % rank  # "=" for the empty token, as in Whisper's files
        for token, rank in ranks_of(definition.vocabulary).items()
    )
    write_atomic(path, b"".join(lines))
