"""Requests to stop a run after the current step: Ctrl-C, SIGTERM, or a time limit."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Why a run ended. "steps": it took all its steps. "seconds": its time limit passed. "interrupt": Ctrl-C.
# "terminate": SIGTERM. Of several processes that train together, the reason that comes last here counts for all.
REASONS = ("steps", "seconds", "interrupt", "terminate")
Handler = Callable[[int, FrameType | None], Any] | int | None
SIGNALS = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminate"}


@contextmanager
def stop_requests(seconds: float | None = None, *, patient: bool = False) -> Iterator[Callable[[], str]]:
    """A context that yields a function: it returns why the run should stop, a reason in REASONS, or "" to continue.

    Call the function after each step: a first signal is only recorded, so that it does not interrupt a step. A second
    signal acts as it did before this call. seconds: a time limit, counted from here (None: no limit).

    patient: ignore all further signals instead, until the process ends. Slurm, for example, signals all processes of a
    job, and torchrun then signals its processes again; that must not end them while they write the checkpoint.

    Python delivers signals to the main thread only; in other threads only `seconds` counts.
    """
    deadline = None if seconds is None else time.perf_counter() + seconds
    noted: list[str] = []

    def reason() -> str:
        if noted:
            return noted[0]
        return "seconds" if deadline is not None and time.perf_counter() >= deadline else ""

    if threading.current_thread() is not threading.main_thread():
        yield reason
        return

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(SIGNALS[signal.Signals(number)])
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN if patient else before[each])

    # signal.signal returns None for a handler that C code installed; that one cannot be put back.
    default: dict[signal.Signals, Handler] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {each: signal.getsignal(each) or default[each] for each in SIGNALS}
    for each in SIGNALS:
        signal.signal(each, note)
    try:
        yield reason
    finally:
        if not (patient and noted):
            for each in SIGNALS:
                signal.signal(each, before[each])
