"""What the tests of training runs share: small texts, small settings, and processes of their own."""

import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

import pybpe
from pybpe.gpt.runs.run import Watcher
from pybpe.gpt.settings import PRESETS, Settings

WORDS = ["ada", "grace", "edsger", "alan", "barbara", "donald", "frances", "kathleen", "ken", "dennis"]
SMALL = {
    **PRESETS["shakespeare-char-cpu"],
    "device": "cpu",
    "n_layer": 2,
    "n_head": 2,
    "n_embd": 16,
    "block_size": 8,
    "steps": 30,
    "batch_size": 4,
    "eval_every": 7,
    "eval_windows": 10,
    "save_every": 10,
}


def small(**changes):
    return Settings(**{**SMALL, **changes})


def write_text(path):
    rng = random.Random(1)
    path.write_text("\n".join(" ".join(rng.choices(WORDS, k=6)) for _ in range(60)), encoding="utf-8")
    return path


class Stop(Watcher):
    """Presses Ctrl-C after a step."""

    def __init__(self, at):
        self.at = at

    def step(self, step, results):
        if step.step == self.at:
            signal.raise_signal(signal.SIGINT)


def files(folder):
    """Metrics and tensors of a run; headers of safetensors are in no fixed order."""
    found = {"metrics": (folder / "metrics.jsonl").read_bytes()}
    for name in ("model.safetensors", "best.safetensors"):
        with safe_open(folder / name, framework="numpy") as file:
            tensors = {key: file.get_tensor(key).tobytes() for key in file.keys()}  # noqa: SIM118
            found[name] = (file.metadata(), tensors)
    return found


def python(*arguments):
    """Run Python with this pybpe and one thread in an empty folder; returns its exit status and what it printed."""
    home = Path(pybpe.__file__).parents[1]
    paths = os.pathsep.join([str(home), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=240
        )
    return done.returncode, done.stdout + done.stderr
