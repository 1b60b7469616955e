"""Packages that only some work needs and that come with an extra: pip install 'pybpe[data]'."""

from __future__ import annotations

import importlib
from typing import Any

from pybpe.errors import MissingPackageError


def extra_module(name: str, extra: str, purpose: str) -> Any:
    """Import a module for some purpose ('to read .parquet files'); MissingPackageError says what to install."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        package = name.split(".")[0]
        raise MissingPackageError(
            f"the package {package} is needed {purpose}; install it with: pip install 'pybpe[{extra}]'"
        ) from None
