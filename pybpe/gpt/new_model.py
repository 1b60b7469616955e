"""The model that a run of the torch engine starts from, and the settings that the engine can train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from pybpe.errors import TrainingError
from pybpe.gpt.checkpoint import Checkpoint, read_checkpoint
from pybpe.gpt.devices import ProcessGroup, check_dtype
from pybpe.gpt.finetune.start import start_checkpoint
from pybpe.gpt.model import FORMS, GPT, GPTConfig
from pybpe.gpt.runs.folder import MODEL
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import TrainingData
from pybpe.gpt.vocabulary import check_same

PADDED_FROM = 4096  # ids; from here on the embedding has a multiple of 64 rows, which GPUs multiply faster


def check_settings(settings: Settings, data: TrainingData, device: torch.device, process_group: ProcessGroup) -> None:
    """Raise TrainingError or ValueError for settings or data that the torch engine cannot train."""
    if data.documents is not None:
        raise TrainingError("the torch engine learns from windows of text; --lines goes with the micro engine")
    check_dtype(settings.dtype, device)
    data.check(settings.block_size)
    if settings.accumulate % process_group.size:
        raise TrainingError(
            f"{process_group.size} processes cannot share {settings.accumulate} batches a step: "
            "make accumulate a multiple"
        )


def model_config(settings: Settings, n_vocab: int) -> GPTConfig:
    """Return the configuration that the settings ask for, with a vocabulary of n_vocab ids."""
    padded = n_vocab >= PADDED_FROM and settings.form != "micro"
    return GPTConfig(
        n_vocab=n_vocab,
        n_layer=settings.n_layer,
        n_head=settings.n_head,
        n_embd=settings.n_embd,
        block_size=settings.block_size,
        vocab_rows=-(-n_vocab // 64) * 64 if padded else None,
        dropout=float(settings.dropout),
        **FORMS[settings.form],
    )


def new_model(settings: Settings, data: TrainingData) -> GPT:
    """Return a model with random weights, or with those of the folder `settings.init`."""
    if settings.init:
        return first_checkpoint(settings, data).model()
    return GPT(model_config(settings, data.vocabulary.n_vocab), settings.init_std)


def first_checkpoint(settings: Settings, data: TrainingData) -> Checkpoint:
    """Return the checkpoint of the folder `settings.init`, with the settings' dropout.

    FormatError or TrainingError if the checkpoint does not fit the vocabulary or the settings.
    """
    path = Path(settings.init) / MODEL
    if settings.chat:
        saved = start_checkpoint(Path(settings.init), settings.seed)
    else:
        saved = read_checkpoint(path, moments=False)
    check_same(data.vocabulary, saved.fingerprint, saved.config.n_vocab, str(path))
    for name in ("n_layer", "n_head", "n_embd"):
        if getattr(settings, name) != getattr(saved.config, name):
            option = "--" + name.replace("_", "-")
            raise TrainingError(
                f"{path} has {name} {getattr(saved.config, name)}, which cannot change: leave out {option}"
            )
    block_size = saved.config.block_size
    if settings.block_size > block_size:
        if saved.config.positions != "rotary":
            raise TrainingError(
                f"{path} has a context of {block_size:,} tokens, with a learned embedding of each position; "
                f"block_size {settings.block_size:,} is too large"
            )
        block_size = settings.block_size
    return replace(saved, config=replace(saved.config, dropout=float(settings.dropout), block_size=block_size))
