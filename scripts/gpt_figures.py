"""The figures of the GPT in torch, each beside what it is measured against: python scripts/gpt_figures.py TEXT

TEXT: tinyshakespeare.txt, or any text in UTF-8 of a megabyte. --only NAME takes one part; --steps shortens the recipe.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shared_code  # noqa: F401 (finds support)
import torch
from rich.console import Console
from rich.table import Table
from support.benchmarks.nanogpt_loop import Recipe, nanogpt_loop

from pybpe.gpt.checkpoint import read_checkpoint
from pybpe.gpt.generation import Inference
from pybpe.gpt.model import FORMS, GPT, GPTConfig
from pybpe.gpt.pretrain import evaluate
from pybpe.gpt.runs.folder import METRICS, MODEL
from pybpe.gpt.runs.run import Watcher, prepare_run, start_run
from pybpe.gpt.settings import PRESETS, Settings
from pybpe.gpt.training_data import read_data

CHUNK = 50  # steps of one loop before the other takes over
CHILD = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from pybpe.gpt.runs.run import Watcher, resume_run
class Kill(Watcher):
    def step(self, step, facts):
        if step.step == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
resume_run(Path(sys.argv[1]), Kill(), 1)
"""


@dataclass
class Row:
    """A line of the table."""

    what: str
    bar: str
    found: str
    holds: bool


def recipe(text: Path, folder: Path, steps: int) -> list[Row]:
    """nanoGPT's recipe for a processor, pybpe's loop and nanoGPT's in turn, a few steps each, in one process."""
    settings = Settings(**{**PRESETS["shakespeare-char-cpu"], "device": "cpu", "steps": steps})
    data = read_data([text], None, lines=False, seed=settings.seed)
    train, val = (np.asarray(part, np.uint16) for part in (data.train, data.val))
    theirs_loop = nanogpt_loop(Recipe(steps=steps), train, val, folder / "theirs.pt")
    theirs, their_losses, pairs, mark = 0.0, [], [], [0.0]

    class Turns(Watcher):
        """Lets the other loop take as many steps as this one has."""

        def begins(self, facts):
            mark[0] = time.perf_counter()

        def step(self, step, facts):
            nonlocal theirs
            if step.step % CHUNK and step.step < steps:
                return
            now = time.perf_counter()
            for _ in range(CHUNK if step.step % CHUNK == 0 else steps % CHUNK):
                measured = next(theirs_loop)
                their_losses.extend([] if measured is None else [measured])
            if step.step == steps:
                their_losses.extend(theirs_loop)
            end = time.perf_counter()
            pairs.append((now - mark[0], end - now))
            mark[0] = end

    start_run(folder / "recipe", settings, [text], None, Turns(), 1)
    ours, theirs = (sum(pair[which] for pair in pairs) for which in (0, 1))
    faster = float(np.median([their / our for our, their in pairs]))
    model = Inference(read_checkpoint(folder / "recipe" / MODEL).model())
    whole = evaluate(model, data.val, 64, 1 << 40)
    return [
        Row(
            f"nanoGPT's recipe, {steps:,} steps: loss on all {len(val):,} held-out characters",
            "1.88",
            f"{whole:.4f} (nanoGPT's loop: {their_losses[-1]:.4f} on 20 random batches)",
            whole <= 1.88,
        ),
        Row(
            "time of it beside nanoGPT's loop, in turn",
            "1x",
            f"{ours:.1f} s, nanoGPT's {theirs:.1f} s; {faster:.2f}x as fast in the median of {len(pairs)} turns",
            ours <= theirs,
        ),
    ]


