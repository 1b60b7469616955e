"""The settings of a training run, whichever engine trains it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

SCHEDULES = ("linear", "cosine", "constant", "warmdown")
DTYPES = ("float32", "float64", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda", "mps")
OPTIMIZERS = ("adamw", "muon")
FORMS = ("micro", "gpt2", "nanogpt", "modern")  # described in pybpe/gpt/model.py
COUNTS = (
    *("n_layer", "n_head", "n_embd", "block_size", "steps", "batch_size", "accumulate"),
    *("eval_every", "eval_windows", "save_every"),
)


@dataclass(frozen=True)
class Settings:
    """The settings of a training run. ValueError for a value that is not allowed; an engine may refuse others.

    engine: "micro" or "torch". lines: each line is a document and a step trains on one, as in microgpt.py; otherwise a
    step trains on `batch_size` windows of block_size tokens. special: special tokens written in text files are read as
    tokens. lr: maximum learning rate; it is reached after the fraction `warmup` of the steps and then falls to 0 by
    `schedule`, one of SCHEDULES. weight_decay, beta1, beta2: those of Adam. dtype: "float64" is exact, "float32" fast.
    init_std: standard deviation of the initial weights. eval_every: steps between two held-out losses, each over
    eval_windows windows. save_every: steps between two checkpoints.

    For the torch engine only: form: one of FORMS. optimizer: "adamw", or "muon" for the matrices of the layers, at the
    maximum rate muon_lr, and AdamW for the rest. dtype: also "bfloat16" and "float16", for matrix products. device: one
    of DEVICES. accumulate: batches per step, divided among the processes that train together. final_lr: final learning
    rate, as a fraction of lr. clip: maximum gradient norm (0: no clipping). dropout: dropout probability. compile: use
    torch.compile. sample_every: steps between two samples of text (0: none). init: a folder with the model to start
    from ("": random weights). chat: the data are conversations, and only what the assistant says is learned. held_out:
    fraction of the conversations that are held out; their loss is measured over at most eval_windows of them.
    """

    engine: str = "micro"
    lines: bool = False
    special: bool = False
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 64
    steps: int = 2000
    batch_size: int = 12
    lr: float = 4e-3
    weight_decay: float = 0.1
    beta1: float = 0.85
    beta2: float = 0.99
    warmup: float = 0.02
    schedule: str = "linear"
    seed: int = 42
    dtype: str = "float32"
    init_std: float = 0.02
    eval_every: int = 100
    eval_windows: int = 64
    save_every: int = 500
    form: str = "micro"
    optimizer: str = "adamw"
    muon_lr: float = 0.02
    device: str = "auto"
    accumulate: int = 1
    final_lr: float = 0.0
    clip: float = 0.0
    dropout: float = 0.0
    compile: bool = False
    sample_every: int = 0
    init: str = ""
    chat: bool = False
    held_out: float = 0.0

    @property
    def command(self) -> str:
        """The command that starts and continues a run with these settings."""
        return "pybpe gpt finetune" if self.chat else "pybpe gpt train"

    def __post_init__(self) -> None:
        for name in (*COUNTS, "sample_every"):
            value = getattr(self, name)
            if type(value) is not int or not (name in COUNTS) <= value <= 1 << 40:
                raise ValueError(f"{name} is {value!r}; it must be a whole number from {int(name in COUNTS)} on")
        shares = dict.fromkeys(("warmup", "beta1", "beta2", "dropout"), 0.9999)
        shares["held_out"] = 0.5
        sizes = {"lr": 1e3, "muon_lr": 1e3, "weight_decay": 1e3, "init_std": 10.0, "clip": 1e6, "final_lr": 1.0}
        for name, most in {**sizes, **shares}.items():
            value = getattr(self, name)
            if type(value) not in (int, float) or not (math.isfinite(value) and 0 <= value <= most):
                raise ValueError(f"{name} is {value!r}; it must lie in 0..{most:g}")
        names = {"schedule": SCHEDULES, "dtype": DTYPES, "device": DEVICES, "form": FORMS, "optimizer": OPTIMIZERS}
        for name, known in names.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(known)}")
        if not isinstance(self.engine, str) or not isinstance(self.init, str):
            raise ValueError("engine and init must be names")
        flags = (self.lines, self.special, self.compile, self.chat)
        if type(self.seed) is not int or not all(type(flag) is bool for flag in flags):
            raise ValueError("seed must be a whole number, and lines, special, compile and chat true or false")
        if self.chat and (self.lines or self.special):
            raise ValueError("lines and special are for text, and not for conversations; leave them out")
        if self.optimizer == "muon" and self.dtype == "float16":
            raise ValueError("muon is not made for the scaled gradients of float16; give --dtype bfloat16 or float32")
        if self.optimizer != "muon" and self.muon_lr != Settings.muon_lr:
            raise ValueError("muon_lr goes with the optimizer muon; add --optimizer muon, or leave it out")
        if self.engine == "micro":
            if self.dtype not in ("float32", "float64"):
                raise ValueError(f"dtype {self.dtype} is for the torch engine; add --engine torch, or leave it out")
            for name in TORCH_ONLY:
                if getattr(self, name) != getattr(Settings, name):
                    raise ValueError(f"{name} is for the torch engine; add --engine torch, or leave it out")


TORCH_ONLY = (
    *("form", "optimizer", "muon_lr", "device", "accumulate", "final_lr", "clip", "dropout", "compile"),
    *("sample_every", "init", "chat", "held_out"),
)

# nanoGPT's recipe, on which all presets of the torch engine are based.
TORCH: dict[str, Any] = {
    "engine": "torch",
    "form": "nanogpt",
    "lr": 1e-3,
    "final_lr": 0.1,
    "beta1": 0.9,
    "clip": 1.0,
    "warmup": 0.02,
    "schedule": "cosine",
    "eval_every": 250,
}
# Presets by name: the settings that differ from the defaults. "microgpt" equals microgpt.py digit for digit.
PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "microgpt": {
        "lines": True,
        "n_layer": 1,
        "n_embd": 16,
        "block_size": 16,
        "steps": 1000,
        "lr": 0.01,
        "weight_decay": 0.0,
        "warmup": 0.0,
        "dtype": "float64",
        "init_std": 0.08,
    },
    # nanoGPT's recipe for characters on a processor, at a higher learning rate, which is stable for so small a model;
    # takes some minutes
    "shakespeare-char-cpu": {**TORCH, "lr": 3e-3, "final_lr": 0.0, "warmup": 0.05, "save_every": 1000},
    # nanoGPT's recipe for characters on a GPU
    "shakespeare-char": {
        **TORCH,
        "n_layer": 6,
        "n_head": 6,
        "n_embd": 384,
        "block_size": 256,
        "batch_size": 64,
        "steps": 5000,
        "dropout": 0.2,
    },
    # the same text with a vocabulary of a few thousand tokens: it has fewer tokens, so the model overfits sooner
    "shakespeare-bpe": {
        **TORCH,
        "n_layer": 6,
        "n_head": 6,
        "n_embd": 384,
        "block_size": 128,
        "batch_size": 32,
        "steps": 1500,
        "dropout": 0.3,
        "eval_every": 100,
    },
    # GPT-2 small as nanoGPT trains it: half a million tokens per step
    "gpt2-124m": {
        **TORCH,
        "form": "gpt2",
        "n_layer": 12,
        "n_head": 12,
        "n_embd": 768,
        "block_size": 1024,
        "batch_size": 12,
        "accumulate": 40,
        "steps": 600_000,
        "lr": 6e-4,
        "beta2": 0.95,
        "warmup": 1 / 300,
        "dtype": "bfloat16",
        "compile": True,
        "eval_every": 1000,
        "eval_windows": 1024,
        "save_every": 1000,
    },
    # a model of that size in the modern form, trained on twenty tokens per parameter
    "nano-modern": {
        **TORCH,
        "form": "modern",
        "n_layer": 12,
        "n_head": 6,
        "n_embd": 768,
        "block_size": 1024,
        "batch_size": 16,
        "accumulate": 32,
        "steps": 5000,
        "beta2": 0.95,
        "final_lr": 0.0,
        "schedule": "warmdown",
        "dtype": "bfloat16",
        "compile": True,
        "eval_windows": 1024,
    },
}
# Fine-tuning on conversations, from a trained model or from nothing: what differs from the defaults. In a model from
# nothing all weights have everything to learn, so the learning rate is higher.
FINETUNE: dict[str, Any] = {
    **TORCH,
    "chat": True,
    "held_out": 0.05,
    "lr": 3e-4,
    "final_lr": 0.0,
    "weight_decay": 0.01,
    "beta2": 0.99,
    "schedule": "linear",
    "warmup": 0.05,
    "batch_size": 16,
    "eval_every": 100,
    "eval_windows": 256,
}
FINETUNE_NEW: dict[str, Any] = {**FINETUNE, "form": "modern", "block_size": 256, "lr": 1e-3}
DEFAULT_PRESETS = {"micro": "small", "torch": "shakespeare-char-cpu"}
OF_TOKENS = ("shakespeare-bpe", "gpt2-124m", "nano-modern")  # presets that need a tokenizer
