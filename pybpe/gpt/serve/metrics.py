"""Counters of the server in Prometheus's text format."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds, of a histogram
COUNTERS = {
    "prompt_tokens": "Tokens of prompts, those found in the cache included.",
    "reused_tokens": "Tokens of prompts that were found in the cache.",
    "chosen_tokens": "Tokens that the model chose.",
    "forced_tokens": "Tokens of output of code.",
    "tool_runs": "Runs of Python code.",
    "tool_failures": "Runs of Python code that failed or did not end in time.",
    "answers_finished": "Answers that were generated to their end.",
    "answers_cancelled": "Answers that nobody waited for any more.",
    "answers_failed": "Answers that ended with an error.",
    "queue_refusals": "Requests that were refused because the queue was full.",
}


class Metrics:
    """Counters that all threads may add to.

    >>> metrics = Metrics()
    >>> metrics.add("chosen_tokens", 2)
    >>> "pybpe_chosen_tokens_total 2" in metrics.text([])
    True
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(COUNTERS, 0)
        self._requests: dict[tuple[str, int], int] = {}
        self._first = [0] * (len(BOUNDS) + 1)  # answers by the time until their first token
        self._first_sum = 0.0

    def add(self, name: str, number: int = 1) -> None:
        """Add to a counter of COUNTERS."""
        with self._lock:
            self._counts[name] += number

    def request(self, route: str, status: int) -> None:
        """Count a response. route: a path of the server, not what a client wrote, so that their number is bounded."""
        with self._lock:
            self._requests[route, status] = self._requests.get((route, status), 0) + 1

    def first_token(self, seconds: float) -> None:
        """Count an answer by the time between its request and its first token."""
        with self._lock:
            self._first[bisect_left(BOUNDS, seconds)] += 1
            self._first_sum += seconds

    def text(self, gauges: Iterable[tuple[str, str, float]]) -> str:
        """Return all counters as text. gauges: (name, description, value) of what goes up and down."""
        lines: list[str] = []
        with self._lock:
            for name, help_ in COUNTERS.items():
                lines += _head(f"{name}_total", help_, "counter")
                lines.append(f"pybpe_{name}_total {self._counts[name]}")
            lines += _head("requests_total", "Responses by path and status.", "counter")
            for (route, status), count in sorted(self._requests.items()):
                lines.append(f'pybpe_requests_total{{path="{route}",status="{status}"}} {count}')
            lines += _head("first_token_seconds", "Time from a request to its first token.", "histogram")
            total = 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._first, strict=True):
                total += count
                lines.append(f'pybpe_first_token_seconds_bucket{{le="{bound}"}} {total}')
            lines.append(f"pybpe_first_token_seconds_sum {self._first_sum:.6f}")
            lines.append(f"pybpe_first_token_seconds_count {total}")
        for name, help_, value in gauges:
            lines += [*_head(name, help_, "gauge"), f"pybpe_{name} {value:g}"]
        return "\n".join(lines) + "\n"


def _head(name: str, help_: str, kind: str) -> list[str]:
    return [f"# HELP pybpe_{name} {help_}", f"# TYPE pybpe_{name} {kind}"]
