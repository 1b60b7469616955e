"""Faces of other libraries: objects of pybpe that stand where theirs stood."""

from __future__ import annotations

from typing import Any

__all__ = ["patch_transformers", "unpatch_transformers"]


def __getattr__(name: str) -> Any:
    """What needs transformers, imported when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pybpe.compat import huggingface

    return getattr(huggingface, name)
