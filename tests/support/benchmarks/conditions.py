"""Where, when, with what and on what a run was measured."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pybpe

from .peers import DISTRIBUTIONS, Encoding
from .texts import Text

PACKAGES = (
    *("tiktoken", "gigatoken", "quicktok", "toktok", "splintr", "rustbpe", "gigabpe", "tokenizers", "sentencepiece"),
    *("transformers", "regex", "numpy", "torch"),
)


def conditions(texts: list[Text], encodings: list[Encoding], rounds: int, absent: list[str]) -> dict[str, Any]:
    """Machine, versions, date, and the texts by their sha256."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {"pybpe": pybpe.__version__} | _versions(),
        "rounds": rounds,
        "encodings": [encoding.name for encoding in encodings],
        "texts": {text.name: {"megabytes": text.megabytes, "sha256": text.digest} for text in texts},
        "absent": absent,
    }


def _processor() -> str:
    """Its name, as well as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    """The version of every package that is installed, by PyPI's name."""
    found = {}
    for name in (DISTRIBUTIONS.get(name, name) for name in PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
