"""The table of settings in the report of a run."""

from __future__ import annotations

from pybpe.gpt.settings import TORCH_ONLY, Settings

LABELS = {
    "engine": "engine",
    "form": "form of the model",
    "init": "initial weights from",
    "n_layer": "layers",
    "n_head": "attention heads",
    "n_embd": "embedding width",
    "block_size": "context, tokens",
    "dropout": "dropout probability",
    "init_std": "standard deviation of the initial weights",
    "steps": "steps",
    "lines": "one document a step",
    "special": "special tokens read in text files",
    "batch_size": "windows a batch",
    "accumulate": "batches a step",
    "optimizer": "optimizer",
    "lr": "maximum learning rate",
    "muon_lr": "Muon's maximum learning rate",
    "schedule": "learning rate schedule",
    "warmup": "warmup, fraction of the steps",
    "final_lr": "final learning rate, fraction of the maximum",
    "weight_decay": "weight decay",
    "beta1": "Adam's beta1",
    "beta2": "Adam's beta2",
    "clip": "maximum gradient norm",
    "eval_every": "steps between held-out losses",
    "eval_windows": "windows of a held-out loss",
    "save_every": "steps between checkpoints",
    "sample_every": "steps between samples",
    "chat": "trained on answers alone",
    "held_out": "fraction of the conversations held out",
    "dtype": "number type",
    "device": "device",
    "compile": "torch.compile",
    "seed": "random seed",
}
CHAT_LABELS = {"batch_size": "rows a batch", "eval_windows": "conversations of a held-out loss"}
ZERO = {"clip": "no limit", "sample_every": "no samples", "dropout": "none"}  # shown in place of 0


def settings_rows(settings: Settings) -> list[tuple[str, str]]:
    """Return (label, value) for each setting that the run's engine uses, in the order of LABELS.

    >>> dict(settings_rows(Settings(steps=2000)))["steps"], dict(settings_rows(Settings()))["one document a step"]
    ('2,000', 'no')
    """
    unused = set(TORCH_ONLY) if settings.engine == "micro" else set()
    if settings.lines:
        unused |= {"batch_size", "eval_every", "eval_windows"}
    if settings.optimizer != "muon":
        unused.add("muon_lr")
    unused |= {"form", "init_std"} if settings.init else {"init"}
    unused |= {"special", "lines"} if settings.chat else {"chat", "held_out"}
    labels = {**LABELS, **CHAT_LABELS} if settings.chat else LABELS
    return [(label, _value(name, getattr(settings, name))) for name, label in labels.items() if name not in unused]


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value == 0 and name in ZERO:
        return ZERO[name]
    return f"{value:,}" if isinstance(value, int) and name != "seed" else str(value)
