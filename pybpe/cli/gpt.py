"""`pybpe gpt`: train a GPT on text or shards.

The other commands of `pybpe gpt` are in the files gpt_*.py beside this one.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    MOST_THREADS,
    add_command,
    add_text_field,
    at_least_0,
    check_output_folder,
    place,
    positive,
    text_field,
    whole,
)
from pybpe.cli.console import UsageError, summary
from pybpe.cli.gpt_chat import add_chat
from pybpe.cli.gpt_convert import add_convert
from pybpe.cli.gpt_curriculum import add_curriculum
from pybpe.cli.gpt_data import data_name, data_paths
from pybpe.cli.gpt_finetune import add_finetune
from pybpe.cli.gpt_run import check_alone, say_prepared, watched, written
from pybpe.cli.gpt_serve import add_serve
from pybpe.cli.gpt_show_chat import add_show_chat
from pybpe.cli.gpt_use import add_eval, add_sample
from pybpe.cli.tokenizers import open_tokenizer
from pybpe.util.units import seconds, size

if TYPE_CHECKING:
    from pybpe.gpt.settings import Settings
    from pybpe.gpt.vocabulary import Vocabulary

CHARS = "chars"
OF_WINDOWS = {"batch_size", "warmup", "schedule", "eval_every"}  # settings that are not used with --lines
EXAMPLES = """\
examples:
  pybpe gpt train corpus.txt                                characters, 2,000 steps, into corpus-gpt
  pybpe gpt train corpus-shards -t corpus.pybpe -o my-gpt   on the shards that pybpe encode wrote
  pybpe gpt train names.txt --preset microgpt               microgpt.py, digit for digit
  pybpe gpt train --resume my-gpt                           continue where it was interrupted
  pybpe gpt train --resume my-gpt --steps 4000              continue up to 4,000 steps, also a finished run
  pybpe gpt train corpus.txt --preset shakespeare-char      with torch, on a GPU if there is one
  pybpe gpt train corpus-shards -t gpt2.pybpe --preset gpt2-124m --dry-run
