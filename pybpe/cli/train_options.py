"""The options of `pybpe train`, and which of them contradict each other."""

from __future__ import annotations

import argparse

from pybpe.cli.arguments import MOST_THREADS, MOST_TOKENS, STDIN, add_json, add_text_field, place, whole
from pybpe.cli.console import UsageError
from pybpe.cli.train_evaluation import add_evaluation_options

VOCAB_SIZE = 32768
SPECIAL = "<|endoftext|>"
SENTENCEPIECE = "sentencepiece"
NORMALIZERS = ("NFC", "NFD", "NFKC", "NFKD", "nfkc", "nmt_nfkc")
WHOLE = ("whole", "none")  # names of the pattern that splits nothing; none is what Python calls it
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
    """Everything that the command takes."""
    parser.add_argument(
        "corpus",
        nargs="*",
        metavar="FILE",
        help="text, .jsonl or .parquet files, packed (.gz, .zst) or not, or globs ('data/*.txt'); - is stdin",
    )
    add_text_field(parser)
    parser.add_argument(
        "-o", "--output", type=place, metavar="OUT", help="the file to write (default: corpus.pybpe here)"
    )
    parser.add_argument("--force", action="store_true", help="replace the files to write if they exist")
    parser.add_argument("--threads", type=whole(1, MOST_THREADS), metavar="N", help="for counting (one a core)")
    add_json(parser)
    _add_vocabulary(parser.add_argument_group("the vocabulary"))
    _add_counting(parser.add_argument_group("words and their counts"))
    add_evaluation_options(parser)


def _add_vocabulary(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--vocab-size",
        type=whole(256, MOST_TOKENS),
        metavar="N",
        help=f"tokens: 256 bytes and the merges ({VOCAB_SIZE}); special ones too with huggingface; all with --extend",
    )
    group.add_argument(
        "--pattern",
        action="append",
        metavar="NAME|REGEX",
        help="how text is split: gpt2, gpt4, cl100k, ..., whole to keep texts whole (gpt4); repeatable, each splits "
        "the words of the one before",
    )
    group.add_argument("--special", action="append", metavar="TOKEN", help=f"a special token, repeatable ({SPECIAL})")
    group.add_argument("--no-special", action="store_true", help="no special tokens")
    group.add_argument(
        "--special-in-text",
        choices=("cut", "learn"),
        help="special tokens in the text: cut them out, or learn from them (as the convention does: pybpe cuts)",
    )
    group.add_argument(
        "--convention",
        choices=CONVENTIONS,
        help="whose trainer to equal, in the order of ties and the layout of ids (pybpe, which is rustbpe)",
    )
    group.add_argument(
        "--initial-alphabet", metavar="CHARS", help="characters that are to be tokens, however rare they are"
    )
    group.add_argument(
        "--min-frequency", type=whole(1), default=1, metavar="N", help="leave pairs that occur fewer times alone (1)"
    )
    group.add_argument(
        "--normalizer",
        choices=NORMALIZERS,
        help="a normal form for all text: one of tokenizers; of --convention sentencepiece, nfkc or nmt_nfkc",
    )
    group.add_argument("--max-token-length", type=whole(1), metavar="BYTES", help="make no longer tokens")
    group.add_argument(
        "--extend", metavar="TOKENIZER", help="go on with this tokenizer of any kind; no id of it changes"
    )
    group.add_argument(
        "--keep-on-interrupt", action="store_true", help="let Ctrl-C end the merging, and write what was learned"
    )


def _add_counting(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-words", type=whole(1), metavar="N", help="remember no more different words: less memory, inexact counts"
    )
    group.add_argument(
        "--counts", nargs="+", metavar="FILE", help="learn from these counts (.npz, .parquet), added up, not from text"
    )
    group.add_argument("--save-counts", type=place, metavar="FILE", help="write the counts too (.npz or .parquet)")


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
        raise UsageError(f"--convention sentencepiece has no place for {' and '.join(wrong)}; leave it out")


def _check_counts(options: argparse.Namespace) -> None:
    if STDIN in options.counts:
        raise UsageError("counts cannot come from standard input; name a file with --counts")
    if options.corpus:
        raise UsageError("--counts stands in place of text; count the text first with --save-counts, then give both")
    for name in ("pattern", "special_in_text", "held_out", "text_field"):
        if getattr(options, name) is not None:
            raise UsageError(f"{_typed(name)} is about text, which --counts has read already; leave it out")
    if options.report and not options.eval:
        raise UsageError("--report needs text to measure on, which counts are not; name some with --eval FILE")


def _check_extend(options: argparse.Namespace) -> None:
    for name in ("convention", "special", "initial_alphabet", "normalizer"):
        if getattr(options, name) is not None:
            raise UsageError(f"{_typed(name)} is settled by the tokenizer that --extend names; leave it out")
    if options.no_special:
        raise UsageError("--extend keeps the special tokens that there are; leave out --no-special")
    if options.vocab_size is None:
        raise UsageError("--extend needs --vocab-size, the number of all ids afterwards; see: pybpe info TOKENIZER")
    if len(options.pattern or []) > 1:
        raise UsageError("a rank file has one --pattern; leave out the others")


def _typed(name: str) -> str:
    return "--" + name.replace("_", "-")
