"""`pybpe count`: count the tokens of files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import STDIN, add_command, add_json, add_text_field, check_inputs, read_stdin, text_field
from pybpe.cli.console import escaped, print_columns, print_json, progress
from pybpe.cli.tokenizers import add_tokenizer, open_tokenizer
from pybpe.util.units import ratio

if TYPE_CHECKING:
    from pybpe import Tokenizer


def add_commands(commands: Any) -> None:
    """Add `count`."""
    parser = add_command(
        commands,
        "count",
        "count tokens",
        "Count the tokens of files.",
        "example:\n  pybpe count corpus.pybpe README.md 'docs/*.md'",
        run,
    )
    add_tokenizer(parser)
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="text, .jsonl or .parquet files, compressed (.gz, .zst) or not, or globs; - is stdin",
    )
    add_text_field(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Print a row per file and their sum: a table in a terminal, columns separated by tabs elsewhere."""
    from pybpe.data.readers.documents import text_size

    named = [] if options.files == [STDIN] else check_inputs(options.files)
    field = text_field(options, named)
    files: Sequence[Path | None] = named or [None]
    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    counts = []
    total = text_size(named) or None
    with progress("bytes") as callback:
        done = 0
        for path in files:
            n_tokens = n_bytes = 0
            for chunk in _chunks(path, tokenizer, field):
                n_tokens += tokenizer.count(chunk)
                n_bytes += len(chunk)
                callback("counting", done + n_bytes, total)
            done += n_bytes
            counts.append(("-" if path is None else str(path), n_tokens, n_bytes))
    if options.json:
        each = [{"file": name, "tokens": n_tokens, "bytes": n_bytes} for name, n_tokens, n_bytes in counts]
        print_json({"files": each, "tokens": sum(count[1] for count in counts), "bytes": done})
        return
    if len(counts) > 1:
        counts.append(("total", sum(count[1] for count in counts), done))
    _print_counts(counts)


def _chunks(path: Path | None, tokenizer: Tokenizer, field: str) -> Iterator[bytes]:
    from pybpe.data.documents import read_documents

    if path is None:
        return read_stdin(tokenizer)
    return (chunk for chunk, _ in read_documents([path], tokenizer.cut, field))


def _print_counts(counts: list[tuple[str, int, int]]) -> None:
    if not sys.stdout.isatty():
        print("tokens\tbytes\tbytes/token\tfile")
        for name, n_tokens, n_bytes in counts:
            print(n_tokens, n_bytes, ratio(n_bytes, n_tokens), escaped(name), sep="\t")
        return
    rows = [
        (f"{n_tokens:,}", f"{n_bytes:,}", ratio(n_bytes, n_tokens), escaped(name)) for name, n_tokens, n_bytes in counts
    ]
    print_columns([("tokens", "bytes", "bytes/token", "file"), *rows], left=3)
