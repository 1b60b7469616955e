"""Python threads over calls that let go of the GIL: no pool and nothing that stays, so fork is safe.

Starting a thread costs some fifty microseconds, a step of training tens of milliseconds.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


def on_threads(work: Callable[[int], None], n: int, threads: int) -> None:
    """Call work(0) ... work(n - 1) on `threads` threads, of which this is one; raises what any raised."""
    if threads <= 1 or n <= 1:
        for i in range(n):
            work(i)
        return
    waiting, errors = deque(range(n)), []

    def take() -> int | None:  # whoever is free takes the next: a slow processor holds nobody up
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
        while helper.is_alive():  # Ctrl-C may land here; no helper must be left working on the model
            try:
                helper.join()
            except BaseException as error:
                errors.append(error)
    if errors:
        raise errors[0]
