"""The rows of the tables, in their order, and how one is measured: results checked, then timed in turn."""

from __future__ import annotations

import statistics

from .results import OURS, Result
from .timing import Job, in_turn, ratios

ROWS = {
    "numpy": "one text to numpy, warm",
    "first": "one text to numpy, first pass",
    "list": "one text to list",
    "documents numpy": "4 KB documents to numpy, two threads",
    "documents list": "4 KB documents to lists, two threads",
    "documents numpy one": "4 KB documents to numpy, one thread",
    "documents list one": "4 KB documents to lists, one thread",
    "count": "count of one text",
    "documents count": "counts of 4 KB documents, two threads",
    "documents count one": "counts of 4 KB documents, one thread",
    "strings list": "100 characters to list, a call",
    "strings policy": "100 characters to list with `disallowed_special=()`, a call",
    "strings face": "100 characters to list by tiktoken's `encode`, a call",
    "strings numpy": "100 characters to numpy, a call",
    "strings count": "count of 100 characters, a call",
    "page list": "4 KB to list, a call",
    "decode numpy": "numpy to bytes",
    "decode list": "list to bytes",
    "transformers call": "4 KB documents, transformers' `tokenizer(text)`",
    "transformers encode": "4 KB documents, transformers' `tokenizer.encode(text)`",
    "transformers batch": "4 KB documents, transformers' `tokenizer(texts)`",
    "pattern": "a pattern of no known family",
    "adversarial": "1,000,000 hostile characters",
    "growth": "twice as many hostile characters",
    "spaces": "100,000,000 spaces",
    "open": "opening a saved vocabulary",
    "import": "import",
    "memory": "memory after unique words",
    "training": "training, equal merges",
    "training memory": "memory of training, equal merges",
    "training ties": "training, other order of ties",
    "training ties memory": "memory of training, other order of ties",
    "counting": "counting words, two threads",
    "training whole": "training without a pattern",
    "microgpt": "1,000 steps of microgpt",
    "gpt": "training a GPT, 4 layers x 128, two threads",
    "gpt learned": "what it learned",
}
NORMAL = "normal text"  # what stands beside hostile characters
REGEX = "splitting by regex alone"  # what stands beside a pattern of no known family
MORE_IS_BETTER = ("MB/s", "tokens/s")
SCALES = {"us": 1e6, "ms": 1e3, "s": 1.0}


def refused(row: str, text: str, encoding: str, unit: str, reference: str = "tiktoken") -> Result:
    """pybpe's result is wrong, so nothing is timed."""
    return Result(row, text, encoding, unit, {}, {}, [f"pybpe's result differs from {reference}'s: no figures"])


def measure(
    row: str,
    text: str,
    encoding: str,
    unit: str,
    jobs: dict[str, Job],
    rounds: int,
    reference: str = "tiktoken",
    best: bool = False,
) -> Result:
    """Check every contender's result, leave out those that are wrong, time the others in turn.

    reference: the package whose results are the right ones.
    best: also note each one's best round, where other work on the machine slows some contenders more than others.
    """
    notes = []
    for name in list(jobs):
        if jobs[name].right():
            continue
        if name == OURS:
            return refused(row, text, encoding, unit, reference)
        del jobs[name]
        notes.append(f"{name} gives another result and so has no speed")
    costs = in_turn(jobs, rounds)
    values = {name: _in_unit(statistics.median(found), unit) for name, found in costs.items()}
    if best:
        figures = (f"{name} {_in_unit(min(found), unit):,.0f}" for name, found in costs.items())
        notes.append(f"best of the rounds: {', '.join(figures)}")
    return Result(row, text, encoding, unit, values, ratios(costs, OURS), notes)


def _in_unit(cost: float, unit: str) -> float:
    """Seconds per unit of work as a figure of the row."""
    return 1 / cost if unit in MORE_IS_BETTER else cost * SCALES[unit]
