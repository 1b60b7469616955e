"""Special tokens: finding them in text, and the policy of which may be there. Written once, for every method.

The policy is tiktoken's: text that holds a special token is an error unless the caller allowed that token, or said
that it is text like any other. So nobody's input becomes a control token by accident.
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
_MAX_DEPTH = 40  # of branches in the pattern for names
Policy = tuple[frozenset[str], frozenset[str]]  # names allowed, names disallowed


class SpecialTokens:
    """The names of the special tokens of one tokenizer. Immutable."""

    def __init__(self, tokens: Mapping[str, int], normal: Callable[[Text], Text]) -> None:
        self._names = frozenset(tokens)
        self._normal = normal  # the text in which tokens are found that are not found in the text as it is

    def policy(self, allowed: Allowed, disallowed: Disallowed) -> Policy:
        """Return the names that become their tokens, and those that must not be there.

        "all" allows all; it disallows all that are not allowed. Raises TypeError for what is no policy.
        """
        names = self._names if allowed == "all" else self._known(allowed)
        if disallowed == "all":
            return names, self._names - names if names else self._names
        return names, _strings("disallowed_special", (disallowed,) if isinstance(disallowed, str) else disallowed)

    def allowed_in(self, text: Text, allowed: Allowed, disallowed: Disallowed) -> frozenset[str]:
        """The allowed tokens if any of them occurs in `text`, else none.

        Raises SpecialTokenError if a disallowed one does.
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
        return self._find(text, self.policy(allowed, disallowed))

    def _find(self, text: Text, policy: Policy) -> frozenset[str]:
        allowed, forbidden = policy
        if not allowed and not forbidden:
            return allowed
        name = _find_in(self._forms(text), forbidden)
        if name is not None:
            raise SpecialTokenError(
                f"the text holds the special token {name!r}. To make it that token, pass "
                f"allowed_special={{{name!r}}}; to take it as ordinary text, pass disallowed_special=()"
            )
        # As in tiktoken, one that is written as two surrogates is allowed, but not forbidden.
        return allowed if _find_in(self._forms(join_surrogates(text)), allowed) is not None else frozenset()

    def _forms(self, text: Text) -> tuple[Text, ...]:
        """The text, and its normal form where tokens are looked for in that."""
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
    """Return the first of the names in `text`, the longest where several begin at one place; None if there is none."""
    if not names:
        return None
    if (searched := _compiled(names)) is not None:
        with contextlib.suppress(UnicodeEncodeError):  # of a text with lone surrogates
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
    """The compiled search for names; None for names that no UTF-8 has, or an empty one."""
    try:
        return Names(dict.fromkeys(names, 0))
    except (UnicodeEncodeError, ValueError):
        return None


def _shared(first: str, last: str) -> str:
    """What all of some names begin with, by the first and the last of them in order."""
    size = next((i for i, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[:size]


def find_names(names: frozenset[str], text: AnyStr) -> re.Pattern[AnyStr]:
    """What finds names in texts of this kind, from left to right, at each place the longest."""
    return _finder(names, isinstance(text, bytes))  # type: ignore[return-value]


@functools.lru_cache(maxsize=128)
def _finder(names: frozenset[str], as_bytes: bool) -> re.Pattern[str] | re.Pattern[bytes]:
    pattern = _longest_of(sorted(names), 0)
    return re.compile(pattern.encode()) if as_bytes else re.compile(pattern)


def _longest_of(names: Sequence[str], depth: int) -> str:
    """A pattern for the longest of some names, sorted, at a place: what they begin with alike is tried once."""
    if depth == _MAX_DEPTH:
        return f"(?:{'|'.join(re.escape(name) for name in sorted(names, key=len, reverse=True))})"
    branches: list[str] = []
    for _, group in itertools.groupby(filter(None, names), key=lambda name: name[0]):
        alike = list(group)
        beginning = _shared(alike[0], alike[-1])
        rest = [name[len(beginning) :] for name in alike]
        branches.append(re.escape(beginning) + (_longest_of(rest, depth + 1) if len(rest) > 1 else ""))
    return f"(?:{'|'.join(branches)}){'?' if not names[0] else ''}"
