"""Speed and memory of pybpe beside its peers, measured in turn in one run, after their results were found equal.

    pip install '.[bench]'
    python scripts/bench.py                                # the text inside Python, a vocabulary trained on it
    python scripts/bench.py --texts english.txt code.txt multi.txt \\
        --ranks r50k_base.tiktoken cl100k_base.tiktoken o200k_base.tiktoken --json bench.json
    python scripts/bench.py ... --only numpy list          # some groups of rows
    python scripts/bench.py ... --only strings one-thread  # 100 characters and 4 KB a call; documents on one thread
    python scripts/bench.py --texts english.txt --only models --models qwen3/tokenizer.json mistral_v1/tokenizer.model
    python scripts/bench.py ... --only gpt --names names.txt --shakespeare tinyshakespeare.txt   # the micro GPT
    python scripts/bench.py ... --readme                   # into README.md and docs/
    python scripts/bench.py --from bench.json --readme     # the same from finished runs, without measuring

Each round runs every contender once, one after the other; what is printed are medians over the rounds, and medians of
the ratios within a round, which a machine that slows down or speeds up between rounds does not change. A speed is
printed only for ids that equal tiktoken's (for --models, those of tokenizers or sentencepiece): where pybpe's do not,
nothing is, and the run ends with status 1; a peer is left out and named.

groups of rows, for --only:
    numpy         one text to an array and to a list
    first         one text to an array by a tokenizer just opened
    documents     4 KB documents in one call on two threads: arrays, lists, counts
    one-thread    the same on one thread
    count         the ids of one text, counted
    strings       100 characters a call: to a list, with disallowed_special=(), through tiktoken's `encode`, to an
                  array, counted; and 4 KB a call to a list
    decode        ids to bytes
    models        100 characters, 4 KB, 10 MB and documents to lists, with the files of --models and with a vocabulary
                  of CLIP's form trained on the texts, beside tokenizers and sentencepiece
    pattern       a pattern of no known family
    adversarial   hostile inputs; growth: their time by their length; spaces: 100,000,000 spaces
    open, import  time to the first ids; memory: growth after unique words
    training      from a file to merges; counting: the words of a file
    transformers  a tokenizer of transformers, with pybpe and without
    gpt           the micro GPT, with --names and --shakespeare
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "2"  # of the packages whose threads cannot be set otherwise; read at their import
os.environ["TIKTOKEN_CACHE_DIR"] = ""  # tiktoken reads the rank file itself and not a copy of it

import shared_code  # noqa: F401 (finds what follows)
from support.benchmarks import adversarial, encoding, faces, fresh, gpt, memory, models, pages, pattern, training
from support.benchmarks.conditions import conditions
from support.benchmarks.peers import Encoding, installed, open_peers
from support.benchmarks.results import Report, Result
from support.benchmarks.rows import ROWS
from support.benchmarks.tables import full, number
from support.benchmarks.texts import Text, chinese_and_japanese, read_texts

from pybpe import Tokenizer
from pybpe.encodings.registry import by_sha256
from pybpe.pretokenization.patterns import CL100K

ON_A_TEXT = {
    "numpy": encoding.one_text,
    "first": encoding.first_pass,
    "documents": encoding.documents,
    "one-thread": encoding.documents_on_one,
    "count": encoding.count,
    "strings": encoding.short_texts,
    "decode": encoding.decoding,
}
GROUPS = (
    *ON_A_TEXT,
    *("models", "pattern", "adversarial", "growth", "spaces", "open", "import", "memory", "training", "counting"),
    *("transformers", "gpt"),
)


def public_encoding(path: Path) -> Encoding:
    """A public rank file, known by its content."""
    known = by_sha256(hashlib.sha256(path.read_bytes()).hexdigest())
    if known is None:
        sys.exit(f"bench: {path} is not a public rank file that pybpe knows")
    return Encoding(known.name, path, known.pattern, known.special_tokens)


def trained_encoding(texts: list[Text], folder: Path) -> Encoding:
    """A vocabulary trained on the texts, where no rank file is given."""
    tokenizer = Tokenizer.train(iter([text.content for text in texts]), 4_096, pattern=CL100K, progress=False)
    path = folder / "trained.tiktoken"
    tokenizer.to_tiktoken(path)
    return Encoding("4,096 tokens trained on the text", path, tokenizer.pattern, tokenizer.special_tokens)


def measure(
    arguments: argparse.Namespace, texts: list[Text], vocabulary: Encoding, absent: list[str]
) -> Iterator[Result]:
    """Every result for one encoding, as it is found."""
    peers, missing = open_peers(vocabulary)
    absent.extend(reason for reason in missing if reason not in absent)
    rounds, wanted = arguments.rounds, arguments.only
    cjk = chinese_and_japanese(texts)
    for text in texts:
        case = encoding.Case(text, vocabulary, peers, rounds)
        for group, rows in ON_A_TEXT.items():
            if group in wanted:
                yield from rows(case)
    if cjk is not None and "numpy" in wanted:
        yield from encoding.one_text(encoding.Case(cjk, vocabulary, peers, rounds))
    if "pattern" in wanted:
        yield from pattern.other_pattern(texts, vocabulary, rounds)
    others = [name for name in peers if name != "pybpe"]
    if "adversarial" in wanted:
        yield from adversarial.worst_inputs(texts[0], vocabulary, others, rounds)
    if "growth" in wanted:
        yield from adversarial.growth(vocabulary, arguments.largest)
    if "spaces" in wanted:
        yield from adversarial.many_spaces(vocabulary)
    if "open" in wanted:
        yield from fresh.opening(vocabulary, others, rounds)
    if "memory" in wanted:
        yield from memory.memory(vocabulary, others, arguments.unique_megabytes)


def measure_all(arguments: argparse.Namespace, folder: Path) -> Report:
    """A whole run; each result is printed as it is found."""
    only_gpt = list(arguments.only) == ["gpt"]
    of_gpt = list(filter(None, [arguments.names, arguments.shakespeare]))
    texts = read_texts(of_gpt if only_gpt else arguments.texts, arguments.megabytes)
    encodings = [public_encoding(path) for path in arguments.ranks]
    without = {"models", "gpt", "training", "counting", "import"}  # that need no rank file
    without |= {"transformers"} if arguments.tokenizers else set()
    if not encodings and not set(arguments.only) <= without:
        encodings = [trained_encoding(texts, folder)]
    absent: list[str] = []
    results: list[Result] = []

    def keep(found: Iterator[Result]) -> None:
        for result in found:
            results.append(result)
            print(line(result), flush=True)

    for vocabulary in encodings:
        keep(measure(arguments, texts, vocabulary, absent))
    if "models" in arguments.only:
        files = list(arguments.models)
        if installed("tokenizers"):
            files.append(models.clip_like(texts, folder / "clip-like.json"))
        else:
            absent.append("tokenizers is not installed")
        for path in files:
            keep(models.models(texts, path, arguments.rounds, absent))
    if "transformers" in arguments.only:
        if installed("transformers"):
            for path in arguments.tokenizers or [vocabulary.path for vocabulary in encodings]:
                keep(faces.transformers(texts, path, folder, arguments.rounds))
        else:
            absent.append("transformers is not installed")
    if "import" in arguments.only:
        keep(fresh.importing(arguments.rounds))
    if "gpt" in arguments.only:
        if arguments.names:
            keep(gpt.names(arguments.names, folder, arguments.rounds))
        if arguments.shakespeare:
            keep(gpt.training(arguments.shakespeare, arguments.rounds))
    for text in texts:
        if "training" in arguments.only:
            for vocab_size in arguments.vocab_sizes:
                keep(training.training(text, vocab_size, arguments.rounds))
            keep(training.without_pattern(text, arguments.rounds))
        if "counting" in arguments.only:
            keep(training.counting(text, arguments.rounds))
    return Report(conditions(texts, encodings, arguments.rounds, absent), results)


def line(result: Result) -> str:
    """One result, for who watches."""
    what = ", ".join(filter(None, [ROWS[result.row], result.text, result.encoding]))
    values = "  ".join(f"{name} {number(value)} {result.unit}" for name, value in result.values.items())
    lead = f"  [{result.ratios[result.best_peer]:.2f}x {result.best_peer}]" if result.best_peer else ""
    return f"{what}: {values}{lead}" + (f"  ({'; '.join(result.notes)})" if result.notes else "")


def model_file(word: str) -> Path:
    """A path of --models. Raises ArgumentTypeError for a file of a kind that no row is about."""
    path = Path(word)
    if path.suffix not in models.REFERENCES:
        raise argparse.ArgumentTypeError(f"{word!r} is of no known kind; name a tokenizer.json or a .model file")
    return path


def main() -> None:
    """Measure or read, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", nargs="+", type=Path, default=[], help="UTF-8 files to measure on")
    parser.add_argument("--ranks", nargs="+", type=Path, default=[], help="public .tiktoken files")
    parser.add_argument(
        "--tokenizers",
        nargs="+",
        type=Path,
        default=[],
        help="tokenizer.json files, folders of GPT-2's; for transformers",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        type=model_file,
        default=[],
        help="tokenizer.json files and sentencepiece's .model files; for models",
    )
    parser.add_argument("--names", type=Path, help="lines to train microgpt on, for gpt")
    parser.add_argument("--shakespeare", type=Path, help="a text to train a larger GPT on, for gpt; needs torch")
    parser.add_argument("--megabytes", type=float, help="of each text, only so many")
    parser.add_argument(
        "--rounds", type=int, default=7, help="of which medians are taken (7); fewer will do for training and models"
    )
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="ROWS", help=f"groups: {', '.join(GROUPS)}"
    )
    parser.add_argument("--largest", type=int, default=64, help="millions of hostile characters to go up to")
    parser.add_argument("--unique-megabytes", type=float, default=1000, help="of unique words, for memory")
    parser.add_argument("--vocab-sizes", nargs="+", type=int, default=[8_192, 32_768, 131_072], help="for training")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--from", dest="finished", nargs="+", type=Path, help="join what --json wrote, measure nothing")
    parser.add_argument("--readme", action="store_true", help="put the results into README.md and docs/")
    arguments = parser.parse_args()
    if arguments.finished:
        try:
            report = Report.joined([Report.read(path) for path in arguments.finished])
        except ValueError as error:
            sys.exit(f"bench: {error}")
    else:
        with tempfile.TemporaryDirectory() as folder:
            report = measure_all(arguments, Path(folder))
        print("\n".join(["", *full(report)]))
    if arguments.json:
        report.write(arguments.json)
    if report.wrong:
        sys.exit("bench: wrong results:\n" + "\n".join(map(line, report.wrong)))
    if arguments.readme:
        pages.publish(report)


if __name__ == "__main__":
    main()
