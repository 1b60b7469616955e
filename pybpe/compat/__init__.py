"""Replacements for objects of other libraries, such as tiktoken and transformers, with their interfaces."""

from __future__ import annotations

from typing import Any

__all__ = ["patch_transformers", "unpatch_transformers"]


def __getattr__(name: str) -> Any:
    """Import the functions that need transformers when they are first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pybpe.compat import huggingface

    return getattr(huggingface, name)
