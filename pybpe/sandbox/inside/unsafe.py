"""The unsafe form: limits of resources and a clean environment, and no confinement."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Callable

_REPORT = 3


def prepare(folder: str, limits: tuple[int, int, int]) -> Callable[[], int]:
    """Return the function that prepares the child and returns the descriptor for its report.

    folder: the working folder of the code. limits: as in limits.limit, which Windows does not have.
    """

    def confine() -> int:
        os.chdir(folder)
        report = os.dup(2)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 2)
        os.close(null)
        try:
            from .limits import limit
        except ImportError:  # Windows
            return report
        limit(*limits, files=64, processes=None)
        return report

    return confine