"""


def add_commands(commands: Any) -> None:
    """Add `gpt` and its commands to the parser."""
    parser = commands.add_parser(
        "gpt",
        help="train a GPT, measure it, and sample from it",
        description="Train a GPT on text or shards of ids, measure it, and generate text with it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    own = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=type(parser), required=True)
    _add_train(own)
    for add in (add_sample, add_eval, add_convert, add_finetune, add_chat, add_serve, add_show_chat, add_curriculum):
        add(own)


def _add_train(commands: Any) -> None:
    from pybpe.gpt.engines import ENGINES
    from pybpe.gpt.settings import PRESETS

    parser = add_command(
        commands,
        "train",
        "train a GPT",
        "Train a GPT and write a folder with the model, its vocabulary, its losses and a report.\n"
        "Ctrl-C, SIGTERM and --seconds end it early with a checkpoint; --resume continues it, digit for digit.",
        EXAMPLES,
        run_train,
    )
    parser.add_argument(
        "data",
        nargs="*",
        metavar="DATA",
        help="a folder of shards, or text: files, globs and folders, as pybpe encode takes them",
    )
    add_text_field(parser)
    parser.add_argument(
        "-t",
        "--tokenizer",
        metavar="FILE",
        help=f"a tokenizer's file or folder, a public encoding, or {CHARS}: characters (default)",
    )
    parser.add_argument("--pattern", metavar="NAME|REGEX", help="how text is split, for a rank file that needs it")
    parser.add_argument("-o", "--output", type=place, metavar="FOLDER", help="folder to write (DATA-gpt)")
    parser.add_argument(
        "--resume",
        type=place,
        metavar="FOLDER",
        help="continue a run; with --steps, --seconds, --threads, and DATA if that has moved",
    )
    parser.add_argument("--seconds", type=positive, metavar="S", help="stop training after so many seconds")
    parser.add_argument("--force", action="store_true", help="replace an earlier run in the folder")
    parser.add_argument("--preset", choices=PRESETS, help="named settings; the options below change them")
    parser.add_argument("--engine", choices=ENGINES, help="micro: compiled, on the processor; torch: with PyTorch")
    parser.add_argument("--dry-run", action="store_true", help="estimate memory and time, and write nothing")
    parser.add_argument("--prepare", action="store_true", help="only write the folder, to train it with torchrun")
    parser.add_argument(
        "--lines", action="store_true", default=None, help="each line is a document; a step trains on one document"
    )
    parser.add_argument(
        "--special", action="store_true", default=None, help="read special tokens in text files as tokens (as text)"
    )
    _add_settings(parser)
    _add_torch(parser.add_argument_group("options of the torch engine", "The defaults come from the preset."))


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the settings of both engines."""
    from pybpe.gpt.settings import DTYPES, SCHEDULES

    for name, least, help_ in (
        ("--n-layer", 1, "layers (4)"),
        ("--n-head", 1, "attention heads (4)"),
        ("--n-embd", 1, "embedding width (128)"),
        ("--block-size", 1, "context length in tokens (64)"),
        ("--steps", 1, "steps of training; with --resume, a new total (2000)"),
        ("--batch-size", 1, "windows of text in a batch (12)"),
        ("--seed", 0, "random seed (42)"),
        ("--eval-every", 1, "steps between two held-out losses (100)"),
        ("--eval-windows", 1, "windows of text of a held-out loss (64)"),
        ("--save-every", 1, "steps between two checkpoints (500)"),
    ):
        parser.add_argument(name, type=whole(least), metavar="N", help=help_)
    for name, help_ in (
        ("--lr", "maximum learning rate (0.004)"),
        ("--weight-decay", "weight decay (0.1)"),
        ("--warmup", "fraction of the steps in which the learning rate rises (0.02)"),
        ("--init-std", "standard deviation of the initial weights (0.02)"),
        ("--beta1", "Adam's beta1 (0.85)"),
        ("--beta2", "Adam's beta2 (0.99)"),
    ):
        parser.add_argument(name, type=at_least_0, metavar="X", help=help_)
    parser.add_argument("--schedule", choices=SCHEDULES, help="learning rate schedule (linear)")
    parser.add_argument("--dtype", choices=DTYPES, help="float64 is exact; bfloat16 and float16 for GPUs (float32)")
    parser.add_argument(
        "--threads", type=whole(1, MOST_THREADS), metavar="N", help="threads (one a core; --resume: as before)"
    )


def _add_torch(group: Any) -> None:
    from pybpe.gpt.settings import DEVICES, FORMS, OPTIMIZERS

    group.add_argument("--form", choices=FORMS, help="form of the model")
    group.add_argument(
        "--optimizer", choices=OPTIMIZERS, help="muon: for the matrices of the layers, AdamW for the rest"
    )
    group.add_argument("--device", choices=DEVICES, help="device to compute on (auto)")
    group.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, help="use torch.compile: a slow start, then faster steps"
    )
    group.add_argument("--accumulate", type=whole(1), metavar="N", help="batches per step, over all processes (1)")
    group.add_argument("--sample-every", type=whole(0), metavar="N", help="steps between two samples of text (0: none)")
    for name, help_ in (
        ("--muon-lr", "Muon's maximum learning rate (0.02)"),
        ("--final-lr", "final learning rate, as a fraction of --lr"),
        ("--clip", "maximum gradient norm (0: no clipping)"),
        ("--dropout", "dropout probability"),
    ):
        group.add_argument(name, type=at_least_0, metavar="X", help=help_)
    group.add_argument(
        "--init", type=place, metavar="FOLDER", help="start from the model that pybpe gpt convert or train wrote here"
    )


