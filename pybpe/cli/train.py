"""`pybpe train`: a corpus becomes a tokenizer file."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    MOST_THREADS,
    MOST_TOKENS,
    STDIN,
    add_text_field,
    check_inputs,
    check_output_file,
    default_name,
    place,
    text_field,
    whole,
)
from pybpe.cli.console import UsageError, escaped, progress, summary, typed
from pybpe.cli.train_corpus import Corpus
from pybpe.cli.train_evaluation import EvaluationText, add_evaluation_options
from pybpe.units import rate, ratio, seconds, size

if TYPE_CHECKING:
    from pybpe import Tokenizer

SHOWN_TOKENS = 12


def add_commands(commands: Any) -> None:
    """Add `train`."""
    parser = commands.add_parser(
        "train",
        help="learn a tokenizer from text",
        description="Learn a tokenizer from text files and write it to one file.",
        epilog="example:\n  pybpe train corpus.txt --vocab-size 32768 -o corpus.pybpe",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "corpus",
        nargs="+",
        metavar="FILE",
        help="text, .jsonl or .parquet files, packed (.gz, .zst) or not, or globs ('data/*.txt'); - is stdin",
    )
    add_text_field(parser)
    parser.add_argument(
        "-o", "--output", type=place, metavar="OUT", help="the file to write (default: corpus.pybpe here)"
    )
    parser.add_argument(
        "--vocab-size",
        type=whole(256, MOST_TOKENS),
        default=32768,
        metavar="N",
        help="tokens: 256 bytes and the merges (32768)",
    )
    parser.add_argument(
        "--pattern", default="gpt4", metavar="NAME|REGEX", help="how text is split: gpt2, gpt4, cl100k, ... (gpt4)"
    )
    parser.add_argument(
        "--special", action="append", metavar="TOKEN", help="a special token, repeatable (<|endoftext|>)"
    )
    parser.add_argument("--no-special", action="store_true", help="no special tokens")
    parser.add_argument(
        "--min-frequency", type=whole(1), default=1, metavar="N", help="leave pairs that occur fewer times alone (1)"
    )
    parser.add_argument("--threads", type=whole(1, MOST_THREADS), metavar="N", help="for counting (one a core)")
    parser.add_argument("--force", action="store_true", help="replace the output if it exists")
    add_evaluation_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Check everything first, then train, write and say what came out."""
    from pybpe import Tokenizer
    from pybpe.patterns import prepare

    if options.no_special and options.special:
        raise UsageError("--special and --no-special contradict each other; leave out one of them")
    files = [] if options.corpus == [STDIN] else check_inputs(options.corpus)
    evaluation = EvaluationText(options)
    field = text_field(options, [*files, *evaluation.files])
    corpus = Corpus(files, prepare(options.pattern).pattern, field, options.held_out)
    output = options.output or Path(default_name(corpus.files, "tokenizer") + ".pybpe")
    check_output_file(output, [*corpus.files, *evaluation.files], options.force)
    evaluation.check(output, corpus)
    began = time.perf_counter()
    with progress() as report:
        tokenizer = Tokenizer.train(
            corpus.source(),
            vocab_size=options.vocab_size,
            pattern=options.pattern,
            special_tokens=[] if options.no_special else options.special or ["<|endoftext|>"],
            min_frequency=options.min_frequency,
            threads=options.threads,
            progress=corpus.watched(report),
            text_field=corpus.text_field,
        )
    taken = time.perf_counter() - began
    tokenizer.save(output)
    evaluation.measure(tokenizer, output, corpus)
    summary(f"trained {output}", rows(tokenizer, corpus, output, taken), next_command(output, options.corpus, corpus))


def rows(tokenizer: Tokenizer, corpus: Corpus, output: Path, taken: float) -> list[tuple[str, str]]:
    """The closing table."""
    from pybpe.view import first_merges, longest_tokens, readable

    def show(ids: list[int]) -> str:
        return "  ".join(readable(tokenizer.token_bytes(token), 24) for token in ids)

    measured, n_tokens = corpus.measure(tokenizer)
    share = "all of it" if measured == corpus.n_bytes else f"its first {size(measured)}"
    n_special = len(tokenizer.special_tokens)
    n_merges = len(tokenizer.merges)
    return [
        ("vocabulary", f"{tokenizer.n_vocab:,} tokens: 256 bytes, {n_merges:,} merges, {n_special} special"),
        ("corpus", size(corpus.n_bytes)),
        ("time", f"{seconds(taken)}, {rate(corpus.n_bytes, taken)} for counting and merging"),
        ("bytes per token", f"{ratio(measured, n_tokens)} on {share}"),
        ("first tokens", show(first_merges(tokenizer, SHOWN_TOKENS))),
        ("longest tokens", show(longest_tokens(tokenizer, SHOWN_TOKENS // 2))),
        ("file", f"{escaped(str(output))}, {size(output.stat().st_size)}"),
    ]


def next_command(output: Path, names: list[str], corpus: Corpus) -> str:
    """What to type after training on the files and globs `names`."""
    from pybpe.readers.documents import TEXT_FIELD

    if not corpus.lasting:
        return f"pybpe encode {typed(output)} --text 'Hello world'"
    field = [] if corpus.text_field == TEXT_FIELD else ["--text-field", typed(corpus.text_field)]
    return " ".join(["pybpe encode", typed(output), *map(typed, names), *field])
