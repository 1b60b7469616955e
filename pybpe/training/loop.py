"""Has a trainer learn to the end, with a look at Ctrl-C and at the progress bar now and then."""

from __future__ import annotations

import warnings

from pybpe._core.trainer import Trainer
from pybpe.util.progress import ProgressCallback

_MERGES_A_STEP = 64  # between two looks


def learn(trainer: Trainer, wanted: int, report: ProgressCallback, keep_on_interrupt: bool) -> tuple[int, bool]:
    """Learn up to `wanted` merges. How many were learned, and whether Ctrl-C ended it, which is then a warning."""
    learned = 0
    try:
        while not trainer.is_full and (step := trainer.learn(_MERGES_A_STEP)):
            learned += step
            report("merging", min(learned, wanted), wanted)
    except KeyboardInterrupt:
        if not keep_on_interrupt:
            raise
        warnings.warn(f"interrupted: the vocabulary has the {learned:,} merges learned so far", stacklevel=5)
        return learned, True
    return learned, False
