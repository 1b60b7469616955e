"""Reproduce microgpt.py: one document per step, characters as tokens, random numbers of Python's `random`.

`python -m pybpe.gpt.micro names.txt` prints the losses and the 20 samples that Karpathy's script prints for the same
file and seed 42, because random numbers are drawn in the same order: first to shuffle the documents, then for the
weights, matrix by matrix, and after training one number for each sampled character.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pybpe.gpt.characters import Characters
from pybpe.gpt.micro import MicroConfig, MicroGPT


@dataclass(frozen=True)
class NamesRun:
    """The results of a run: the loss of each step, in nats per token, the samples, and the size of the model."""

    n_vocab: int
    n_params: int
    losses: npt.NDArray[np.float64]
    samples: list[str]


def read_documents(path: Path) -> list[str]:
    """Return the lines of a file that are not blank, without white space at their ends."""
    return [line.strip() for line in path.read_text(encoding="utf-8").strip().split("\n") if line.strip()]


def reproduce(
    documents: Sequence[str],
    *,
    steps: int = 1000,
    seed: int = 42,
    dtype: str = "float64",
    n_layer: int = 1,
    n_head: int = 4,
    n_embd: int = 16,
    block_size: int = 16,
) -> NamesRun:
    """Train microgpt's model on documents, then sample 20 new ones at temperature 0.5."""
    rng = random.Random(seed)
    documents = list(documents)
    rng.shuffle(documents)
    vocabulary = Characters(documents)
    begin = vocabulary.eot_token  # before and after every document
    config = MicroConfig(vocabulary.n_vocab, n_layer, n_head, n_embd, block_size, dtype, seed, init_std=0.08)
    model = MicroGPT(config, micro_batches=1, rng=rng)
    ids = [[begin, *vocabulary.encode_ordinary(document), begin] for document in documents[:steps]]
    losses = model.train_documents(ids, steps, lr=0.01)
    samples = []
    for _ in range(20):
        made = model.generate([begin], config.block_size, temperature=0.5, seed=rng, stop=(begin,))
        samples.append(vocabulary.decode(made))
    return NamesRun(vocabulary.n_vocab, model.n_params, losses, samples)


def main(argv: Sequence[str] | None = None) -> None:
    """Train on the lines of a file and print what microgpt.py prints."""
    parser = argparse.ArgumentParser(
        prog="python -m pybpe.gpt.micro",
        description="Karpathy's microgpt, compiled: same losses, same names.",
    )
    parser.add_argument("path", type=Path, help="a text file with one document a line, such as names.txt")
    parser.add_argument("--steps", type=int, default=1000, help="training steps, a document each (default 1000)")
    parser.add_argument("--seed", type=int, default=42, help="seed of Python's random numbers (default 42)")
    options = parser.parse_args(argv)
    try:
        documents = read_documents(options.path)
        run = reproduce(documents, steps=options.steps, seed=options.seed)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"num docs: {len(documents)}")
    print(f"vocab size: {run.n_vocab}")
    print(f"num params: {run.n_params}")
    for step, loss in enumerate(run.losses, 1):
        print(f"step {step:4d} / {options.steps:4d} | loss {loss:.4f}")
    print("\n--- inference (new, hallucinated names) ---")
    for number, text in enumerate(run.samples, 1):
        print(f"sample {number:2d}: {text}")
