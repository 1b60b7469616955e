"""Where torch computes and in what type; and several processes as one, which torchrun starts.

One process works alone wherever nothing else is said: every function here is then a plain call.
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
    """The device of a name of DEVICES; "auto" is the best there is. ValueError if it is not there."""
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
    """ValueError if numbers of this type cannot be trained with on the device."""
    if dtype == "float64" and device.type == "mps":
        raise ValueError("mps has no float64; give --dtype float32, or --device cpu")
    if dtype == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ValueError("this GPU has no bfloat16; give --dtype float16")
    if dtype == "float16" and device.type == "cpu":
        raise ValueError("float16 loses gradients on a processor; give --dtype bfloat16 or float32")


def autocast(dtype: str, device: torch.device) -> AbstractContextManager[object]:
    """Within, products of matrices are computed in bfloat16 or float16 where that is asked for."""
    return torch.autocast(device.type, AUTOCAST[dtype]) if dtype in AUTOCAST else nullcontext()


def wait_for(device: torch.device) -> None:
    """Until the device has done what it was given, so that a clock means something."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together: this is number `rank` of `size`, and 0 writes what is written."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """The mean over all processes of a tensor, which changes."""
        if self.size > 1:
            distributed.all_reduce(value)
            value /= self.size
        return value

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether it is so in one of the processes at least."""
        if self.size == 1:
            return flag
        told = torch.tensor(float(flag), device=device)
        distributed.all_reduce(told)
        return bool(told.item() > 0)

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()


def this_process_group() -> ProcessGroup:
    """Return the process group that torchrun started, or this process alone."""
    if distributed.is_available() and distributed.is_initialized():
        return ProcessGroup(distributed.get_rank(), distributed.get_world_size())
    return ProcessGroup()


@contextmanager
def process_group(device_name: str) -> Iterator[ProcessGroup]:
    """Within, the processes that torchrun started know each other: nccl between GPUs, gloo between processors.

    They end together. A process that ended at once after its last exchange could wait for ever: torch 2.4 takes a gloo
    group down with the GIL held, and joins a thread that may want the GIL to free the tensor of that exchange.
    """
    if "RANK" not in os.environ:
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
    """End this process with status 0 as soon as what it printed is written: nothing of Python is taken down.

    torch keeps the threads of a group that DistributedDataParallel used, destroy_process_group or not. One of them that
    still holds the last exchange while Python is taken down wants the GIL, never gets it, and ends the process with
    SIGABRT.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
