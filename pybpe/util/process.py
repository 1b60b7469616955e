"""The memory of this process, as the operating system counts it."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def peak_memory() -> int:
    """Return the most bytes of memory that this process has used so far; 0 if the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where ru_maxrss counts the process that started this one too
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii", errors="replace"))
        if found:
            return int(found[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
