"""Rows on hostile input: the worst time, how it grows, and whether a hundred million spaces come through."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..hostile_texts import INPUTS
from .limited import LostError, run_limited
from .peers import OPENERS, Encoding, Ids, open_pybpe
from .results import OURS, Result
from .rows import NORMAL, refused
from .texts import Text
from .timing import Work, seconds

CHARACTERS = 1_000_000
PEER_SECONDS = 60.0  # that a peer gets for one input, opening included
MANY_SPACES = 100_000_000


def encode_input(peer: str, encoding: Encoding, kind: str, n: int) -> tuple[float, Ids]:
    """Seconds and ids of one input by a contender just opened."""
    work, text = OPENERS[peer](encoding).to_numpy, INPUTS[kind](n)
    start = time.perf_counter()
    ids = work(text)
    return time.perf_counter() - start, np.asarray(ids)


def worst_inputs(text: Text, encoding: Encoding, peers: list[str], rounds: int) -> Iterator[Result]:
    """Every input of a million characters, by tokenizers just opened, beside as much of a normal text."""
    normal = text.content[:CHARACTERS]
    for kind, make in INPUTS.items():
        content = make(CHARACTERS)
        hostile, ordinary, ids = [], [], np.empty(0, dtype=np.uint32)
        for _ in range(rounds):
            ours = open_pybpe(encoding).to_numpy
            start = time.perf_counter()
            ids = ours(content)
            hostile.append(time.perf_counter() - start)
            ordinary.append(_first_pass(encoding, normal) * CHARACTERS / len(normal))
        values = {OURS: statistics.median(hostile), NORMAL: statistics.median(ordinary)}
        notes = [f"{values[OURS] / values[NORMAL]:.2f} times the time of normal text"]
        yield _beside_peers(Result("adversarial", kind, encoding.name, "s", values, {}, notes), ids, encoding, peers)


def _first_pass(encoding: Encoding, content: str) -> float:
    return seconds(partial(open_pybpe(encoding).to_numpy, content))


def _beside_peers(result: Result, ids: Ids, encoding: Encoding, peers: list[str]) -> Result:
    """The same with the times of the peers that survive with the same ids."""
    for name in peers:
        try:
            elapsed, theirs = run_limited(encode_input, name, encoding, result.text, CHARACTERS, seconds=PEER_SECONDS)
        except LostError as reason:
            result.notes.append(f"{name}: {reason}")
            continue
        if np.array_equal(theirs, ids):
            result.ratios[name] = elapsed / result.values[OURS]
            result.values[name] = elapsed
        elif name == "tiktoken":
            return refused(result.row, result.text, result.encoding, result.unit)
        else:
            result.notes.append(f"{name} gives other ids and so has no time")
    return result


def growth(encoding: Encoding, largest: int) -> Iterator[Result]:
    """Seconds at one million characters, two, four, up to `largest` millions: the least of several calls each.

    The note says the largest of the ratios between one size and the size before.
    """
    ours = open_pybpe(encoding).to_numpy
    sizes = [1 << power for power in range(largest.bit_length()) if 1 << power <= largest]
    for kind, make in INPUTS.items():
        values = {}
        for millions in sizes:
            content = make(millions * CHARACTERS)
            values[f"{millions}M"] = _least(partial(ours, content))
        times = list(values.values())
        steps = [later / earlier for earlier, later in zip(times, times[1:], strict=False)]
        if steps:
            yield Result("growth", kind, encoding.name, "s", values, {}, [f"at most {max(steps):.2f} times a step"])


def _least(work: Work) -> float:
    """The least time of up to five calls; no further one after five seconds."""
    times: list[float] = []
    while len(times) < 5 and sum(times) < 5:
        times.append(seconds(work))
    return min(times)


def many_spaces(encoding: Encoding) -> Iterator[Result]:
    """A hundred million spaces, which must come back as they were."""
    ours = open_pybpe(encoding)
    start = time.perf_counter()
    ids: Any = ours.to_numpy(" " * MANY_SPACES)
    elapsed = time.perf_counter() - start
    if ours.decode(ids) == b" " * MANY_SPACES:
        yield Result("spaces", "", encoding.name, "s", {OURS: elapsed}, {}, [f"{len(ids):,} ids"])
    else:
        yield refused("spaces", "", encoding.name, "s")
