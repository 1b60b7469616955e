"""`pybpe demo`: from a text to a tokenizer and a small GPT, with `--chat` to one that talks, and a report."""

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
    from pybpe.gpt.demo.chat_results import ChatResults
    from pybpe.gpt.demo.results import DemoResults

FILES = ("tokenizer.pybpe", "shards", "run.json", "model.safetensors", "metrics.jsonl", "report.html")
OF_CHAT_MODEL = ("best.safetensors", "answers.json")  # what --chat writes about its model beyond FILES
CHAT_FILES = (*FILES, *OF_CHAT_MODEL, "base", "conversations.jsonl")


def add_commands(commands: Any) -> None:
    """Add `demo` to the parser."""
    parser = add_command(
        commands,
        "demo",
        "from text to a small language model, in about two minutes",
        "Train a tokenizer on a text, encode it, pretrain a small GPT on the ids and write a report.\n"
        "Without FILE, the text is the help topics that are part of Python. No network is needed.\n"
        "With --chat, the model is then fine-tuned on conversations that pybpe makes: it counts letters and adds\n"
        "numbers by writing Python. That needs PyTorch and takes some minutes more.",
        "examples:\n  pybpe demo\n  pybpe demo novel.txt -o novel-demo --seconds 300\n  pybpe demo --chat -o chat-demo",
        run,
    )
    parser.add_argument("corpus", nargs="?", metavar="FILE", help="a text file (default: Python's help topics)")
    parser.add_argument("--chat", action="store_true", help="also fine-tune the model, so that it answers questions")
    parser.add_argument(
        "-o", "--output", type=place, default=Path("pybpe-demo"), metavar="FOLDER", help="folder to write (pybpe-demo)"
    )
    parser.add_argument(
        "--vocab-size",
        type=whole(256, MOST_TOKENS),
        metavar="N",
        help="size of the vocabulary (1024; with --chat 256, the bytes)",
    )
    parser.add_argument(
        "--steps", type=whole(1), metavar="N", help="maximum number of training steps, with --chat of each training"
    )
    parser.add_argument(
        "--seconds",
        type=positive,
        metavar="S",
        help="maximum time of each training in seconds (100, or 8 passes through the text; with --chat no limit)",
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
        _check_free(options)
        (_run_chat if options.chat else _run)(options, corpus, field, folder)


def _check_free(options: argparse.Namespace) -> None:
    """Raise FileExistsError if the folder has files of a demo, unless --force is given."""
    folder: Path = options.output
    existing = next((folder / name for name in CHAT_FILES if (folder / name).exists()), None)
    if existing is not None and not options.force:
        raise FileExistsError(f"{existing} exists already; add --force to replace it, or name another folder with -o")


def _run(options: argparse.Namespace, corpus: Path | None, field: str, folder: Path) -> None:
    """Run the demo, show its progress, and print a summary."""
    from pybpe.cli.demo_screen import Screen
    from pybpe.gpt.demo.demo import LEARNING, DemoSettings, run_demo

    learning = replace(LEARNING, seed=options.seed)
    vocab_size = options.vocab_size or DemoSettings.vocab_size
    settings = DemoSettings(corpus, folder, vocab_size, learning=learning, text_field=field)
    if options.steps is not None or options.seconds is not None:
        settings = replace(settings, steps=options.steps, seconds=options.seconds, passes=None)
    screen = Screen()
    try:
        results = run_demo(settings, screen)
    finally:
        screen.close()
    for name in OF_CHAT_MODEL:  # of a chat demo whose model was replaced
        (folder / name).unlink(missing_ok=True)
    if results.run.stopped == "interrupt":
        note(f"interrupted; what was learned in {results.run.steps:,} steps is kept")
    _summary(results, folder)
    if results.run.stopped == "terminate":
        raise Terminated(f"what was learned in {results.run.steps:,} steps is kept in {folder}")


def _run_chat(options: argparse.Namespace, corpus: Path | None, field: str, folder: Path) -> None:
    """Run the chat demo, show its progress, and print a summary."""
    from pybpe.gpt.engines import need_torch

    need_torch()
    from pybpe.cli.demo_chat_screen import ChatScreen
    from pybpe.gpt.demo import chat_recipe
    from pybpe.gpt.demo.chat import ChatDemoSettings, run_chat_demo

    recipe = chat_recipe.with_changes(
        chat_recipe.RECIPE, seed=options.seed, vocab_size=options.vocab_size, steps=options.steps
    )
    screen = ChatScreen()
    try:
        results = run_chat_demo(
            ChatDemoSettings(corpus, folder, recipe, seconds=options.seconds, text_field=field), screen
        )
    finally:
        screen.close()
    taken = f"{results.chat.steps:,} steps of fine-tuning"
    if results.stopped == "interrupt":
        note(f"interrupted; what was learned in {taken} is kept")
    _chat_summary(results, folder)
    if results.stopped == "terminate":
        raise Terminated(f"what was learned in {taken} is kept in {folder}")


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


def _chat_summary(results: ChatResults, folder: Path) -> None:
    scores = results.after.scores if results.after else {}
    rows = [
        ("model", f"{results.chat.n_params:,} parameters"),
        ("training", f"{results.base.steps:,} steps on text, {results.chat.steps:,} steps on conversations"),
        *(
            (name, f"{each.exact_calls:.1%} exact calls, {each.right:.1%} right answers to {each.n:,} new questions")
            for name, each in scores.items()
        ),
        ("time", seconds(results.seconds)),
        ("size", _size(folder)),
    ]
    chat = f"pybpe gpt chat {typed(folder)}"
    summary(f"demo in {folder}", rows, f"open {typed(folder / 'report.html')} in a browser, or type\n       {chat}")


def _size(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    return size(sum(file.stat().st_size for file in files if file.is_file()))
