"""Fine-tune a model on conversations: a run of the torch engine, which `resume_run` continues as any other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from pybpe.errors import TrainingError
from pybpe.gpt.engines import need_torch
from pybpe.gpt.finetune.data import ChatData, read_chat_data
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.runs.replacing import check_free
from pybpe.gpt.runs.run import Watcher, prepare_run, train_on
from pybpe.gpt.settings import FINETUNE, FINETUNE_NEW, Settings
from pybpe.tokenizer import Tokenizer

MOST_EPOCHS = 1_000_000
EPOCHS = 3.0  # passes over the conversations where neither steps nor epochs are given


def finetune(
    start: Path | None,
    conversations: list[Path],
    out: Path,
    settings: Mapping[str, Any],
    watcher: Watcher,
    *,
    tokenizer: Tokenizer | None = None,
    epochs: float | None = None,
    threads: int | None = None,
    replace: bool = False,
    seconds: float | None = None,
) -> RunResults:
    """Train a model on conversations, and write the folder of a run to `out`.

    start: a folder with the model to start from, any that `open_model` opens; or None for a new model with the
    vocabulary of `tokenizer`, which is not given otherwise. The chat tokens that the vocabulary lacks are added.
    conversations: .jsonl files, see `read_conversations`. settings: {name: value} of the fields of Settings that differ
    from FINETUNE, or from FINETUNE_NEW for a new model; the sizes of the model come from `start`. epochs: passes over
    the conversations, in place of the setting "steps" (EPOCHS if neither is given). threads, replace, seconds: as for
    `start_run`, and so are the errors. Also raises ConversationError for a line that is not a conversation, and
    TrainingError if the model has a vocabulary of single characters.

    resume_run(out, watcher) continues the run, digit for digit as if it had not stopped.
    """
    check_free(out, replace)
    chosen, data = _planned(start, conversations, out, settings, tokenizer, epochs)
    return train_on(out, chosen, conversations, data, watcher, threads, replace=replace, seconds=seconds)


def prepare_finetune(
    start: Path | None,
    conversations: list[Path],
    out: Path,
    settings: Mapping[str, Any],
    *,
    tokenizer: Tokenizer | None = None,
    epochs: float | None = None,
    threads: int | None = None,
    replace: bool = False,
) -> Settings:
    """Write the folder of a run as `finetune` does, without training, and return its settings.

    `resume_run` starts it, or several processes start it together.
    """
    check_free(out, replace)
    chosen, data = _planned(start, conversations, out, settings, tokenizer, epochs)
    prepare_run(out, chosen, conversations, data.vocabulary, threads, replace=replace)
    return chosen


def _planned(
    start: Path | None,
    conversations: list[Path],
    out: Path,
    settings: Mapping[str, Any],
    tokenizer: Tokenizer | None,
    epochs: float | None,
) -> tuple[Settings, ChatData]:
    """Check the arguments of `finetune`, and return the settings of the run and its data."""
    need_torch()
    if (start is None) == (tokenizer is None):
        raise TrainingError("give a model to start from, or the tokenizer of a new model, and not both")
    if epochs is not None and "steps" in settings:
        raise TrainingError("give steps or epochs, and not both")
    if start is not None and start.resolve() == out.resolve():
        raise TrainingError(f"{out} is the model to start from; name another folder")
    chosen = finetune_settings(start, settings)
    data = read_chat_data(conversations, _tokenizer(start, tokenizer), chosen)
    if "steps" not in settings:
        passes = EPOCHS if epochs is None else epochs
        if not 0 < passes <= MOST_EPOCHS:
            raise TrainingError(f"epochs is {passes:g}; it must lie above 0 and be at most {MOST_EPOCHS:,}")
        rows = math.ceil(passes * len(data.rows))
        chosen = changed(chosen, steps=max(1, math.ceil(rows / (chosen.batch_size * chosen.accumulate))))
    return chosen, data


def finetune_settings(start: Path | None, changes: Mapping[str, Any]) -> Settings:
    """Return the settings of a run on conversations. start, changes: as `finetune` takes `start` and `settings`.

    Raises TrainingError for a setting that fine-tuning decides, and for a change to the sizes or the form of the model
    to start from, but for block_size.
    """
    for name in ("engine", "init", "chat"):
        if name in changes:
            raise TrainingError(f"fine-tuning decides the setting {name}; leave it out")
    if start is None:
        return Settings(**{**FINETUNE_NEW, **changes})
    from pybpe.gpt.finetune.start import read_start, shape_of

    shape = shape_of(read_start(start).config)
    for name in ("n_layer", "n_head", "n_embd", "form"):
        if name in changes and changes[name] != shape.get(name):
            raise TrainingError(
                f"the model in {start} has {name} {shape.get(name)}, which cannot change: leave {name} out"
            )
    return Settings(**{**FINETUNE, **shape, **changes, "init": str(start.resolve())})


def _tokenizer(start: Path | None, tokenizer: Tokenizer | None) -> Tokenizer:
    """Return the tokenizer of the run, which has the chat tokens."""
    from pybpe.gpt.finetune.start import chat_tokenizer, start_tokenizer

    if start is not None:
        return chat_tokenizer(start_tokenizer(start))
    assert tokenizer is not None  # finetune has checked that one of both is given
    return chat_tokenizer(tokenizer)
