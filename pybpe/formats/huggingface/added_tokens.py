"""The added tokens of a tokenizer.json, special or not, which are found by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pybpe._core.unicode import is_utf8
from pybpe.errors import FormatError
from pybpe.formats.helpers.byte_level import to_bytes
from pybpe.normalization.normalizer import Normalizer
from pybpe.normalization.preprocessing import FLAGS
from pybpe.util.files import PathLike

Json = dict[str, Any]


def read_added_tokens(entries: Any, vocab: Mapping[str, int], path: PathLike) -> list[Json]:
    """Check and return the added tokens. Raises FormatError if `tokenizers` would give one another id than the file."""
    if not isinstance(entries or [], list):
        raise FormatError(f"{path} is not a list")
    added: list[Json] = list(entries or [])
    for entry in added:
        _check(entry, path)
    names = [entry["content"] for entry in added]
    if len(set(names)) < len(names):
        raise FormatError(f"{path}: {_first_repeated(names)!r} is there twice")
    for entry, given in zip(added, numbered(names, vocab), strict=True):
        if entry["id"] != given:
            raise FormatError(
                f"{path}: {entry['content']!r} has id {entry['id']}, and the tokenizers package would give it {given}, "
                "because it numbers added tokens itself; pybpe cannot know which is meant"
            )
    return added


def _first_repeated(names: list[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _check(entry: Any, path: PathLike) -> None:
    """Raise FormatError unless an added token has all fields, each of the right type."""
    if not isinstance(entry, dict) or not isinstance(entry.get("content"), str) or type(entry.get("id")) is not int:
        raise FormatError(f"{path}: a token without content or id: {str(entry)[:60]}")
    for flag in ("special", *FLAGS):
        if not isinstance(entry.get(flag), bool):
            raise FormatError(f"{path}: {entry['content']!r} does not say whether it is {flag}")


def flags_of(entry: Json) -> tuple[str, ...]:
    """Return the flags of an added token, such as "lstrip", that are true."""
    return tuple(flag for flag in FLAGS if entry[flag])


def numbered(names: Iterable[str], vocab: Mapping[str, int]) -> list[int]:
    """Return the ids that the tokenizers package gives to added tokens; it ignores the ids in the file."""
    ids: list[int] = []
    last = len(vocab) - 1
    for name in names:
        ids.append(vocab.get(name, last + 1))
        last = max(last, ids[-1])
    return ids


def may_be_a_word(name: str, flags: tuple[str, ...], normalizer: Normalizer | None) -> bool:
    """Return True if a word of the text could equal the vocabulary's entry of an added token.

    Added tokens are found before text is split, but the search can skip a name, and normalization can produce one.
    """
    content = to_bytes(name)
    if content is None or not is_utf8(content):
        return False
    return content != name.encode() or "single_word" in flags or (normalizer is not None and "normalized" not in flags)


def check_config(added: list[Json], listed: Json, path: PathLike, config: str) -> None:
    """Raise FormatError if tokenizer_config.json and tokenizer.json disagree about the added tokens.

    listed: added_tokens_decoder of the former. path, config: the names of the two files in messages.
    """
    known = {entry["id"]: entry for entry in added}
    for number, entry in listed.items():
        if not isinstance(entry, dict):
            raise FormatError(f"{config}: the added token with id {number[:20]} is not a JSON object")
        token = known.get(int(number)) if number.isdecimal() and len(number) < 10 else None
        if token is None or any(token[key] != value for key, value in entry.items() if key in token):
            raise FormatError(
                f"{path} and {config} beside it do not say the same of the added token with id {number[:20]}; "
                f"name {path} itself to go by that"
            )
