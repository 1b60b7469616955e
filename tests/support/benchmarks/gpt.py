"""Rows on the micro GPT: microgpt.py's thousand steps beside a port to plain C, and a larger model beside torch."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pybpe import Tokenizer
from pybpe.gpt.characters import Characters
from pybpe.gpt.micro import Adam, MicroConfig, MicroGPT
from pybpe.gpt.micro.names import read_documents
from pybpe.gpt.pretrain import learning_rate, window_batch, windows_at
from pybpe.gpt.training_data import TrainingData, read_data
from pybpe.gpt.vocabulary import bits_per_byte, bytes_per_token

from .peers import THREADS, installed
from .results import OURS, Result
from .rows import measure, refused
from .timing import Job

STEPS = 1000
PORT = "plain C, number by number"
VOCAB_SIZE, BATCH = 1024, 12
TIMED_STEPS = 40
LEARNED_STEPS = 600
EQUAL_LOSS = 2e-4  # relative: single precision, sums in another order
EVAL_WINDOWS = 256

Learn = Callable[[tuple[npt.NDArray[Any], npt.NDArray[Any]], float], float]


def names(path: Path, folder: Path, rounds: int) -> Iterator[Result]:
    """microgpt.py's steps on lines of text, in float64 on one thread, their losses equal to 1e-6."""
    lines = read_documents(path)
    rng = random.Random(42)
    rng.shuffle(lines)
    vocabulary = Characters(lines)
    end = vocabulary.eot_token
    config = MicroConfig(vocabulary.n_vocab, 1, 4, 16, 16, "float64", init_std=0.08)
    documents = [[end, *vocabulary.encode_ordinary(line), end] for line in lines[:STEPS]]
    first = MicroGPT(config, rng=rng, micro_batches=1)

    def ours() -> npt.NDArray[np.float64]:
        model = MicroGPT(config, micro_batches=1)
        for name, weights in model.parameters.items():
            weights[:] = first.parameters[name]
        return model.train_documents(documents, STEPS, 0.01)

    jobs = {OURS: Job(lambda: ours, 1.0, lambda: bool(np.isfinite(ours()).all()))}
    port = build_port(folder)
    if port is not None:
        write_port_input(folder / "input", config, first, documents)

        def theirs() -> npt.NDArray[np.float64]:
            subprocess.run([port, folder / "input", folder / "output"], check=True)
            return np.fromfile(folder / "output")[:-1]

        jobs[PORT] = Job(lambda: theirs, 1.0, lambda: np.allclose(ours(), theirs(), rtol=1e-6, atol=0))
    result = measure("microgpt", path.stem, "", "ms", jobs, rounds)
    result.notes.append("float64, one thread")
    yield result


def build_port(folder: Path) -> Path | None:
    """scalar_gpt.c as a program, with all that the compiler can do for this machine; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, program = Path(__file__).with_name("scalar_gpt.c"), folder / "scalar_gpt"
    subprocess.run([compiler, "-O3", "-march=native", "-o", program, source, "-lm"], check=True)
    return program


def write_port_input(path: Path, config: MicroConfig, model: MicroGPT, documents: list[list[int]]) -> None:
    """What scalar_gpt.c reads."""
    sizes = (*config.sizes, STEPS, len(documents))
    weights = b"".join(array.tobytes() for array in model.parameters.values())
    texts = b"".join(np.array([len(document), *document], "<i8").tobytes() for document in documents)
    path.write_bytes(struct.pack("<7q", *sizes) + weights + texts)


def training(path: Path, rounds: int) -> Iterator[Result]:
    """4 layers x 128, context 64, batches of 12, on two threads: tokens per second, and what was learned."""
    if not installed("torch"):
        return
    tokenizer = Tokenizer.train(path, VOCAB_SIZE, progress=False)
    data = read_data([path], tokenizer, lines=False, seed=42)
    config = MicroConfig(tokenizer.n_vocab)
    name = f"{tokenizer.n_vocab:,} tokens"
    yield speed(config, data, path.stem, name, rounds)
    yield learned(config, data, path.stem, name)


def contenders(config: MicroConfig, compiled: bool) -> dict[str, tuple[Learn, Callable[[Any], float]]]:
    """Who trains, each from the same first weights: to learn from a batch, and to measure one."""
    from .torch_gpt import trainer

    model = MicroGPT(config, threads=THREADS)
    model.reserve(BATCH)
    weights = {name: array.copy() for name, array in model.parameters.items()}
    found = {
        OURS: (lambda batch, lr: model.train_step(*batch, lr), lambda batch: model.loss(*batch)),
        "torch": trainer(config, weights, Adam(), THREADS, compiled=False),
    }
    if compiled:
        found["torch.compile"] = trainer(config, weights, Adam(), THREADS, compiled=True)
    return found


def speed(config: MicroConfig, data: TrainingData, text: str, encoding: str, rounds: int) -> Result:
    """Tokens per second of whole steps: forward, backward, Adam."""
    batches = [window_batch(data.train, config.block_size, BATCH, [42, step]) for step in range(TIMED_STEPS)]
    found = contenders(config, compiled=True)
    expected = found[OURS][1](batches[0])

    def job(learn: Learn, loss: Callable[[Any], float]) -> Job:
        def work() -> None:
            for batch in batches:
                learn(batch, 1e-3)

        right = abs(loss(batches[0]) / expected - 1) < EQUAL_LOSS
        return Job(lambda: work, TIMED_STEPS * BATCH * config.block_size, lambda: right)

    jobs = {name: job(*functions) for name, functions in found.items()}
    return measure("gpt", text, encoding, "tokens/s", jobs, rounds, best=True)


def learned(config: MicroConfig, data: TrainingData, text: str, encoding: str) -> Result:
    """Bits per byte on held-out text after equal steps on equal batches."""
    found = contenders(config, compiled=False)  # which gives the same numbers by another way
    for step in range(LEARNED_STEPS):
        batch = window_batch(data.train, config.block_size, BATCH, [42, step])
        rate = learning_rate(4e-3, step / LEARNED_STEPS, "linear", 0.02)
        for learn, _ in found.values():
            learn(batch, rate)
    assert data.val is not None
    per_token = bytes_per_token(data.vocabulary, data.val)
    starts = np.linspace(0, len(data.val) - config.block_size - 1, EVAL_WINDOWS).astype(np.int64)
    windows = [windows_at(data.val, some, config.block_size) for some in np.split(starts, EVAL_WINDOWS // 8)]
    values = {
        name: bits_per_byte(float(np.mean([measure_(window) for window in windows])), per_token)
        for name, (_, measure_) in found.items()
    }
    if not values[OURS] < 1.01 * values["torch"]:
        return refused("gpt learned", text, encoding, "bits per byte")
    ratios = {name: value / values[OURS] for name, value in values.items() if name != OURS}
    return Result("gpt learned", text, encoding, "bits per byte", values, ratios, [f"after {LEARNED_STEPS} steps"])
