"""Running a function in a process of its own, with an end in sight: peers may panic, or take minutes."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any


class LostError(Exception):
    """The process gave no result; the message says what became of it."""


def run_limited(function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """What `function` returns, computed in a fresh process. Raises LostError after `seconds`, or if it dies.

    The function must be one that another process can import, and its result one that can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, function, arguments), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            raise LostError(f"no result in {seconds:.0f} s")
        return receiver.recv()
    except EOFError:
        raise LostError("panics") from None
    finally:
        process.kill()
        process.join()
        receiver.close()


def _send(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """In the process: its complaints about a panic are not the run's."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sender.send(function(*arguments))
    sender.close()