def logits(text: Path, folder: Path, steps: int) -> list[Row]:
    """GPT-2 checkpoints that transformers wrote, with random weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    from pybpe.gpt.pretrained import read_pretrained

    worst, same, sizes = 0.0, True, []
    for n_layer, n_head, n_embd, n_vocab in ((2, 2, 64, 500), (4, 4, 256, 5000), (12, 12, 768, 50257)):
        torch.manual_seed(n_layer)
        config = GPT2Config(n_layer=n_layer, n_head=n_head, n_embd=n_embd, vocab_size=n_vocab, initializer_range=0.1)
        theirs = GPT2LMHeadModel(config).eval()
        theirs.save_pretrained(folder / f"hf{n_embd}")
        model = read_pretrained(folder / f"hf{n_embd}").model()
        ours = Inference(model)
        ids = torch.randint(0, n_vocab, (2, 200))
        with torch.no_grad():
            expected = theirs(ids).logits.numpy()
            made = theirs.generate(ids[:1, :10], max_new_tokens=30, do_sample=False, eos_token_id=None, pad_token_id=0)[
                0, 10:
            ]
        worst = max(worst, float(np.abs(ours.logits(ids.numpy()) - expected).max()))
        same = same and list(ours.generate(ids[0, :10].tolist(), 30, temperature=0)) == made.tolist()
        sizes.append(f"{model.n_params / 1e6:.1f} M")
    what = f"logits of transformers' GPT-2, random weights ({', '.join(sizes)}): largest difference"
    greedy = Row("greedy text of the same", "equal", "equal" if same else "different", same)
    return [Row(what, "1e-4", f"{worst:.1e}", worst <= 1e-4), greedy]


def resume(text: Path, folder: Path, steps: int) -> list[Row]:
    """Runs that kill themselves by SIGKILL at some step and are taken up again."""
    settings = Settings(
        **{
            **PRESETS["shakespeare-char-cpu"],
            "device": "cpu",
            "steps": 40,
            "dropout": 0.1,
            "n_layer": 2,
            "n_embd": 64,
            "save_every": 7,
            "eval_every": 9,
            "batch_size": 4,
        }
    )
    start_run(folder / "whole", settings, [text], None, Watcher(), 1)
    whole = (folder / "whole" / METRICS).read_bytes()
    kills, same = [1, 7, 8, 20, 35, 40], 0
    for at in kills:
        half = folder / f"half{at}"
        prepare_run(half, settings, [text], None)
        killed = subprocess.run([sys.executable, "-c", CHILD, half, str(at)], env=environment(), check=False)
        finished = subprocess.run([sys.executable, "-c", CHILD, half, "-1"], env=environment(), check=False)
        assert (killed.returncode, finished.returncode) == (-signal.SIGKILL, 0)
        same += (half / METRICS).read_bytes() == whole
    found = f"equal to the last digit after {same} of {len(kills)} kills"
    return [Row(f"losses after kill -9 at steps {kills} of 40", "equal", found, same == len(kills))]


def cache(text: Path, folder: Path, steps: int) -> list[Row]:
    """Generation with and without the cache, 256 tokens.

    The likeliest ids are compared, and drawn ones in float64: in float32, where the cache adds in another order, a draw
    may fall on the other side of the border between two ids, as it does where 50,000 are about equally likely.
    """
    rows = []
    for name, n_layer, n_head, n_embd, n_vocab in (("10 M", 6, 6, 384, 66), ("124 M", 12, 12, 768, 50257)):
        torch.manual_seed(1)
        model = GPT(GPTConfig(n_vocab, n_layer, n_head, n_embd, 512, **FORMS["gpt2"]), init_std=0.1)
        turns = [_spoken(model, 0.0, use_cache) for use_cache in (True, False, True)]
        with_cache, without, slow = turns[0][0], turns[1][0], turns[1][1]
        fast = min(turns[0][1], turns[2][1])
        found = f"ids {'equal' if with_cache == without else 'DIFFERENT'}, {slow / fast:.1f}x"
        holds = with_cache == without and slow / fast >= 5
        what = f"256 likeliest tokens with the cache, {name} parameters"
        rows.append(Row(what, "equal, 5x", f"{found} ({256 / fast:.0f} tokens/s)", holds))
        if n_embd < 768:
            drawn = [_spoken(model.double(), 1.0, use_cache)[0] for use_cache in (True, False)]
            equal = drawn[0] == drawn[1]
            found = "ids equal" if equal else "ids DIFFERENT"
            rows.append(Row(f"256 drawn tokens with the cache, {name} parameters, float64", "equal", found, equal))
    return rows


def _spoken(model: GPT, temperature: float, use_cache: bool) -> tuple[list[int], float]:
    """256 ids, and the seconds that they take."""
    began = time.perf_counter()
    made = list(Inference(model).generate([1, 2, 3], 256, temperature, seed=5, use_cache=use_cache))
    return made, time.perf_counter() - began


def processes(text: Path, folder: Path, steps: int) -> list[Row]:
    """Two processes beside one with batches twice as large."""
    shared = {**PRESETS["shakespeare-char-cpu"], "device": "cpu", "steps": 30, "n_layer": 2, "eval_every": 15}
    prepare_run(folder / "two", Settings(**{**shared, "batch_size": 6, "accumulate": 2}), [text], None)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += ["-m", "pybpe.gpt.train", str(folder / "two"), "--threads", "1"]
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    start_run(folder / "one", Settings(**{**shared, "batch_size": 12}), [text], None, Watcher(), 1)
    losses = [
        [json.loads(line).get(key, 0.0) for line in (folder / name / METRICS).read_text().splitlines()]
        for name in ("one", "two")
        for key in ("loss", "val_loss")
    ]
    worst = float(np.abs(np.array(losses[:2]) - np.array(losses[2:])).max())
    what = "two processes beside one with twice the batch, 30 steps: largest difference of a loss"
    return [Row(what, "rounding", f"{worst:.1e}", worst < 1e-4)]


def environment() -> dict[str, str]:
    """What a child needs to find this pybpe."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


PARTS: dict[str, Callable[[Path, Path, int], list[Row]]] = {
    "logits": logits,
    "cache": cache,
    "resume": resume,
    "processes": processes,
    "recipe": recipe,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    table = Table("what", "bar", "found", "", title=f"torch {torch.__version__}, one thread", title_justify="left")
    for name in options.only or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            for row in PARTS[name](options.text, Path(folder), options.steps):
                table.add_row(row.what, row.bar, row.found, "yes" if row.holds else "NO")
                print(row, flush=True)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
