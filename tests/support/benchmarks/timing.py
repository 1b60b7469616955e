"""Timing contenders in turn: each round runs all of them once, so that a machine that slows down slows all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Job:
    """What one contender does for a row.

    make: prepares, untimed, and gives the work to be timed; for most jobs there is nothing to prepare.
    amount: how much the work does, in the unit of the row (megabytes, calls).
    right: whether the work's result is the right one. Asked once, before anything is timed.
    """

    make: Callable[[], Work]
    amount: float
    right: Callable[[], bool]


def warm(work: Work, amount: float, right: Callable[[], bool]) -> Job:
    """A job with nothing to prepare: the same work again and again."""
    return Job(lambda: work, amount, right)


def seconds(work: Work) -> float:
    """Wall time of one call. Its result lives on until the time is taken: freeing it is not part of the work."""
    start = time.perf_counter()
    result = work()
    elapsed = time.perf_counter() - start
    del result
    return elapsed


def in_turn(jobs: dict[str, Job], rounds: int) -> dict[str, list[float]]:
    """Seconds per unit of work of each job in each round; one round goes before and does not count."""
    costs: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            cost = seconds(job.make()) / job.amount
            if number:
                costs[name].append(cost)
    return costs


def ratios(costs: dict[str, list[float]], ours: str) -> dict[str, float]:
    """How many times the cost of `ours` each other contender has: the median over the rounds."""
    return {
        name: statistics.median(other / own for other, own in zip(values, costs[ours], strict=True))
        for name, values in costs.items()
        if name != ours
    }
