"""The memory of this process, as the operating system counts it."""

from __future__ import annotations

import sys


def peak_memory() -> int:
    """Return the most bytes of memory that this process has used so far; 0 if the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
