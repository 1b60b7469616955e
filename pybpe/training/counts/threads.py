"""Counting the texts of a corpus on one or several threads, each with its own counter.

It is fastest if the counting threads take turns at reading. But an iterator may be bound to the thread that made it
(a cursor of sqlite3 is), and reading a pipe may block for hours while only the main thread receives Ctrl-C. So the
thread of the caller reads iterators and pipes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from pybpe._core.counter import WordCounter

Texts = tuple[int, list[bytes]]  # (the number of the first text, the texts)
Count = Callable[[WordCounter, Texts], int]  # counts the words of texts, and returns their bytes
BytesCounted = Callable[[int], None]  # called with the number of bytes counted so far

_SECONDS_A_REPORT = 0.1


def count_alone(batches: Iterator[Texts], count: Count, counter: WordCounter, counted: BytesCounted) -> int:
    """Count all batches on this thread, and return their bytes."""
    done = 0
    for texts in batches:
        counted(done)
        done += count(counter, texts)
    counted(done)
    return done


def count_in_turns(batches: Iterator[Texts], count: Count, counters: list[WordCounter], counted: BytesCounted) -> int:
    """Count all batches on one thread per counter, which take turns at reading, and return their bytes."""
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
                counted(done)
                if any(future.done() and future.exception() for future in running):
                    break
        finally:
            stopped.set()
    for future in running:
        future.result()
    counted(done)
    return done


def count_as_read(batches: Iterator[Texts], count: Count, counters: list[WordCounter], counted: BytesCounted) -> int:
    """Count all batches on one thread per counter while this thread reads them, and return their bytes."""
    free = list(counters)
    running: deque[tuple[Future[int], WordCounter]] = deque()
    done = 0
    with ThreadPoolExecutor(len(counters)) as pool:
        for texts in batches:
            if not free:
                future, counter = running.popleft()
                done += future.result()
                free.append(counter)
                counted(done)
            counter = free.pop()
            running.append((pool.submit(count, counter, texts), counter))
        for future, _ in running:
            done += future.result()
            counted(done)
    return done
