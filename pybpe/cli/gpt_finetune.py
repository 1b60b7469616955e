"""`pybpe gpt finetune`: train a GPT on conversations."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    MOST_THREADS,
    add_command,
    at_least_0,
    check_inputs,
    check_output_folder,
    place,
    positive,
    whole,
)
from pybpe.cli.console import UsageError, typed
from pybpe.cli.gpt_next import resume_command
from pybpe.cli.gpt_run import check_alone, say_prepared, watched, written
from pybpe.cli.tokenizers import open_tokenizer

if TYPE_CHECKING:
    from pybpe import Tokenizer

NEW = "new"
OF_NEW = ("n_layer", "n_head", "n_embd", "form")  # settings of the shape of a new model
EXAMPLES = """\
examples:
  pybpe gpt finetune corpus-gpt chats.jsonl -o my-chat          from a run, 3 epochs
  pybpe gpt finetune gpt2-folder chats.jsonl --lr 5e-5 --epochs 2 --block-size 512
  pybpe gpt finetune new chats.jsonl -t corpus.pybpe --n-layer 6 --n-embd 192 --steps 2000
  pybpe gpt finetune --resume my-chat                           continue where it was interrupted
"""


def add_finetune(commands: Any) -> None:
    """Add `finetune` to the parser."""
    parser = add_command(
        commands,
        "finetune",
        "train a GPT on conversations",
        "Train a model on conversations, on what the assistant says in them, and write the folder of a run.\n"
        "RUN is the folder of a run, of pybpe demo, of pybpe gpt convert, or of a GPT-2 in Hugging Face's layout,\n"
        "or the word new.\n"
        "Ctrl-C, SIGTERM and --seconds end it early with a checkpoint; --resume continues it, digit for digit.",
        EXAMPLES,
        run_finetune,
    )
    parser.add_argument("model", nargs="?", metavar="RUN", help=f"the model to start from, or {NEW}: a new model")
    parser.add_argument(
        "data",
        nargs="*",
        metavar="DATA",
        help="conversations: .jsonl files, globs and folders; one conversation a line",
    )
    parser.add_argument("-o", "--output", type=place, metavar="FOLDER", help="folder to write (RUN-chat)")
    parser.add_argument(
        "--resume",
        type=place,
        metavar="FOLDER",
        help="continue a run; with --steps, --seconds, --threads, and DATA if that has moved",
    )
    parser.add_argument("--force", action="store_true", help="replace an earlier run in the folder")
    parser.add_argument("--prepare", action="store_true", help="only write the folder, to train it with torchrun")
    parser.add_argument("--seconds", type=positive, metavar="S", help="stop training after so many seconds")
    _add_settings(parser)
    _add_new(parser.add_argument_group(f"options of a new model, for RUN {NEW}"))


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the settings that all models have."""
    from pybpe.gpt.settings import DEVICES, DTYPES

    for name, least, help_ in (
        ("--steps", 1, "steps of training, in place of --epochs; with --resume, a new total"),
        ("--batch-size", 1, "rows of conversations in a batch (16)"),
        ("--accumulate", 1, "batches per step, over all processes (1)"),
        ("--block-size", 2, "tokens of a row (the context of the model; rotary positions allow more)"),
        ("--seed", 0, "random seed (42)"),
        ("--eval-every", 1, "steps between two held-out losses (100)"),
        ("--save-every", 1, "steps between two checkpoints (500)"),
    ):
        parser.add_argument(name, type=whole(least), metavar="N", help=help_)
    for name, kind, help_ in (
        ("--epochs", positive, "passes over the conversations (3)"),
        ("--lr", at_least_0, f"maximum learning rate (0.0003; {NEW}: 0.001)"),
        ("--held-out", at_least_0, "fraction of the conversations to hold out and measure on (0.05)"),
        ("--dropout", at_least_0, "dropout probability (0)"),
    ):
        parser.add_argument(name, type=kind, metavar="X", help=help_)
    parser.add_argument("--device", choices=DEVICES, help="device to compute on (auto)")
    parser.add_argument("--dtype", choices=DTYPES, help="float64 is exact; bfloat16 and float16 for GPUs (float32)")
    parser.add_argument(
        "--threads", type=whole(1, MOST_THREADS), metavar="N", help="threads (torch's choice; --resume: as before)"
    )


