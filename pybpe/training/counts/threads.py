"""Counting the texts of a corpus on several threads, each with a counter of its own.

Who reads: threads that take turns cost the least. But an iterator may be bound to the thread that made it, as a cursor
of sqlite3 is, and a pipe may have nothing to give for hours, while Ctrl-C comes to the main thread only: these are read
by the thread of the caller.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from pybpe._core.counter import WordCounter

Texts = tuple[int, list[bytes]]  # the number of the first, and all of them
Count = Callable[[WordCounter, Texts], int]  # counts texts, and gives their bytes
Tell = Callable[[int], None]  # takes the bytes counted so far

_SECONDS_A_REPORT = 0.1


def count_alone(batches: Iterator[Texts], count: Count, counter: WordCounter, tell: Tell) -> int:
    """Count all batches on this thread; their bytes."""
    done = 0
    for texts in batches:
        tell(done)
        done += count(counter, texts)
    tell(done)
    return done


def count_in_turns(batches: Iterator[Texts], count: Count, counters: list[WordCounter], tell: Tell) -> int:
    """Count all batches on a thread for each counter, which take turns at reading; their bytes."""
    turn = threading.Lock()
    stopped = threading.Event()
    done = 0

    def work(counter: WordCounter) -> None:
        nonlocal done
        size = 0
        while not stopped.is_set():
            with turn:
                done += size
                texts = next(batches, None)
            if texts is None:
                return
            size = count(counter, texts)

    with ThreadPoolExecutor(len(counters)) as pool:
        try:
            running = [pool.submit(work, counter) for counter in counters]
            while wait(running, timeout=_SECONDS_A_REPORT, return_when=FIRST_EXCEPTION).not_done:
                tell(done)
                if any(future.done() and future.exception() for future in running):
                    break
        finally:
            stopped.set()
    for future in running:
        future.result()
    tell(done)
    return done


def count_as_read(batches: Iterator[Texts], count: Count, counters: list[WordCounter], tell: Tell) -> int:
    """Count all batches on a thread for each counter, while this one reads, a batch ahead of them; their bytes."""
    free = list(counters)
    running: deque[tuple[Future[int], WordCounter]] = deque()
    done = 0
    with ThreadPoolExecutor(len(counters)) as pool:
        for texts in batches:
            if not free:
                future, counter = running.popleft()
                done += future.result()
                free.append(counter)
                tell(done)
            counter = free.pop()
            running.append((pool.submit(count, counter, texts), counter))
        for future, _ in running:
            done += future.result()
            tell(done)
    return done
