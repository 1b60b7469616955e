"""Rows that only a fresh process can fill: how long a package takes to import, and to open a vocabulary."""

from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from .limited import run_limited
from .peers import OPENERS, Encoding, Peer, installed, pybpe_peer
from .results import OURS, Result
from .rows import SCALES
from .timing import ratios

HELLO = "Hello, world! 你好"
LIMIT_SECONDS = 60.0
RANK_FILE = "pybpe, rank file"


def importing(rounds: int) -> Iterator[Result]:
    """`import` of each package in a fresh process, and of numpy, which most of them import."""
    names = [name for name in (*OPENERS, "numpy") if installed(name)]
    result = _in_turn("import", "", {name: partial(import_seconds, name) for name in names}, rounds)
    result.ratios.pop("numpy")  # no peer
    yield result


def import_seconds(name: str) -> float:
    """What one import took."""
    program = f"import time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def opening(encoding: Encoding, peers: list[str], rounds: int) -> Iterator[Result]:
    """From a file to the ids of a few words, in a fresh process that has the package imported."""
    from pybpe import Tokenizer

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.pybpe"
        Tokenizer.from_tiktoken(encoding.path, encoding.pattern, encoding.special_tokens).save(saved)
        works = {
            OURS: partial(_limited, open_saved_seconds, saved),
            RANK_FILE: partial(_limited, open_seconds, OURS, encoding),
            **{name: partial(_limited, open_seconds, name, encoding) for name in peers},
        }
        result = _in_turn("open", encoding.name, works, rounds)
    result.ratios.pop(RANK_FILE)  # no peer
    yield result


def _limited(function: Callable[..., float], *arguments: object) -> float:
    return float(run_limited(function, *arguments, seconds=LIMIT_SECONDS))


def open_saved_seconds(path: Path) -> float:
    """In a fresh process: pybpe's own file."""
    from pybpe import Tokenizer

    return _until_ids(lambda: pybpe_peer(Tokenizer.load(path)))


def open_seconds(name: str, encoding: Encoding) -> float:
    """In a fresh process: the rank file, or what the package brings along."""
    importlib.import_module(name)
    return _until_ids(lambda: OPENERS[name](encoding))


def _until_ids(opener: Callable[[], Peer]) -> float:
    start = time.perf_counter()
    opener().to_list(HELLO)
    return time.perf_counter() - start


def _in_turn(row: str, encoding: str, works: dict[str, Callable[[], float]], rounds: int) -> Result:
    """Time in turn what measures itself."""
    costs: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            costs[name].append(work())
    values = {name: statistics.median(found) * SCALES["ms"] for name, found in costs.items()}
    return Result(row, "", encoding, "ms", values, ratios(costs, OURS))
