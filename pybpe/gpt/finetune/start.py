"""The model that fine-tuning starts from: of any folder that `open_model` reads, with rows for the chat tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pybpe.errors import TrainingError
from pybpe.gpt.checkpoint import Checkpoint
from pybpe.gpt.conversation import CHAT_TOKENS
from pybpe.gpt.inference import folder_vocabulary
from pybpe.gpt.model import FORMS, GPTConfig
from pybpe.gpt.pretrained import fit_vocabulary, read_pretrained
from pybpe.gpt.vocabulary import check_same
from pybpe.tokenizer import Tokenizer

NOISE = 0.1  # standard deviation of the noise in a new row, as a fraction of that of the other rows


def chat_tokenizer(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with those of the chat tokens that it lacks, which get the ids after its largest one."""
    return tokenizer.with_special_tokens(CHAT_TOKENS)


def start_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of the model in a folder. TrainingError if its vocabulary is of single characters."""
    vocabulary = folder_vocabulary(folder)
    if not isinstance(vocabulary, Tokenizer):
        raise TrainingError(
            f"the model in {folder} has a vocabulary of single characters, which cannot have chat tokens: train one "
            "with a tokenizer first: pybpe gpt train DATA -t TOKENIZER"
        )
    return vocabulary


def read_start(folder: Path) -> Checkpoint:
    """Read the model in a folder as a checkpoint of the torch engine: a run of any engine, or a GPT-2.

    Raises FormatError if a file is damaged or model and tokenizer do not belong together, FileNotFoundError if there is
    no model, TrainingError for a vocabulary of single characters.
    """
    tokenizer = start_tokenizer(folder)
    saved = read_pretrained(folder)
    if saved.fingerprint is None:
        saved = fit_vocabulary(saved, tokenizer.n_vocab, tokenizer.fingerprint)
    check_same(tokenizer, saved.fingerprint, saved.config.n_vocab, str(folder))
    return replace(saved, step=0, moments={}, scaler={})


def start_checkpoint(folder: Path, seed: int) -> Checkpoint:
    """Return the model in a folder with rows for the chat tokens. seed: of the noise in the new rows.

    Raises the errors of `read_start`.
    """
    tokenizer = chat_tokenizer(start_tokenizer(folder))
    return with_rows(read_start(folder), tokenizer.n_vocab, tokenizer.fingerprint, seed)


def with_rows(checkpoint: Checkpoint, n_vocab: int, fingerprint: str, seed: int) -> Checkpoint:
    """Return a checkpoint for a vocabulary of n_vocab ids, of which the last ones are new.

    A new row of the embedding, and of an output head of its own, is the mean of the rows of the other ids plus noise
    that depends on `seed`. Rows of padding are used first. The logits of the other ids stay the same.
    """
    config = checkpoint.config
    old, rows = config.n_vocab, max(config.rows, n_vocab)
    weights, generator = dict(checkpoint.weights), torch.Generator().manual_seed(seed)
    for name in ("wte.weight", "lm_head.weight"):
        if name in weights:
            weights[name] = _longer(weights[name], old, n_vocab, rows, generator)
    config = replace(config, n_vocab=n_vocab, vocab_rows=rows if rows > n_vocab else None)
    return replace(checkpoint, config=config, weights=weights, fingerprint=fingerprint)


def _longer(matrix: Tensor, old: int, new: int, rows: int, generator: torch.Generator) -> Tensor:
    """Return a matrix of `rows` rows in which rows old to new - 1 are the mean of those before, plus noise."""
    known = matrix[:old]
    longer = torch.zeros(rows, matrix.shape[1], dtype=matrix.dtype)
    longer[: len(matrix)] = matrix
    noise = torch.randn(new - old, matrix.shape[1], generator=generator, dtype=torch.float64)
    spread = float(known.double().std(dim=0, correction=0).mean())
    longer[old:new] = known.double().mean(dim=0) + NOISE * spread * noise
    return longer


def shape_of(config: GPTConfig) -> dict[str, Any]:
    """Return the settings of a run that describe a model: its sizes, and the form if it is one of FORMS."""
    sizes = {name: getattr(config, name) for name in ("n_layer", "n_head", "n_embd", "block_size")}
    for form, parts in FORMS.items():
        if replace(GPTConfig(config.n_vocab, **sizes), **parts) == replace(config, vocab_rows=None, dropout=0.0):
            return {**sizes, "form": form}
    return sizes
