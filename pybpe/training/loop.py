"""The training loop: learn merges in steps, report progress, and handle Ctrl-C between the steps."""

from __future__ import annotations

import warnings

from pybpe._core.trainer import Trainer
from pybpe.util.progress import ProgressCallback

_MERGES_A_STEP = 64  # between two calls of the progress callback


def learn(trainer: Trainer, wanted: int, progress: ProgressCallback, keep_on_interrupt: bool) -> tuple[int, bool]:
    """Learn up to `wanted` merges, and return (number of merges learned, True if Ctrl-C ended it).

    With keep_on_interrupt, Ctrl-C ends the loop with a warning; without it, KeyboardInterrupt is raised.
    """
    learned = 0
    try:
        while not trainer.is_full and (step := trainer.learn(_MERGES_A_STEP)):
            learned += step
            progress("merging", min(learned, wanted), wanted)
    except KeyboardInterrupt:
        if not keep_on_interrupt:
            raise
        warnings.warn(f"interrupted: the vocabulary has the {learned:,} merges learned so far", stacklevel=5)
        return learned, True
    return learned, False