def _add_new(group: Any) -> None:
    """Add the options of a new model."""
    from pybpe.gpt.settings import FORMS

    group.add_argument("-t", "--tokenizer", metavar="FILE", help="a tokenizer's file or folder, or a public encoding")
    group.add_argument("--pattern", metavar="NAME|REGEX", help="how text is split, for a rank file that needs it")
    group.add_argument("--form", choices=FORMS, help="form of the model (modern)")
    for name, help_ in (
        ("--n-layer", "layers (4)"),
        ("--n-head", "attention heads (4)"),
        ("--n-embd", "embedding width (128)"),
    ):
        group.add_argument(name, type=whole(1), metavar="N", help=help_)


def run_finetune(options: argparse.Namespace) -> None:
    """Check the arguments, train, and print a summary."""
    from pybpe.cli.gpt_screen import Screen
    from pybpe.gpt.finetune.run import finetune, prepare_finetune
    from pybpe.gpt.runs.replacing import check_free
    from pybpe.gpt.runs.run import resume_run

    screen, earlier = Screen(), None
    names = [*([] if options.model is None else [options.model]), *options.data]
    if options.resume is not None:
        check_alone(options)
        folder: Path = options.resume
        _check_is_chat(folder)
        resume = partial(resume_run, steps=options.steps, seconds=options.seconds)
        work = partial(resume, folder, screen, options.threads, check_inputs(names) if names else None)
    else:
        if not options.data:
            raise UsageError("name the model to start from and the conversations: pybpe gpt finetune RUN DATA")
        start, tokenizer = _start(options)
        paths = check_inputs(options.data)
        folder = options.output or Path(f"{NEW if start is None else start.resolve().name}-chat")
        check_output_folder(folder)
        check_free(folder, options.force)
        given = {"tokenizer": tokenizer, "epochs": options.epochs, "replace": options.force, "threads": options.threads}
        if options.prepare:
            say_prepared(folder, prepare_finetune(start, paths, folder, _changes(options), **given))
            return
        earlier = written(folder)
        begin = partial(finetune, start, paths, folder, _changes(options), screen)
        work = partial(begin, seconds=options.seconds, **given)
    watched(work, folder, screen, earlier)


def _check_is_chat(folder: Path) -> None:
    """Raise UsageError if the run in a folder was not started by `pybpe gpt finetune`."""
    from pybpe.gpt.runs.folder import read_run

    settings = read_run(folder).settings
    if not settings.chat:
        raise UsageError(
            f"{folder} is not a run on conversations; continue it with: {resume_command(folder, settings)}"
        )


def _start(options: argparse.Namespace) -> tuple[Path | None, Tokenizer | None]:
    """Return the folder of the model to start from, or the tokenizer of a new model."""
    shape = [name for name in (*OF_NEW, "tokenizer", "pattern") if getattr(options, name) is not None]
    if options.model == NEW:
        if options.tokenizer is None:
            raise UsageError("a new model needs a tokenizer, which pybpe train makes: --tokenizer FILE")
        return None, open_tokenizer(options.tokenizer, options.pattern)
    if shape:
        name = "--" + shape[0].replace("_", "-")
        raise UsageError(f"the model in {options.model} has its tokenizer and shape already; leave out {name}")
    folder = Path(options.model)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {typed(folder)}; name that of a model, or {NEW} for a new model")
    return folder, None


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given, {name: value}."""
    from dataclasses import fields

    from pybpe.gpt.settings import Settings

    if options.steps is not None and options.epochs is not None:
        raise UsageError("--steps and --epochs both say how long to train; leave out one")
    given = {field.name: getattr(options, field.name, None) for field in fields(Settings)}
    return {name: value for name, value in given.items() if value is not None}
