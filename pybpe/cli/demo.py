"""`pybpe demo`: train a tokenizer and a small GPT on a text in about two minutes, and write a report."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    MOST_TOKENS,
    add_command,
    add_text_field,
    check_inputs,
    check_output_folder,
    place,
    positive,
    text_field,
    whole,
)
from pybpe.cli.console import Terminated, note, summary, typed
from pybpe.util.locks import locked
from pybpe.util.units import seconds, size

if TYPE_CHECKING:
    from pybpe.gpt.demo.results import DemoResults

FILES = ("tokenizer.pybpe", "shards", "run.json", "model.safetensors", "metrics.jsonl", "report.html")


def add_commands(commands: Any) -> None:
    """Add `demo` to the parser."""
    parser = add_command(
        commands,
        "demo",
        "from text to a small language model, in about two minutes",
        "Train a tokenizer on a text, encode it, pretrain a small GPT on the ids and write a report.\n"
        "Without FILE, the text is the help topics that are part of Python. No network is needed.",
        "examples:\n  pybpe demo\n  pybpe demo novel.txt -o novel-demo --seconds 300",
        run,
    )
    parser.add_argument("corpus", nargs="?", metavar="FILE", help="a text file (default: Python's help topics)")
    parser.add_argument(
        "-o", "--output", type=place, default=Path("pybpe-demo"), metavar="FOLDER", help="folder to write (pybpe-demo)"
    )
    parser.add_argument(
        "--vocab-size", type=whole(256, MOST_TOKENS), default=1024, metavar="N", help="size of the vocabulary (1024)"
    )
    parser.add_argument("--steps", type=whole(1), metavar="N", help="maximum number of training steps")
    parser.add_argument(
        "--seconds",
        type=positive,
        metavar="S",
        help="training time in seconds (100, or 8 passes through the text)",
    )
    add_text_field(parser)
    parser.add_argument("--seed", type=whole(0), default=42, metavar="N", help="random seed (42)")
    parser.add_argument("--force", action="store_true", help="replace the results of an earlier demo in the folder")


def run(options: argparse.Namespace) -> None:
    """Check the arguments, run the demo, and print a summary."""
    corpus = check_inputs([options.corpus], folders=False)[0] if options.corpus else None
    field = text_field(options, [corpus] if corpus else [])
    folder: Path = options.output
    check_output_folder(folder)
    check_output_folder(folder.resolve().parent)
    busy = FileExistsError(f"another pybpe demo is writing to {folder}: wait for its end, or name another with -o")
    with locked(folder.resolve().with_name(f".{folder.resolve().name}.lock"), busy):
        results = _run(options, corpus, field, folder)
    _summary(results, folder)
    if results.run.stopped == "terminate":
        raise Terminated(f"what was learned in {results.run.steps:,} steps is kept in {folder}")


def _run(options: argparse.Namespace, corpus: Path | None, field: str, folder: Path) -> DemoResults:
    """Run the demo and show its progress."""
    from pybpe.cli.demo_screen import Screen
    from pybpe.gpt.demo.demo import LEARNING, DemoSettings, run_demo

    existing = next((folder / name for name in FILES if (folder / name).exists()), None)
    if existing is not None and not options.force:
        raise FileExistsError(f"{existing} exists already; add --force to replace it, or name another folder with -o")
    learning = replace(LEARNING, seed=options.seed)
    settings = DemoSettings(corpus, folder, options.vocab_size, learning=learning, text_field=field)
    if options.steps is not None or options.seconds is not None:
        settings = replace(settings, steps=options.steps, seconds=options.seconds, passes=None)
    screen = Screen()
    try:
        results = run_demo(settings, screen)
    finally:
        screen.close()
    if results.run.stopped == "interrupt":
        note(f"interrupted; what was learned in {results.run.steps:,} steps is kept")
    return results


def _summary(results: DemoResults, folder: Path) -> None:
    loss, unigram = results.run.loss, results.run.unigram
    verdict = "better" if loss < unigram else "not better yet"
    rows = [
        ("vocabulary", f"{results.tokenizer.n_vocab:,} tokens, {results.held_out_bytes_per_token:.2f} bytes per token"),
        ("model", f"{results.run.n_params:,} parameters, {results.run.steps:,} steps"),
        ("held-out loss", f"{loss:.2f} nats per token, {results.bits_per_byte(loss):.2f} bits per byte"),
        ("", f"{verdict} than token frequencies alone, {unigram:.2f} nats per token"),
        ("time", seconds(sum(stage.seconds for stage in results.stages))),
        *((name, _size(folder / name)) for name in FILES),
    ]
    show = f"pybpe encode {typed(folder / 'tokenizer.pybpe')} --show --text 'Hello world'"
    summary(f"demo in {folder}", rows, f"open {typed(folder / 'report.html')} in a browser, or type\n       {show}")


def _size(path: Path) -> str:
    files = path.iterdir() if path.is_dir() else [path]
    return size(sum(file.stat().st_size for file in files))
