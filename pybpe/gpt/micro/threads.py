"""Threads for calls that release the GIL.

They end with each call, so that a process can fork between calls. Starting a thread takes about fifty microseconds, a
step of training tens of milliseconds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


def on_threads(work: Callable[[int], None], n: int, threads: int) -> None:
    """Call work(0), ..., work(n - 1) on `threads` threads, the calling one included. Raises the first error of any."""
    if threads <= 1 or n <= 1:
        for i in range(n):
            work(i)
        return
    waiting, errors = deque(range(n)), []

    def take() -> int | None:  # each thread takes the next call when it is free, so none waits for a slow processor
        try:
            return waiting.popleft()
        except IndexError:
            return None

    def share() -> None:
        try:
            while (i := take()) is not None:
                work(i)
        except BaseException as error:
            errors.append(error)

    helpers = [threading.Thread(target=share) for _ in range(min(threads, n) - 1)]
    for helper in helpers:
        helper.start()
    share()
    for helper in helpers:
        while helper.is_alive():  # Ctrl-C may interrupt join; wait again, so that no helper still changes the model
            try:
                helper.join()
            except BaseException as error:
                errors.append(error)
    if errors:
        raise errors[0]
