"""The search for special tokens in text, and the policy for those that are found.

The policy is tiktoken's: a text that holds a special token raises an error unless the caller allowed this token, or
asked to encode it as ordinary text. So user input never becomes a control token by accident.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import AnyStr, Literal

from pybpe._core.names import Names
from pybpe.errors import SpecialTokenError
from pybpe.util.utf8 import join_surrogates

Allowed = Literal["all"] | AbstractSet[str]
Disallowed = Literal["all"] | Collection[str]
Text = str | bytes
_MAX_DEPTH = 40  # maximum nesting of groups in the pattern for names
Policy = tuple[frozenset[str], frozenset[str]]  # names allowed, names disallowed


class SpecialTokens:
    """The special tokens of one tokenizer and the policy for them. Immutable.

    tokens: {name: id}. normal: a function that returns the text in which tokens with the flag "normalized" are found.
    """

    def __init__(self, tokens: Mapping[str, int], normal: Callable[[Text], Text]) -> None:
        self._names = frozenset(tokens)
        self._normal = normal

    def policy(self, allowed: Allowed, disallowed: Disallowed) -> Policy:
        """Return the names that are allowed, and the names that raise an error.

        allowed: a set of names, or "all". disallowed: names, or "all" for all that are not allowed. Raises TypeError
        for anything else.
        """
        names = self._names if allowed == "all" else self._known(allowed)
        if disallowed == "all":
            return names, self._names - names if names else self._names
        return names, _strings("disallowed_special", (disallowed,) if isinstance(disallowed, str) else disallowed)

    def allowed_in(self, text: Text, allowed: Allowed, disallowed: Disallowed) -> frozenset[str]:
        """Return the names that are allowed if one of them occurs in `text`, else an empty set.

        Raises SpecialTokenError if a disallowed name occurs.
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
        return self._find(text, self.policy(allowed, disallowed))

    def _find(self, text: Text, policy: Policy) -> frozenset[str]:
        """Return the allowed names if one of them occurs in `text`, else an empty set; see `allowed_in`."""
        allowed, disallowed = policy
        if not allowed and not disallowed:
            return allowed
        name = _find_in(self._forms(text), disallowed)
        if name is not None:
            raise SpecialTokenError(
                f"the text holds the special token {name!r}. To make it that token, pass "
                f"allowed_special={{{name!r}}}; to take it as ordinary text, pass disallowed_special=()"
            )
        # As in tiktoken, a token that the text writes as two surrogates is found if allowed, and no error otherwise.
        return allowed if _find_in(self._forms(join_surrogates(text)), allowed) is not None else frozenset()

    def _forms(self, text: Text) -> tuple[Text, ...]:
        """Return the text, and its normal form if that is searched too."""
        return (text, normal) if (normal := self._normal(text)) is not text else (text,)

    def _known(self, allowed: AbstractSet[str]) -> frozenset[str]:
        if isinstance(allowed, str):
            raise TypeError(f"allowed_special must be 'all' or a set of strings; did you mean {{{allowed!r}}}?")
        return self._names & _strings("allowed_special", allowed)


def _strings(argument: str, names: Collection[str]) -> frozenset[str]:
    found = frozenset(names if isinstance(names, Iterable) else [names])
    for name in found:
        if not isinstance(name, str):
            raise TypeError(f"{argument} must be 'all' or a set of strings; {name!r} is neither")
    return found


def _find_in(texts: tuple[Text, ...], names: frozenset[str]) -> str | None:
    return next((name for text in texts if (name := find_one_of(names, text)) is not None), None)


def find_one_of(names: frozenset[str], text: Text) -> str | None:
    """Return the first name that occurs in `text`, of several at one position the longest; None if none occurs."""
    if not names:
        return None
    if (searched := _compiled(names)) is not None:
        with contextlib.suppress(UnicodeEncodeError):  # raised for a text with lone surrogates
            found = searched.first_in(text)
            if found is None:
                return None
            content = text if isinstance(text, bytes) else text.encode()
            return content[found[0] : found[1]].decode()
    match = find_names(names, text).search(text)  # type: ignore[type-var]
    if match is None:
        return None
    found_name = match.group()
    return found_name if isinstance(found_name, str) else found_name.decode()


@functools.lru_cache(maxsize=128)
def _compiled(names: frozenset[str]) -> Names | None:
    """Return the compiled search for names; None if one of them is empty or holds a lone surrogate."""
    try:
        return Names(dict.fromkeys(names, 0))
    except (UnicodeEncodeError, ValueError):
        return None


def _common_prefix(first: str, last: str) -> str:
    """Return the common prefix of sorted names, given the first and the last of them."""
    size = next((i for i, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[:size]


def find_names(names: frozenset[str], text: AnyStr) -> re.Pattern[AnyStr]:
    """Return a pattern that matches names, of several at one position the longest, in str or bytes like `text`."""
    return _finder(names, isinstance(text, bytes))  # type: ignore[return-value]


@functools.lru_cache(maxsize=128)
def _finder(names: frozenset[str], as_bytes: bool) -> re.Pattern[str] | re.Pattern[bytes]:
    pattern = _longest_of(sorted(names), 0)
    return re.compile(pattern.encode()) if as_bytes else re.compile(pattern)


def _longest_of(names: Sequence[str], depth: int) -> str:
    """Return a pattern for the longest of sorted names. It is a trie: common prefixes are matched once."""
    if depth == _MAX_DEPTH:
        return f"(?:{'|'.join(re.escape(name) for name in sorted(names, key=len, reverse=True))})"
    branches: list[str] = []
    for _, group in itertools.groupby(filter(None, names), key=lambda name: name[0]):
        alike = list(group)
        prefix = _common_prefix(alike[0], alike[-1])
        rest = [name[len(prefix) :] for name in alike]
        branches.append(re.escape(prefix) + (_longest_of(rest, depth + 1) if len(rest) > 1 else ""))
    return f"(?:{'|'.join(branches)}){'?' if not names[0] else ''}"
