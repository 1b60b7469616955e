"""`pybpe gpt sample` and `eval`: what a trained GPT says, and how well it predicts."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import add_command, add_json, at_least_0, check_inputs, place, positive, whole
from pybpe.cli.console import harmless, print_json, summary

if TYPE_CHECKING:
    from pybpe.gpt.engines import Loaded
    from pybpe.gpt.training_data import TrainingData
    from pybpe.gpt.vocabulary import Vocabulary

ALL_WINDOWS = 1 << 40
BATCH = 16  # windows that are measured at once


def add_sample(commands: Any) -> None:
    """Add `sample`."""
    parser = add_command(
        commands,
        "sample",
        "let a GPT speak",
        "Print text that a model makes: of the folder of a run, or of pybpe demo.",
        "examples:\n  pybpe gpt sample corpus-gpt --prompt 'To be' --tokens 200 --seed 1\n"
        "  pybpe gpt sample pybpe-demo --temperature 0.5 --top-k 40 --top-p 0.9 --number 3",
        run_sample,
    )
    _add_model(parser)
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what the text begins with (nothing)")
    parser.add_argument("--tokens", type=whole(1), default=200, metavar="N", help="at most so many (200)")
    parser.add_argument(
        "--temperature", type=at_least_0, default=0.8, metavar="T", help="0: always the likeliest (0.8)"
    )
    parser.add_argument("--top-k", type=whole(1), metavar="K", help="only the K likeliest tokens")
    parser.add_argument("--top-p", type=positive, metavar="P", help="only the likeliest that together reach P")
    parser.add_argument("--min-p", type=positive, metavar="P", help="only those P times as likely as the likeliest")
    parser.add_argument(
        "--repetition-penalty",
        type=positive,
        default=1.0,
        metavar="X",
        help="above 1: say less of what was said (1)",
    )
    parser.add_argument("--number", type=whole(1), default=1, metavar="N", help="how many texts (1)")
    parser.add_argument("--seed", type=whole(0), metavar="N", help="for the same text again")


def add_eval(commands: Any) -> None:
    """Add `eval`."""
    parser = add_command(
        commands,
        "eval",
        "measure how well a GPT predicts text",
        "Print the loss of a model on text that it did not learn from, also in bits per byte, which compare models\n"
        "of different vocabularies. Without DATA: on the held-out text of its own run.",
        "examples:\n  pybpe gpt eval corpus-gpt\n  pybpe gpt eval corpus-gpt other.txt --best",
        run_eval,
    )
    _add_model(parser)
    parser.add_argument(
        "data", nargs="*", metavar="DATA", help="text files, measured whole, or a folder of shards, its held-out part"
    )
    parser.add_argument("--windows", type=whole(1), default=ALL_WINDOWS, metavar="N", help="windows of text (all)")
    add_json(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=place, metavar="FOLDER", help="a folder with model.safetensors and its vocabulary"
    )
    parser.add_argument("--best", action="store_true", help="the weights that did best on held-out text, not the last")


def _open(options: argparse.Namespace) -> tuple[Vocabulary, Loaded]:
    from pybpe.gpt.engines import load_model
    from pybpe.gpt.runs.folder import BEST, MODEL
    from pybpe.gpt.vocabulary import check_same, load_vocabulary

    vocabulary, path = load_vocabulary(options.folder), options.folder / (BEST if options.best else MODEL)
    loaded = load_model(path)
    check_same(vocabulary, loaded.fingerprint, loaded.n_vocab, str(path))
    return vocabulary, loaded


def run_sample(options: argparse.Namespace) -> None:
    """Print text as it is made."""
    from pybpe.gpt.text_generation import generate_text, prompt_ids

    vocabulary, loaded = _open(options)
    prompt = prompt_ids(vocabulary, options.prompt)
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
    settings = {name: getattr(options, name) for name in names}
    for number in range(options.number):
        if number:
            print("\n---")
        print(options.prompt, end="")
        seed = None if options.seed is None else options.seed + number
        for text in generate_text(loaded.model, vocabulary, prompt, options.tokens, seed=seed, **settings):
            print(harmless(text), end="", flush=True)
    print()


def run_eval(options: argparse.Namespace) -> None:
    """Measure, and print what was found."""
    from pybpe.gpt.pretrain import evaluate
    from pybpe.gpt.vocabulary import bits_per_byte, bytes_per_token

    vocabulary, loaded = _open(options)
    ids = _ids(_data(options, vocabulary), whole=bool(options.data) and not Path(options.data[0]).is_dir())
    loss = evaluate(loaded.model, ids, BATCH, options.windows)
    bytes_a_token = bytes_per_token(vocabulary, ids)
    context = min(loaded.model.config.block_size, len(ids) - 1)
    windows = min(options.windows, (len(ids) - 1) // context)
    if options.json:
        facts = {"model": str(options.folder), "data": options.data, "loss": loss, "bytes_per_token": bytes_a_token}
        facts |= {"bits_per_byte": bits_per_byte(loss, bytes_a_token), "windows": windows, "context": context}
        print_json({**facts, "tokens": len(ids), "parameters": loaded.n_params, "steps": loaded.step})
        return
    rows = [
        ("loss", f"{loss:.4f} nats per token, perplexity {math.exp(min(loss, 700)):,.2f}"),
        ("", f"{bits_per_byte(loss, bytes_a_token):.4f} bits per byte, {bytes_a_token:.2f} bytes per token"),
        ("text", f"{windows:,} windows of {context:,} tokens, of {len(ids):,} tokens"),
        ("model", f"{loaded.n_params:,} parameters after {loaded.step:,} steps"),
    ]
    summary(f"{options.folder} on {', '.join(options.data) or 'its held-out text'}", rows)


def _data(options: argparse.Namespace, vocabulary: Vocabulary) -> TrainingData:
    from pybpe.gpt.runs.folder import read_run
    from pybpe.gpt.training_data import read_data

    if not options.data:
        run = read_run(options.folder)
        return read_data(list(map(Path, run.data)), vocabulary, lines=run.settings.lines, seed=run.settings.seed)
    folder = len(options.data) == 1 and Path(options.data[0]).is_dir()
    paths = [Path(options.data[0])] if folder else check_inputs(options.data)
    return read_data(paths, vocabulary, lines=False, seed=0)


def _ids(data: TrainingData, whole: bool) -> Any:
    """What is measured: everything, or the held-out part; all of it where nothing was held out."""
    import numpy as np

    if data.val is None:
        return data.train
    return np.concatenate([data.train, data.val]) if whole else data.val
