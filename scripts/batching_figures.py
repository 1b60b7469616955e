"""Measure how many tokens per second an Engine generates with 1, 4, 16 and 64 rows at once.

    python scripts/batching_figures.py

The model has the size of the demo's, 4 layers of 128, with random weights. The numbers of rows take turns with each
other and with `Inference.generate`, and the median of the rounds counts. On one thread, seconds are those of the
processor, which do not depend on what else is running.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from pybpe.gpt.batching import Engine
from pybpe.gpt.generation import Inference
from pybpe.gpt.model import FORMS, GPT, GPTConfig
from pybpe.gpt.sampling import Sampling

PROMPT, NEW = 32, 128  # ids of a prompt, and ids that follow it


def seconds_of(engine: Engine, rows: int, sampling: Sampling, clock: Callable[[], float]) -> float:
    """Return the time in which `rows` rows read different prompts and generate NEW ids each."""
    n_vocab = engine.network.config.n_vocab
    generator = torch.Generator().manual_seed(rows)
    prompts = torch.randint(n_vocab, (rows, PROMPT), generator=generator).tolist()
    began = clock()
    opened = [engine.open(prompt, sampling, seed=seed) for seed, prompt in enumerate(prompts)]
    while min(len(row.ids) for row in opened) < PROMPT + NEW:
        for row in opened:
            row.waiting = len(row.ids) >= PROMPT + NEW
        engine.step()
    taken = clock() - began
    for row in opened:
        engine.close(row)
    return taken


def seconds_of_generate(network: Inference, sampling: Sampling, clock: Callable[[], float]) -> float:
    """Return the time in which `Inference.generate` reads a prompt and generates NEW ids."""
    began = clock()
    for _ in network.generate(range(PROMPT), NEW, sampling.temperature, sampling.top_k, sampling.top_p, seed=1):
        pass
    return clock() - began


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocab-size", type=int, default=1024)
    parser.add_argument("--form", choices=FORMS, default="modern")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    config = GPTConfig(options.vocab_size, n_layer=4, n_head=4, n_embd=128, block_size=256, **FORMS[options.form])
    network = Inference(GPT(config))
    clock = time.process_time if options.threads == 1 else time.perf_counter
    numbers = (1, 4, 16, 64)
    engines = {number: Engine(network, number) for number in numbers}
    for name, sampling in (("temperature 0.8", Sampling(0.8)), ("top_k 40, top_p 0.9", Sampling(0.8, 40, 0.9))):
        rates: dict[int, list[float]] = {number: [] for number in numbers}
        alone = []
        for _ in range(options.rounds):
            alone.append(NEW / seconds_of_generate(network, sampling, clock))
            for number in numbers:
                taken = seconds_of(engines[number], number, sampling, clock)
                rates[number].append(number * NEW / taken)
        medians = {number: statistics.median(rates[number]) for number in numbers}
        shown = ", ".join(f"{number}: {rate:,.0f} ({rate / medians[1]:.1f}x)" for number, rate in medians.items())
        print(f"{name}, tokens/s by the number of rows: {shown}; generate: {statistics.median(alone):,.0f}")


if __name__ == "__main__":
    main()
