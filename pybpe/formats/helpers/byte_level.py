"""GPT-2's way to write bytes as characters, in vocab.json, merges.txt and byte-level tokenizer.json.

Every byte is written as a printable character: the 188 printable characters of Latin-1 stand for themselves, and the
other 68 bytes take the characters from U+0100 on, so a space is "Ġ".
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from pybpe._core.ids import Rows
from pybpe.definition import MAX_ID, Definition
from pybpe.errors import FormatError
from pybpe.util.files import PathLike

MAX_FILE = 1 << 29  # bytes; ten times the largest known vocabularies
_PRINTS = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = [byte for byte in range(256) if byte not in _PRINTS]
_CHAR_OF_BYTE = {byte: byte for byte in _PRINTS} | {byte: 0x100 + i for i, byte in enumerate(_OTHERS)}
# Latin-1 characters that stand for no byte are mapped outside Latin-1, so that encoding to Latin-1 fails for them.
_BYTE_OF_CHAR = dict.fromkeys(_OTHERS, 0xFFFF) | {char: byte for byte, char in _CHAR_OF_BYTE.items()}


def to_chars(token: bytes) -> str:
    """Return the bytes of a token as characters."""
    return token.decode("latin-1").translate(_CHAR_OF_BYTE)


def to_bytes(chars: str) -> bytes | None:
    """Return the bytes that characters stand for; None if one of them stands for no byte."""
    try:
        return chars.translate(_BYTE_OF_CHAR).encode("latin-1")
    except UnicodeEncodeError:
        return None


def all_to_chars(tokens: Sequence[bytes]) -> list[str]:
    """Return `to_chars` of each token, three times as fast."""
    chars = to_chars(b"".join(tokens))
    return [chars[start:end] for start, end in pairwise(accumulate(map(len, tokens), initial=0))]


def _all_to_bytes(names: Collection[str]) -> list[bytes] | None:
    """Return `to_bytes` of each name; None if it is None for any."""
    content = to_bytes("".join(names))
    if content is None:
        return None
    return [content[start:end] for start, end in pairwise(accumulate(map(len, names), initial=0))]


def read_bytes(path: PathLike) -> bytes:
    """Return the bytes of a file. Raises FormatError if it has more than MAX_FILE, OSError if it cannot be read."""
    with Path(path).open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise FormatError(f"{path} is too large for a tokenizer: it has more than {MAX_FILE:,} bytes")
    return content


def read_text(path: PathLike) -> str:
    """Return the text of a file. Raises as `read_bytes` does, and FormatError if it is not UTF-8."""
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError:
        raise FormatError(f"{path} is not UTF-8") from None


def read_json(path: PathLike) -> Any:
    """Return the data of a JSON file. Raises FormatError if it is not JSON, OSError if it cannot be read."""
    try:
        return json.loads(read_text(path))
    except RecursionError:
        raise FormatError(f"{path} is nested too deeply") from None
    except FormatError:
        raise
    except ValueError as error:
        raise FormatError(f"{path} is not JSON: {str(error)[:200]}") from None


def read_vocabulary(vocab: Any, path: PathLike) -> dict[str, int]:
    """Check and return {characters: id}. Raises FormatError for any other data, and for two tokens with one id."""
    if not isinstance(vocab, dict) or not vocab:
        raise FormatError(f"{path} holds no vocabulary of tokens and their ids")
    seen: dict[int, str] = {}
    for chars, token in vocab.items():
        if type(token) is not int or not 0 <= token <= MAX_ID:
            raise FormatError(f"{path}: token {chars!r} has the id {str(token)[:40]}; ids go from 0 to {MAX_ID}")
        if token in seen:
            raise FormatError(f"{path}: tokens {seen[token]!r} and {chars!r} share id {token}")
        if not chars:
            raise FormatError(f"{path}: the token with id {token} is empty")
        seen[token] = chars
    return vocab


def read_merges(
    pairs: Iterable[Sequence[str]], vocab: Mapping[str, int], path: PathLike, continuing_subword_prefix: str = ""
) -> memoryview:
    """Return uint32[n, 3], (left, right, token), of pairs in learned order. A repeated pair has its last place.

    continuing_subword_prefix: the prefix of the right token of each pair, which the merged token does not contain.
    Raises FormatError for a merge whose tokens are not in the vocabulary.
    """
    rows: dict[int, int] = {}  # {left << 32 | right: token}: ints are faster to make than tuples
    for number, (left, right) in enumerate(pairs, 1):
        try:
            pair = vocab[left] << 32 | vocab[right]
            if continuing_subword_prefix and (
                len(right) == len(continuing_subword_prefix) or not right.startswith(continuing_subword_prefix)
            ):
                raise FormatError(
                    f"{path}: merge {number} adds {right!r}, which does not begin with {continuing_subword_prefix!r}"
                )
            token = vocab[left + right[len(continuing_subword_prefix) :]]
        except KeyError as error:
            raise FormatError(f"{path}: merge {number} needs the token {error.args[0]!r}, which has no id") from None
        rows.pop(pair, None)
        rows[pair] = token
    flat = array("I", bytes(12 * len(rows)))
    flat[::3] = array("I", [pair >> 32 for pair in rows])
    flat[1::3] = array("I", [pair & 0xFFFFFFFF for pair in rows])
    flat[2::3] = array("I", rows.values())
    return memoryview(Rows(flat, 3))


def token_list(vocab: Mapping[str, int], path: PathLike) -> list[bytes]:
    """Return the bytes of each id, b"" for an id without a token. Raises FormatError for a bad character."""
    tokens = [b""] * (max(vocab.values(), default=-1) + 1)
    contents = _all_to_bytes(vocab.keys())
    if contents is None:
        chars = next(chars for chars in vocab if to_bytes(chars) is None)
        raise FormatError(f"{path}: token {chars!r} with id {vocab[chars]} holds a character that stands for no byte")
    for token, content in zip(vocab.values(), contents, strict=True):
        tokens[token] = content
    return tokens


def unmade(names: Iterable[str], vocab: Mapping[str, int], merges: memoryview) -> set[str]:
    """Return the names of several characters that are in the vocabulary and that no merge makes or uses."""
    used = set(array("I", merges.tobytes()))
    return {chars for chars in names if len(chars) > 1 and chars in vocab and vocab[chars] not in used}


def rows_of(merges: memoryview) -> list[tuple[int, int, int]]:
    """Return (left, right, token) of each merge."""
    flat = array("I", merges.tobytes())
    return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def made_by(merges: memoryview) -> set[int]:
    """Return the ids of the tokens that merges make."""
    return set(array("I", merges.tobytes())[2::3])


def write_vocabulary(definition: Definition) -> dict[str, int]:
    """Return {characters: id} of the ordinary tokens. Raises ValueError if two have the same bytes."""
    tokens = definition.vocabulary.to_list()
    vocab = {chars: i for i, chars in enumerate(all_to_chars(tokens)) if chars}
    if len(vocab) < sum(map(bool, tokens)):
        raise ValueError("two tokens of this vocabulary have the same bytes; this file format cannot hold both")
    return vocab


def write_merges(definition: Definition) -> list[tuple[str, str]]:
    """Return the merges as pairs of characters, in the order in which they apply.

    A vocabulary of ranks merges any two neighbours whose joined bytes are a token, lowest rank first. When a token of
    rank r is made, no merge of a lower rank is possible any more, within its bytes either. So its two parts are always
    those that its own bytes reach by the ranks below r, and one merge per token, in the order of ranks, is equivalent.
    """
    chars = all_to_chars(definition.vocabulary.to_list())
    return [(chars[left], chars[right]) for left, right, _ in rows_of(definition.merges)]
