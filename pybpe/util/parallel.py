"""Threads: how many there may be, the ones that are kept between calls, and a list of texts cut into parts for them.

The threads are Python's: they do work that lets go of the GIL. None is started before a call has use for it.
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
PART_BYTES = 1 << 18  # below so much text a thread, handing it over takes longer than it saves
MAX_PARTS = 512  # of a batch

Item = TypeVar("Item")
Result = TypeVar("Result")

_pool: ThreadPoolExecutor | None = None
_forgets_at_fork = False


def check_threads(threads: int | None) -> int:
    """Return a number of threads: one a core for None.

    Raises ValueError for less than 1 or more than MAX_THREADS, TypeError for what is no integer.
    """
    if threads is None:
        return os.cpu_count() or 1
    if not isinstance(threads, SupportsIndex):
        raise TypeError(f"threads must be an integer or None, not {type(threads).__name__}")
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError(f"threads is {threads}, must be 1 to {MAX_THREADS:,}")
    return threads


def run_on_threads(work: Callable[[], object], helpers: int) -> list[Future[object]]:
    """Start `work` on kept threads, `helpers` of them, and return its futures; fewer where no thread can be started."""
    futures: list[Future[object]] = []
    for _ in range(helpers):
        try:
            futures.append(_kept_pool().submit(work))
        except RuntimeError:  # the interpreter is about to exit, or the system has no more threads
            break
    return futures


def map_in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield work(item) of each item, in order, computed on `threads` kept threads while the caller uses the results.

    Only a little more than the threads are at work on is computed ahead. With one thread it is the caller's.
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
            except RuntimeError:  # as above: the caller does what no thread does
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
    """The threads that calls share: one is started when all others are busy, and kept until the process ends."""
    global _pool, _forgets_at_fork
    if _pool is None:
        from concurrent.futures import ThreadPoolExecutor  # here, because few programs need it

        if not _forgets_at_fork and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forget_pool)  # a child has none of its parent's threads
            _forgets_at_fork = True
        _pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="pybpe")
    return _pool


def _forget_pool() -> None:
    global _pool
    _pool = None


def cut_in_parts(content: bytes, cut: Callable[[bytes], int], count: int) -> list[bytes]:
    """Return `content` in at most `count` parts of about equal size; fewer where there are not enough places to cut.

    cut: finds the last place where a text can be cut, 0 if there is none.
    """
    parts, start = [], 0
    for number in range(1, count):
        found = cut(content[start : len(content) * number // count])
        if found:
            parts.append(content[start : start + found])
            start += found
    return [*parts, content[start:]]


def bounds_of_parts(sizes: list[int], part_size: int) -> list[tuple[int, int]]:
    """Return (first, last + 1) of consecutive texts of these sizes: a part has about `part_size` or is one text."""
    ends = list(accumulate(sizes))
    part_size = max(part_size, (ends[-1] if ends else 0) // MAX_PARTS)
    bounds, first = [], 0
    while first < len(ends):
        begin = ends[first] - sizes[first]
        last = max(bisect.bisect_right(ends, begin + part_size), first + 1)
        bounds.append((first, last))
        first = last
    return bounds or [(0, 0)]
