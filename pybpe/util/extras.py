"""Imports of optional packages, which an extra installs: pip install 'pybpe[data]'."""

from __future__ import annotations

import importlib
from typing import Any

from pybpe.errors import MissingPackageError


def extra_module(name: str, extra: str, purpose: str) -> Any:
    """Import and return the module of an optional package.

    extra: the extra that installs it. purpose: what it is needed for, as in "to read .parquet files". Raises
    MissingPackageError, which says what to install.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        package = name.split(".")[0]
        raise MissingPackageError(
            f"the package {package} is needed {purpose}; install it with: pip install 'pybpe[{extra}]'"
        ) from None
