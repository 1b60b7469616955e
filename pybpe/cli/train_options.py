"""The options of `pybpe train`, and the checks for options that contradict each other."""

from __future__ import annotations

import argparse

from pybpe.cli.arguments import MOST_THREADS, MOST_TOKENS, STDIN, add_json, add_text_field, place, whole
from pybpe.cli.console import UsageError
from pybpe.cli.train_evaluation import add_evaluation_options

VOCAB_SIZE = 32768
SPECIAL = "<|endoftext|>"
SENTENCEPIECE = "sentencepiece"
NORMALIZERS = ("NFC", "NFD", "NFKC", "NFKD", "nfkc", "nmt_nfkc")
WHOLE = ("whole", "none")  # values of --pattern that keep texts whole; in Python, the pattern is None
CONVENTIONS = ("pybpe", "rustbpe", "huggingface", "minbpe", "tiktoken", SENTENCEPIECE)

EXAMPLES = """\
examples:
  pybpe train corpus.txt --vocab-size 32768 -o corpus.pybpe
  pybpe train 'data/*.jsonl.gz' --pattern o200k --special '<s>' --special '</s>'
  pybpe train corpus.txt --extend corpus.pybpe --vocab-size 40000 -o larger.pybpe
  pybpe train a.txt --save-counts a.npz
  pybpe train --counts a.npz b.npz --convention huggingface
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all arguments and options of the command."""
    parser.add_argument(
        "corpus",
        nargs="*",
        metavar="FILE",
        help="text, .jsonl or .parquet files, compressed (.gz, .zst) or not, or globs ('data/*.txt'); - is stdin",
    )
    add_text_field(parser)
    parser.add_argument(
        "-o", "--output", type=place, metavar="OUT", help="the file to write (default: corpus.pybpe here)"
    )
    parser.add_argument("--force", action="store_true", help="replace existing output files")
    parser.add_argument("--threads", type=whole(1, MOST_THREADS), metavar="N", help="counting threads (one per core)")
    add_json(parser)
    _add_vocabulary(parser.add_argument_group("the vocabulary"))
    _add_counting(parser.add_argument_group("words and their counts"))
    add_evaluation_options(parser)


def _add_vocabulary(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--vocab-size",
        type=whole(256, MOST_TOKENS),
        metavar="N",
        help=f"number of tokens: 256 bytes and the merges ({VOCAB_SIZE}); with --convention huggingface, special "
        "tokens too; with --extend, all ids",
    )
    group.add_argument(
        "--pattern",
        action="append",
        metavar="NAME|REGEX",
        help="split pattern: gpt2, gpt4, cl100k, ..., or whole to keep texts whole (gpt4); repeatable, each pattern "
        "splits the words of the one before",
    )
    group.add_argument("--special", action="append", metavar="TOKEN", help=f"a special token, repeatable ({SPECIAL})")
    group.add_argument("--no-special", action="store_true", help="no special tokens")
    group.add_argument(
        "--special-in-text",
        choices=("cut", "learn"),
        help="special tokens in the text: cut them out, or learn from them (default: that of the convention, which is "
        "cut for pybpe)",
    )
    group.add_argument(
        "--convention",
        choices=CONVENTIONS,
        help="trainer to reproduce: its order of ties and its ids (pybpe, the same as rustbpe)",
    )
    group.add_argument(
        "--initial-alphabet", metavar="CHARS", help="characters that become tokens, whatever their frequency"
    )
    group.add_argument(
        "--min-frequency", type=whole(1), default=1, metavar="N", help="minimum frequency of a pair to be merged (1)"
    )
    group.add_argument(
        "--normalizer",
        choices=NORMALIZERS,
        help="normal form of all text: NFC, NFD, NFKC or NFKD; with --convention sentencepiece, nfkc or nmt_nfkc",
    )
    group.add_argument("--max-token-length", type=whole(1), metavar="BYTES", help="maximum length of a token in bytes")
    group.add_argument(
        "--extend", metavar="TOKENIZER", help="tokenizer to extend by more merges; its ids do not change"
    )
    group.add_argument(
        "--keep-on-interrupt", action="store_true", help="on Ctrl-C, stop merging and write the tokens learned so far"
    )


def _add_counting(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-words", type=whole(1), metavar="N", help="maximum number of distinct words; counts are then inexact"
    )
    group.add_argument(
        "--counts",
        nargs="+",
        metavar="FILE",
        help="train on the sum of these word counts (.npz, .parquet), not on text",
    )
    group.add_argument("--save-counts", type=place, metavar="FILE", help="also write word counts (.npz or .parquet)")


def check_options(options: argparse.Namespace) -> None:
    """Raise UsageError for options that contradict each other."""
    if options.no_special and options.special:
        raise UsageError("--special and --no-special contradict each other; leave out one of them")
    if not options.corpus and not options.counts:
        raise UsageError("there is nothing to learn from; name a text file (- is stdin); see: pybpe train --help")
    if options.counts:
        _check_counts(options)
    if options.extend:
        _check_extend(options)
    if options.convention == SENTENCEPIECE:
        _check_sentencepiece(options)
    patterns = options.pattern or []
    if len(patterns) > 1 and (whole_ := [name for name in patterns if name in WHOLE]):
        raise UsageError(f"--pattern {whole_[0]} keeps texts whole and stands alone; leave out the other patterns")


def _check_sentencepiece(options: argparse.Namespace) -> None:
    given = {
        "--pattern": options.pattern,
        "--special-in-text": options.special_in_text,
        "--initial-alphabet": options.initial_alphabet,
        "--min-frequency": options.min_frequency > 1,
        "--max-token-length": options.max_token_length,
    }
    if wrong := [name for name, value in given.items() if value]:
        raise UsageError(f"--convention sentencepiece does not support {' and '.join(wrong)}; leave it out")


def _check_counts(options: argparse.Namespace) -> None:
    if STDIN in options.counts:
        raise UsageError("counts cannot come from standard input; name a file with --counts")
    if options.corpus:
        raise UsageError(
            "--counts replaces text; count the text first with --save-counts, then give both with --counts"
        )
    for name in ("pattern", "special_in_text", "held_out", "text_field"):
        if getattr(options, name) is not None:
            raise UsageError(f"{_typed(name)} applies to text, and --counts has counted it already; leave it out")
    if options.report and not options.eval:
        raise UsageError("--report needs text to measure on, which counts are not; name some with --eval FILE")


def _check_extend(options: argparse.Namespace) -> None:
    for name in ("convention", "special", "initial_alphabet", "normalizer"):
        if getattr(options, name) is not None:
            raise UsageError(f"{_typed(name)} is fixed by the tokenizer of --extend; leave it out")
    if options.no_special:
        raise UsageError("--extend keeps the special tokens that there are; leave out --no-special")
    if options.vocab_size is None:
        raise UsageError("--extend needs --vocab-size, the new number of ids in all; see: pybpe info TOKENIZER")
    if len(options.pattern or []) > 1:
        raise UsageError("a rank file has one --pattern; leave out the others")


def _typed(name: str) -> str:
    return "--" + name.replace("_", "-")