def run_train(options: argparse.Namespace) -> None:
    """Check the arguments, train, and print a summary."""
    from pybpe.cli.gpt_screen import Screen
    from pybpe.gpt.runs.replacing import check_free
    from pybpe.gpt.runs.run import prepare_run, resume_run, start_run

    screen, earlier = Screen(), None
    if options.resume is not None:
        check_alone(options)
        folder: Path = options.resume
        resume = partial(resume_run, steps=options.steps, seconds=options.seconds)
        work = partial(resume, folder, screen, options.threads, _data(options.data) if options.data else None)
    else:
        paths = _data(options.data)
        field = text_field(options, paths)
        folder = options.output or Path(f"{data_name(options.data, paths)}-gpt")
        if options.init is not None and options.init.resolve() == folder.resolve():
            raise UsageError(f"{folder} is the model to go on from; name another folder with -o")
        settings, vocabulary = _settings(options), _vocabulary(options)
        if options.dry_run:
            _say_what_it_takes(settings, paths, vocabulary, options.threads, field)
            return
        check_output_folder(folder)
        check_free(folder, options.force)
        if options.prepare:
            prepare_run(folder, settings, paths, vocabulary, options.threads, replace=options.force, text_field=field)
            say_prepared(folder, settings)
            return
        earlier = written(folder)
        start = partial(start_run, replace=options.force, seconds=options.seconds, text_field=field)
        work = partial(start, folder, settings, paths, vocabulary, screen, options.threads)
    watched(work, folder, screen, earlier)


def _data(names: list[str]) -> list[Path]:
    if not names:
        raise UsageError("name the text or the shards to learn from, or a run to go on with: --resume FOLDER")
    return data_paths(names)


def _settings(options: argparse.Namespace) -> Settings:
    from pybpe.gpt.settings import DEFAULT_PRESETS, OF_TOKENS, PRESETS, Settings

    typed_ = {field.name: getattr(options, field.name, None) for field in fields(Settings)}
    changes = {name: value for name, value in typed_.items() if value is not None}
    preset = options.preset or DEFAULT_PRESETS[options.engine or ("torch" if options.init else "micro")]
    if options.init is not None:
        if options.form is not None:
            raise UsageError("the model to go on from keeps its form; leave out --form")
        changes = {**_shape_of(options.init), **changes, "init": str(options.init.resolve())}
    elif preset in OF_TOKENS and options.tokenizer in (None, CHARS):
        raise UsageError(f"preset {preset} learns tokens; name a tokenizer, which pybpe train makes: --tokenizer FILE")
    settings = Settings(**{**PRESETS[preset], **changes})
    if settings.lines and (unused := sorted(OF_WINDOWS & changes.keys())):
        raise UsageError(f"a step takes one line and the rate falls evenly; leave out --{unused[0].replace('_', '-')}")
    return settings


def _shape_of(folder: Path) -> dict[str, Any]:
    """Return the settings that --init takes over from the model in a folder: its shape."""
    from pybpe.gpt.engines import need_torch
    from pybpe.gpt.runs.folder import MODEL

    need_torch()
    from pybpe.gpt.checkpoint import read_checkpoint

    config = read_checkpoint(folder / MODEL, moments=False).config
    return {name: getattr(config, name) for name in ("n_layer", "n_head", "n_embd", "block_size")}


def _vocabulary(options: argparse.Namespace) -> Vocabulary | None:
    from pybpe.gpt.vocabulary import load_vocabulary

    if options.tokenizer in (None, CHARS):
        if options.pattern is not None:
            raise UsageError("--pattern goes with --tokenizer; leave it out")
        return None if options.init is None or options.tokenizer == CHARS else load_vocabulary(options.init)
    return open_tokenizer(options.tokenizer, options.pattern)


def _say_what_it_takes(
    settings: Settings, paths: list[Path], vocabulary: Vocabulary | None, threads: int | None, field: str
) -> None:
    from pybpe.gpt.runs.run import dry_run

    found = dry_run(settings, paths, vocabulary, threads, text_field=field)
    shape = f"{settings.n_layer} layers, {settings.n_head} heads, {settings.n_embd} wide, {settings.block_size} tokens"
    rows = [
        ("model", f"{found.n_params:,} parameters: {shape}, {found.n_vocab:,} ids"),
        ("memory", f"about {size(found.memory)}"),
        (
            "tokens",
            f"{found.tokens:,}, {found.tokens / found.n_train_ids:.1f} times the {found.n_train_ids:,} there are",
        ),
        ("time", f"about {seconds(found.seconds)}, {found.tokens / found.seconds:,.0f} tokens/s in a trial"),
    ]
    summary(f"{settings.steps:,} steps of the {settings.engine} engine; nothing was written", rows)
