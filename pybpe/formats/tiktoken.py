"""tiktoken's rank files: a line a token, its bytes in base64 and its rank, which is its id."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pybpe.definition import MAX_ID, Definition, make_vocabulary
from pybpe.encodings import by_sha256
from pybpe.errors import FormatError, SpecialTokenError
from pybpe.files import PathLike, write_atomic
from pybpe.patterns import PATTERNS, resolve


def read(path: PathLike, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None) -> Definition:
    """Read a rank file. The file holds neither pattern nor special tokens: of the public encodings they are known.

    Raises FormatError, with the line, for a file that is not one; ValueError if `pattern` is needed and not given.
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
    ranks = _parse(content, path)
    tokens = [b""] * (max(ranks.values()) + 1)
    for token, rank in ranks.items():
        tokens[rank] = token
    return Definition(
        rule="ranks",
        vocabulary=make_vocabulary(tokens),
        merges=np.empty((0, 3), dtype=np.uint32),
        pattern=resolve(pattern),
        special_tokens=_as_dict(special_tokens),
    )


def _as_dict(special_tokens: Mapping[str, int]) -> dict[str, int]:
    """The caller's mapping, its ids as int whatever kind of integer they are."""
    if not isinstance(special_tokens, Mapping):
        raise SpecialTokenError("special_tokens must be a dict of names and ids, such as {'<|endoftext|>': 50256}")
    return {name: int(token) if isinstance(token, np.integer) else token for name, token in special_tokens.items()}


def _parse(content: bytes, path: PathLike) -> dict[bytes, int]:
    """{token: rank}, both without repeats."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            encoded, digits = line.split()
            token, rank = base64.b64decode(encoded, validate=True), int(digits)
        except (ValueError, binascii.Error):
            raise FormatError(f"{path}, line {number}: not a token in base64 and its rank: {line[:60]!r}") from None
        if not token or not 0 <= rank <= MAX_ID:
            raise FormatError(f"{path}, line {number}: an empty token, or a rank outside 0 to {MAX_ID}")
        if token in ranks:
            raise FormatError(f"{path}, line {number}: token {token!r} has a rank already")
        ranks[token] = rank
    if not ranks:
        raise FormatError(f"{path} holds no tokens")
    if len(set(ranks.values())) != len(ranks):
        raise FormatError(f"{path}: two tokens share a rank")
    return ranks


def write(mergeable_ranks: Mapping[bytes, int], path: PathLike) -> None:
    """Write {token: rank} in the order of the ranks, completely or not at all."""
    lines = (
        base64.b64encode(token) + b" %d\n" % rank
        for token, rank in sorted(mergeable_ranks.items(), key=lambda item: item[1])
    )
    write_atomic(path, b"".join(lines))
