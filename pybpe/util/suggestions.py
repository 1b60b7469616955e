"""Suggestions for mistyped names."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `word`, None if none is; by case only if none is otherwise."""
    import difflib  # here, because few programs mistype anything

    names = list(known)
    by_lower = {name.lower(): name for name in names}
    if found := difflib.get_close_matches(word, names, n=1):
        return found[0]
    found = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known name that is most like `word`, "" if none is."""
    found = nearest(word, known)
    return "" if found is None else f"; did you mean {found!r}?"
