"""Measure what a run in the sandbox costs, for docs/sandbox.md.

python scripts/sandbox_figures.py              every backend that works here, both forms of the jail
python scripts/sandbox_figures.py --runs 200   more runs of each
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

from pybpe.errors import SandboxError
from pybpe.sandbox import open_sandbox
from pybpe.sandbox.jail import FORMS, Jail
from pybpe.sandbox.sandbox import Sandbox

CODE = "'strawberry'.count('r')"


def used() -> float:
    """Return the seconds of processor time of this process and of its ended children, without those of workers."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(name: str, tool: Sandbox, runs: int) -> None:
    """Print the figures of one backend."""
    tool.run(CODE)
    before, seconds = used(), []
    for _ in range(runs):
        start = time.perf_counter()
        done = tool.run(CODE, 60.0)
        seconds.append(time.perf_counter() - start)
        if done.stdout != "3":
            sys.exit(f"{name}: {done}")
    computing = (used() - before) / runs
    start = time.perf_counter()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: tool.run(CODE, 60.0), range(runs)))
    together = runs / (time.perf_counter() - start)
    seconds.sort()
    times = [1e3 * statistics.median(seconds), 1e3 * seconds[int(0.95 * runs)], 1e3 * computing]
    print(f"| {name} | {' | '.join(f'{value:.3g} ms' for value in times)} | {together:,.0f} a second |")


def main() -> None:
    """Measure all backends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100, help="runs of each backend (100)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    openers = {f"jail, {form}": lambda form=form: Sandbox(Jail(form)) for form in FORMS}
    openers |= {name: lambda name=name: open_sandbox(name) for name in ("monty", "none", "unsafe")}
    print("| backend | time, median | 95 of 100 within | processor time | 16 threads |\n|---|---|---|---|---|")
    for name, opener in openers.items():
        try:
            with opener() as tool:
                measure(name, tool, options.runs)
        except SandboxError as error:
            print(f"| {name} | not available: {error} | | | |")
    print(f"\n{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
