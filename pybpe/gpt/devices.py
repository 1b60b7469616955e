"""Devices and dtypes for torch, and groups of processes that torchrun starts.

A process that torchrun did not start is a group of one, whose methods do nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from pybpe.gpt.settings import DEVICES

AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def find_device(name: str) -> torch.device:
    """Return the torch device for a name in DEVICES. ValueError if the name is not known or the device not available.

    "auto" is the first of cuda, mps and cpu that is available.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if there[kind])
    if name not in there:
        raise ValueError(f"device is {name!r}; it must be one of {', '.join(DEVICES)}")
    if not there[name]:
        raise ValueError(f"torch finds no {name} here; give --device cpu, or install the torch that is made for it")
    if name == "cuda":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device(name)


def check_dtype(dtype: str, device: torch.device) -> None:
    """Raise ValueError if the device cannot train with this dtype, a name in settings.DTYPES."""
    if dtype == "float64" and device.type == "mps":
        raise ValueError("mps has no float64; give --dtype float32, or --device cpu")
    if dtype == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ValueError("this GPU has no bfloat16; give --dtype float16")
    if dtype == "float16" and device.type == "cpu":
        raise ValueError("float16 loses gradients on a processor; give --dtype bfloat16 or float32")


def autocast(dtype: str, device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which matrix products use `dtype` if it is bfloat16 or float16; otherwise it does nothing."""
    return torch.autocast(device.type, AUTOCAST[dtype]) if dtype in AUTOCAST else nullcontext()


def wait_for(device: torch.device) -> None:
    """Wait until the device has finished all work that was queued, so that elapsed time can be measured."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together. This process is number `rank` of `size`; number 0 writes all files."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """True if this process writes the files."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes, computed in place."""
        if self.size > 1:
            distributed.all_reduce(value)
            value /= self.size
        return value

    def max(self, value: int, device: torch.device) -> int:
        """Return the largest `value` that one of the processes has."""
        if self.size == 1:
            return value
        largest = torch.tensor(float(value), device=device)
        distributed.all_reduce(largest, op=distributed.ReduceOp.MAX)
        return int(largest.item())

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            distributed.barrier()


def started_by_torchrun() -> bool:
    """True if torchrun started this process, alone or with others."""
    return "RANK" in os.environ


def this_process_group() -> ProcessGroup:
    """Return the process group that torchrun started, or this process alone."""
    if distributed.is_available() and distributed.is_initialized():
        return ProcessGroup(distributed.get_rank(), distributed.get_world_size())
    return ProcessGroup()


@contextmanager
def process_group(device_name: str) -> Iterator[ProcessGroup]:
    """A context with the process group that torchrun started: nccl for GPUs, gloo for processors.

    All processes leave the context together. A process that destroyed its group right after its last exchange could
    hang: torch 2.4 holds the GIL while it destroys a gloo group and joins a thread that may need the GIL to free the
    tensor of that exchange.
    """
    if not started_by_torchrun():
        yield ProcessGroup()
        return
    device = find_device(device_name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield this_process_group()
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def leave_process() -> None:
    """Flush the output and end this process with status 0, without Python's shutdown.

    torch keeps the threads of a group that DistributedDataParallel used, even after destroy_process_group. If one of
    them still holds the last exchange during Python's shutdown, it waits for the GIL, never gets it, and the process
    ends with SIGABRT.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
