"""Python threads over calls that let go of the GIL: no pool and nothing that stays, so fork is safe.

Starting a thread costs some fifty microseconds, a step of training tens of milliseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


def on_threads(work: Callable[[int], None], n: int, threads: int) -> None:
    """Call work(0) ... work(n - 1) on `threads` threads, of which this is one; raises what any raised."""
    if threads <= 1 or n <= 1:
        for i in range(n):
            work(i)
        return
    threads, errors = min(threads, n), []

    def share(first: int) -> None:
        try:
            for i in range(first, n, threads):
                work(i)
        except BaseException as error:
            errors.append(error)

    helpers = [threading.Thread(target=share, args=(first,)) for first in range(1, threads)]
    for helper in helpers:
        helper.start()
    share(0)
    for helper in helpers:
        while helper.is_alive():  # Ctrl-C may land here; no helper must be left working on the model
            try:
                helper.join()
            except BaseException as error:
                errors.append(error)
    if errors:
        raise errors[0]
