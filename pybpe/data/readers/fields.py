"""The error message for files without the field or column that should hold the text."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 12


def missing_field(what: str, field: str, there: Iterable[str]) -> str:
    """Return "no field 'text'; there are 'id', 'content': name the one that holds the text with text_field= ..."."""
    names = list(there)
    shown = ", ".join(repr(name if len(name) <= 40 else f"{name[:39]}…") for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    found = f"there are {shown}{more}: name the one that holds the text with text_field= (--text-field)"
    return f"no {what} {field!r}; {found if names else 'there is none at all'}"
