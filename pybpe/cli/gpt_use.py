"""`pybpe gpt sample` and `pybpe gpt eval`: generate text with a GPT, and measure its loss on text."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    add_command,
    add_json,
    add_text_field,
    at_least_0,
    place,
    positive,
    text_argument,
    text_field,
    whole,
)
from pybpe.cli.console import UsageError, encodable, harmless, print_json, summary
from pybpe.cli.gpt_data import data_paths, is_shards

if TYPE_CHECKING:
    from pybpe.gpt.inference import Model

ALL_WINDOWS = 1 << 40
BATCH = 16  # windows in a batch


def add_sample(commands: Any) -> None:
    """Add `sample` to the parser."""
    parser = add_command(
        commands,
        "sample",
        "generate text with a GPT",
        "Print text that a model generates. FOLDER is that of a run, of pybpe demo, of pybpe gpt convert, or of a\n"
        "GPT-2 in Hugging Face's layout.",
        "examples:\n  pybpe gpt sample corpus-gpt --prompt 'To be' --tokens 200 --seed 1\n"
        "  pybpe gpt sample pybpe-demo --temperature 0.5 --top-k 40 --top-p 0.9 --number 3",
        run_sample,
    )
    _add_model(parser)
    parser.add_argument(
        "--prompt", type=text_argument, default="", metavar="TEXT", help="the text to continue (the start of a text)"
    )
    parser.add_argument("--special", action="store_true", help="read special tokens in the prompt as tokens (as text)")
    parser.add_argument("--tokens", type=whole(1), default=200, metavar="N", help="maximum number of tokens (200)")
    parser.add_argument(
        "--temperature", type=at_least_0, default=0.8, metavar="T", help="sampling temperature, 0: greedy (0.8)"
    )
    parser.add_argument("--top-k", type=whole(1), metavar="K", help="sample from the K most likely tokens")
    parser.add_argument("--top-p", type=positive, metavar="P", help="nucleus sampling threshold")
    parser.add_argument(
        "--min-p", type=positive, metavar="P", help="minimum probability, relative to the most likely token"
    )
    parser.add_argument(
        "--repetition-penalty", type=positive, default=1.0, metavar="X", help="above 1: fewer repetitions (1)"
    )
    parser.add_argument("--number", type=whole(1), default=1, metavar="N", help="number of texts (1)")
    parser.add_argument("--seed", type=whole(0), metavar="N", help="random seed: the same seed gives the same text")


def add_eval(commands: Any) -> None:
    """Add `eval` to the parser."""
    parser = add_command(
        commands,
        "eval",
        "measure how well a GPT predicts text",
        "Print the loss of a model on text that it was not trained on, also in bits per byte, which compares models\n"
        "of different vocabularies. Without DATA, the text is the held-out text of its run.",
        "examples:\n  pybpe gpt eval corpus-gpt\n  pybpe gpt eval corpus-gpt other.txt --best",
        run_eval,
    )
    _add_model(parser)
    parser.add_argument(
        "data",
        nargs="*",
        metavar="DATA",
        help="text files or folders, or a folder of shards, of which the held-out part is measured",
    )
    add_text_field(parser)
    parser.add_argument("--special", action="store_true", help="read special tokens in text files as tokens (as text)")
    parser.add_argument("--windows", type=whole(1), default=ALL_WINDOWS, metavar="N", help="windows of text (all)")
    add_json(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    from pybpe.gpt.settings import DEVICES

    parser.add_argument("folder", type=place, metavar="FOLDER", help="a folder with a model and its vocabulary")
    parser.add_argument("--best", action="store_true", help="use the weights with the lowest held-out loss")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="device to compute on (auto)")


def run_sample(options: argparse.Namespace) -> None:
    """Print text as it is generated."""
    from pybpe.gpt.inference import open_model
    from pybpe.gpt.sampling import Sampling

    model = open_model(options.folder, options.device, best=options.best)
    prompt = model.encode_prompt(options.prompt, special=options.special)
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
    sampling = Sampling(**{name: getattr(options, name) for name in names})
    for number in range(options.number):
        if number:
            print("\n---")
        print(encodable(options.prompt), end="")
        seed = None if options.seed is None else options.seed + number
        for text in model.stream_text(prompt, options.tokens, sampling, seed=seed):
            print(encodable(harmless(text)), end="", flush=True)
    print()


def run_eval(options: argparse.Namespace) -> None:
    """Measure the loss, and print a summary."""
    from pybpe.gpt.inference import open_model
    from pybpe.gpt.pretrain import evaluate, evaluation_starts
    from pybpe.gpt.vocabulary import bits_per_byte, bytes_per_token

    model = open_model(options.folder, options.device, best=options.best)
    ids, what = _measured(options, model)
    loss = evaluate(model.network, ids, BATCH, options.windows)
    bytes_a_token = bytes_per_token(model.vocabulary, ids)
    context, predictions = min(model.n_ctx, len(ids) - 1), len(ids) - 1
    starts = evaluation_starts(ids, context, options.windows)
    measured = min(predictions, context * len(starts))
    if options.json:
        facts = {"model": str(options.folder), "data": options.data, "loss": loss, "bytes_per_token": bytes_a_token}
        facts |= {"bits_per_byte": bits_per_byte(loss, bytes_a_token), "windows": len(starts), "context": context}
        print_json({**facts, "tokens": len(ids), "parameters": model.n_params, "steps": model.step})
        return
    rows = [
        ("loss", f"{loss:.4f} nats per token, perplexity {math.exp(min(loss, 700)):,.2f}"),
        ("", f"{bits_per_byte(loss, bytes_a_token):.4f} bits per byte, {bytes_a_token:.2f} bytes per token"),
        (
            "text",
            f"{measured:,} of {predictions:,} predictions, in windows of {context:,} tokens",
        ),
        ("model", f"{model.n_params:,} parameters after {model.step:,} steps"),
    ]
    summary(f"{options.folder} on {what}", rows)


def _measured(options: argparse.Namespace, model: Model) -> tuple[Any, str]:
    """Return the ids to measure, integers [n], and a description of them for the summary."""
    from pybpe.gpt.runs.run import read_run_data
    from pybpe.gpt.training_data import read_data, read_ids

    vocabulary = model.vocabulary
    if not options.data:
        unused = [name for name in ("special", "text_field") if getattr(options, name)]
        if unused:
            name = "--" + unused[0].replace("_", "-")
            raise UsageError(f"the text of the run is read as it was for training; leave out {name}, or name DATA")
        _, data = read_run_data(options.folder)
        if data.val is None:
            return data.train, "the text it was trained on, because none was held out"
        return data.val, "its held-out text"
    paths = data_paths(options.data)
    field = text_field(options, paths)
    if is_shards(paths[0]):
        data = read_data(paths, vocabulary, lines=False, seed=0, special=options.special)
        return data.val, f"the held-out part of {paths[0]}"
    return read_ids(paths, vocabulary, text_field=field, special=options.special), ", ".join(options.data)
