"""Limits of the resources of the process."""

from __future__ import annotations

import resource
import sys


def limit(cpu_seconds: int, memory: int, file_size: int, files: int, processes: int | None) -> None:
    """Set the limits of resources, which this process cannot raise again.

    memory: bytes of private data; the address space, with libraries, may be twice that. file_size: bytes of each file.
    files: number of descriptors. processes: number of processes of the user, None to leave it.
    """
    bounds = {
        "CPU": cpu_seconds,
        "FSIZE": file_size,
        "NOFILE": files,
        "STACK": 8 << 20,
        "CORE": 0,
    }
    if sys.platform == "linux":  # macOS counts otherwise
        bounds |= {"AS": 2 * memory, "DATA": memory, "MEMLOCK": 0, "MSGQUEUE": 0, "SIGPENDING": 0}
    if processes is not None:
        bounds["NPROC"] = processes
    for name, value in bounds.items():
        which = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (bound, bound))
