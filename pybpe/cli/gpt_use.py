"""`pybpe gpt sample` and `pybpe gpt eval`: generate text with a GPT, and measure its loss on text."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    add_command,
    add_json,
    add_sampling,
    add_text_field,
    place,
    positive,
    text_argument,
    text_field,
    whole,
)
from pybpe.cli.console import UsageError, encodable, harmless, print_json, summary
from pybpe.cli.gpt_data import data_paths, is_shards

if TYPE_CHECKING:
    from pybpe.gpt.finetune.data import ChatData
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
    add_sampling(parser)
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
        "of different vocabularies. Without DATA, the text is the held-out text of its run, or of a run of\n"
        "pybpe gpt finetune the answers in its held-out conversations.",
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


@dataclass(frozen=True)
class Measured:
    """A loss in nats per token, and what it was measured on: n_windows windows of at most `context` tokens.

    tokens: number of tokens of the text. predictions: of how many tokens, in words. what: the text, in words.
    """

    loss: float
    bytes_a_token: float
    n_windows: int
    context: int
    tokens: int
    predictions: str
    what: str


def run_eval(options: argparse.Namespace) -> None:
    """Measure the loss, and print a summary."""
    from pybpe.gpt.inference import open_model
    from pybpe.gpt.vocabulary import bits_per_byte

    model = open_model(options.folder, options.device, best=options.best)
    found = _measure(options, model)
    bits = bits_per_byte(found.loss, found.bytes_a_token)
    if options.json:
        facts = {"model": str(options.folder), "data": options.data, "loss": found.loss}
        facts |= {"bytes_per_token": found.bytes_a_token, "bits_per_byte": bits, "windows": found.n_windows}
        facts |= {"context": found.context, "tokens": found.tokens, "parameters": model.n_params, "steps": model.step}
        print_json(facts)
        return
    rows = [
        ("loss", f"{found.loss:.4f} nats per token, perplexity {math.exp(min(found.loss, 700)):,.2f}"),
        ("", f"{bits:.4f} bits per byte, {found.bytes_a_token:.2f} bytes per token"),
        ("text", found.predictions),
        ("model", f"{model.n_params:,} parameters after {model.step:,} steps"),
    ]
    summary(f"{options.folder} on {found.what}", rows)


def _measure(options: argparse.Namespace, model: Model) -> Measured:
    """Measure the loss on DATA, or on what the run of the folder held out."""
    from pybpe.gpt.finetune.data import ChatData
    from pybpe.gpt.runs.run import read_run_data

    if options.data:
        return _measure_text(options, model, *_given(options, model))
    unused = [name for name in ("special", "text_field") if getattr(options, name)]
    if unused:
        name = "--" + unused[0].replace("_", "-")
        raise UsageError(f"the text of the run is read as it was for training; leave out {name}, or name DATA")
    _, data = read_run_data(options.folder)
    if isinstance(data, ChatData):
        return _measure_answers(options, model, data)
    if data.val is None:
        return _measure_text(options, model, data.train, "the text it was trained on, because none was held out")
    return _measure_text(options, model, data.val, "its held-out text")


def _measure_text(options: argparse.Namespace, model: Model, ids: Any, what: str) -> Measured:
    """Measure the loss on ids, integers [n]. what: the text, in words."""
    from pybpe.gpt.pretrain import evaluate, evaluation_starts
    from pybpe.gpt.vocabulary import bytes_per_token

    loss = evaluate(model.network, ids, BATCH, options.windows)
    context, predictions = min(model.n_ctx, len(ids) - 1), len(ids) - 1
    n_windows = len(evaluation_starts(ids, context, options.windows))
    measured = min(predictions, context * n_windows)
    text = f"{measured:,} of {predictions:,} predictions, in windows of {context:,} tokens"
    return Measured(loss, bytes_per_token(model.vocabulary, ids), n_windows, context, len(ids), text, what)


def _measure_answers(options: argparse.Namespace, model: Model, data: ChatData) -> Measured:
    """Measure the loss on the answers in the conversations that a run held out, or in all if it held out none."""
    from pybpe.gpt.vocabulary import bytes_per_token

    conversations, what = data.held_out, "its held-out conversations"
    if conversations is None:
        conversations, what = data.conversations, "the conversations it was trained on, because none were held out"
    n_windows = min(options.windows, len(conversations))
    conversations = conversations.take(range(n_windows))
    loss, n_targets = conversations.loss(model.network, BATCH), len(conversations.targets)
    text = f"{n_targets:,} predictions: what the assistant says in {n_windows:,} conversations"
    bytes_a_token = bytes_per_token(model.vocabulary, conversations.targets)
    context = int(conversations.lengths.max())
    return Measured(loss, bytes_a_token, n_windows, context, len(conversations.ids), text, what)


def _given(options: argparse.Namespace, model: Model) -> tuple[Any, str]:
    """Return the ids of DATA, integers [n], and what they are, in words."""
    from pybpe.gpt.training_data import read_data, read_ids

    vocabulary = model.vocabulary
    paths = data_paths(options.data)
    field = text_field(options, paths)
    if is_shards(paths[0]):
        data = read_data(paths, vocabulary, lines=False, seed=0, special=options.special)
        return data.val, f"the held-out part of {paths[0]}"
    return read_ids(paths, vocabulary, text_field=field, special=options.special), ", ".join(options.data)
