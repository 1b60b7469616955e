"""Threads: a pool that is kept between calls, and texts divided into parts for it.

The threads are Python's, for work that releases the GIL. A thread is started when a call needs it.
"""

from __future__ import annotations

import bisect
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, SupportsIndex, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

MAX_THREADS = 1024
PART_BYTES = 1 << 18  # minimum text per thread: below it, starting the work takes longer than it saves
MAX_PARTS = 512  # maximum number of parts of a batch

Item = TypeVar("Item")
Result = TypeVar("Result")

_pool: ThreadPoolExecutor | None = None
_forgets_at_fork = False


def check_threads(threads: int | None) -> int:
    """Return the number of threads to use: `threads`, or one per core for None.

    Raises ValueError for less than 1 or more than MAX_THREADS, TypeError if it is neither an integer nor None.
    """
    if threads is None:
        return os.cpu_count() or 1
    if not isinstance(threads, SupportsIndex):
        raise TypeError(f"threads must be an integer or None, not {type(threads).__name__}")
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError(f"threads is {threads}, must be 1 to {MAX_THREADS:,}")
    return threads


def run_on_threads(work: Callable[[], object], helpers: int) -> list[Future[object]]:
    """Call `work` on `helpers` threads of the pool and return the futures; fewer if no more threads can be started."""
    futures: list[Future[object]] = []
    for _ in range(helpers):
        try:
            futures.append(_kept_pool().submit(work))
        except RuntimeError:  # the interpreter is about to exit, or the system has no more threads
            break
    return futures


def map_in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield work(item) of each item, in order, computed on `threads` threads of the pool.

    At most threads + 1 items are computed ahead of the caller. With one thread, the caller's thread does the work.
    """
    remaining = iter(items)
    if threads <= 1:
        yield from map(work, remaining)
        return
    futures: deque[Future[Result]] = deque()
    try:
        for item in remaining:
            try:
                futures.append(_kept_pool().submit(work, item))
            except RuntimeError:  # as above; the caller's thread does the work
                while futures:
                    yield futures.popleft().result()
                yield work(item)
            if len(futures) > threads:
                yield futures.popleft().result()
        while futures:
            yield futures.popleft().result()
    finally:
        for future in futures:
            future.cancel()


def _kept_pool() -> ThreadPoolExecutor:
    """Return the pool that all calls share. It starts a thread when all others are busy and keeps it until exit."""
    global _pool, _forgets_at_fork
    if _pool is None:
        from concurrent.futures import ThreadPoolExecutor  # here, because few programs need it

        if not _forgets_at_fork and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forget_pool)  # a child process has no threads of its parent
            _forgets_at_fork = True
        _pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="pybpe")
    return _pool


def _forget_pool() -> None:
    global _pool
    _pool = None


def cut_in_parts(content: bytes, cut: Callable[[bytes], int], count: int) -> list[bytes]:
    """Return `content` in at most `count` parts of about equal size; fewer if there are not enough safe cuts.

    cut: a function that returns the last safe cut of a text, 0 if it has none.
    """
    parts, start = [], 0
    for number in range(1, count):
        found = cut(content[start : len(content) * number // count])
        if found:
            parts.append(content[start : start + found])
            start += found
    return [*parts, content[start:]]


def bounds_of_parts(sizes: list[int], part_size: int) -> list[tuple[int, int]]:
    """Divide consecutive texts of these sizes into parts of about `part_size`, or of one larger text.

    Return (first, last + 1), the numbers of the texts, for each part.
    """
    ends = list(accumulate(sizes))
    part_size = max(part_size, (ends[-1] if ends else 0) // MAX_PARTS)
    bounds, first = [], 0
    while first < len(ends):
        begin = ends[first] - sizes[first]
        last = max(bisect.bisect_right(ends, begin + part_size), first + 1)
        bounds.append((first, last))
        first = last
    return bounds or [(0, 0)]
