"""`pybpe encode`, `decode` and `count`: text to ids and back."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    STDIN,
    add_command,
    add_text_field,
    add_tokenizer,
    check_inputs,
    check_output_folder,
    default_name,
    open_tokenizer,
    place,
    text_argument,
    text_field,
)
from pybpe.cli.console import (
    UsageError,
    escaped,
    note,
    out,
    print_columns,
    progress,
    standard_input,
    summary,
    typed,
    write_bytes,
)
from pybpe.util.units import rate, ratio, seconds, size

if TYPE_CHECKING:
    from pybpe import Tokenizer
    from pybpe.data.readers.documents import Piece

IDS_A_STEP = 1 << 20  # decoded at a time
READ_CHARS = 1 << 20
BETWEEN_IDS = r"[\s,\[\]]+"


def add_commands(commands: Any) -> None:
    """Add `encode`, `decode` and `count`."""
    encode = _add(
        commands,
        "encode",
        "turn text into ids",
        "Encode files into shards of ids, or a short text into ids on standard output.\n"
        "A run that was stopped goes on where it was when the same command is typed again.",
        "examples:\n  pybpe encode corpus.pybpe corpus.txt -o corpus-shards\n"
        "  pybpe encode corpus.pybpe --text 'Hello world'\n  echo Hello | pybpe encode corpus.pybpe -",
        run_encode,
    )
    encode.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="text, .jsonl or .parquet files, packed (.gz, .zst) or not, or globs; - is stdin, its ids go to stdout",
    )
    encode.add_argument(
        "-o", "--output", type=place, metavar="FOLDER", help="folder of shards (default: corpus-shards)"
    )
    add_text_field(encode)
    encode.add_argument("--set", default="train", metavar="NAME", help="the shards' name in the folder (train)")
    encode.add_argument("--text", type=text_argument, metavar="TEXT", help="print the ids of this text")
    encode.add_argument("--show", action="store_true", help="with --text or -: show the tokens in colour instead")
    encode.add_argument(
        "--allow-special", action="store_true", help="with --text or -: special tokens in the text become their ids"
    )
    decode = _add(
        commands,
        "decode",
        "turn ids into text",
        "Print the text of ids: given as arguments, on standard input, or in a folder of shards.\n"
        "In shards each document ends with the special token <|endoftext|>, which is printed like any other token;\n"
        "--no-special leaves it out.",
        "examples:\n  pybpe decode corpus.pybpe 318 257 11\n"
        "  pybpe decode corpus.pybpe corpus-shards --no-special > corpus.txt",
        run_decode,
    )
    decode.add_argument("ids", nargs="*", metavar="ID|FOLDER", help="ids, or a folder of shards; - or nothing is stdin")
    decode.add_argument("--set", metavar="NAME", help="which shards of the folder (all)")
    decode.add_argument(
        "--no-special", action="store_true", help="leave special tokens out, such as the <|endoftext|> in shards"
    )
    count = _add(
        commands,
        "count",
        "count tokens",
        "Count the tokens of files.",
        "example:\n  pybpe count corpus.pybpe README.md 'docs/*.md'",
        run_count,
    )
    count.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="text, .jsonl or .parquet files, packed (.gz, .zst) or not, or globs; - is stdin",
    )
    add_text_field(count)


def _add(commands: Any, *words: Any) -> argparse.ArgumentParser:
    """A command whose first argument is a tokenizer."""
    parser = add_command(commands, *words)
    add_tokenizer(parser)
    return parser


def run_encode(options: argparse.Namespace) -> None:
    """Files into shards; a text or standard input into printed ids."""
    to_stdout = options.text is not None or options.files == [STDIN]
    if options.text is not None and options.files:
        raise UsageError("give either files or --text, not both")
    if not to_stdout and not options.files:
        raise UsageError("nothing to encode; name a file, or use --text 'some text', or - for standard input")
    if not to_stdout and (options.show or options.allow_special):
        raise UsageError("--show and --allow-special go with --text or - only; leave them out")
    files = [] if to_stdout else check_inputs(options.files)
    field = text_field(options, files)
    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    if to_stdout:
        pieces = [options.text] if options.text is not None else _read_stdin(tokenizer)
        _print_ids(tokenizer, pieces, options.show, options.allow_special)
        return
    folder: Path = options.output or Path(default_name(files, "corpus") + "-shards")
    check_output_folder(folder)
    _write_shards(tokenizer, files, field, folder, options)


def _read_stdin(tokenizer: Tokenizer) -> Iterator[bytes]:
    from pybpe.data.documents import read_stream

    return read_stream(standard_input().buffer, tokenizer.cut)


def _print_ids(tokenizer: Tokenizer, pieces: Iterable[str | bytes], show: bool, special: bool) -> None:
    """The ids on one line, or the tokens in colour; `special` makes special tokens in the text their ids."""
    from pybpe.reports.view import to_terminal
    from pybpe.util.utf8 import to_utf8

    allowed: set[str] = set()
    if special:
        allowed = set(tokenizer.special_tokens)
        pieces = [b"".join(to_utf8(piece) for piece in pieces)]  # a special token must not be cut in two
    between = ""
    for piece in pieces:
        ids = tokenizer.encode(piece, allowed_special=allowed, disallowed_special=())
        if show:
            out().print(to_terminal(tokenizer, ids), soft_wrap=True, end="")
        elif ids:
            print(between, " ".join(map(str, ids)), sep="", end="")
            between = " "
    print()


def _write_shards(
    tokenizer: Tokenizer, files: list[Path], field: str, folder: Path, options: argparse.Namespace
) -> None:
    """Encode with a bar, then say what is in the folder."""
    from pybpe.data.documents import read_documents
    from pybpe.data.readers.documents import text_size
    from pybpe.data.shards import TokenShards, write_shards

    total = text_size(files)
    pieces = read_documents(files, tokenizer.cut, field)
    first = next(pieces, None)
    if first is None:
        raise ValueError("there is nothing to encode: every file is empty")
    made = not folder.exists()
    meter = Meter(chain([first], pieces))
    source = ", ".join(map(_state, files))
    writing = write_shards(tokenizer, meter, folder, name=options.set, source=source)
    began = time.perf_counter()
    try:
        with contextlib.closing(writing), progress("bytes") as report:  # closed, it removes its unfinished shard
            kept = next(writing)
            if kept:
                state = "the set is complete already" if meter.n_bytes == total else "going on behind them"
                state += ", if there is more" if total is None else ""
                note(f"{folder} holds {kept:,} ids of these files; {state}")
            skipped = meter.n_bytes
            for _ in writing:
                report("encoding", meter.n_bytes, total)
    except KeyboardInterrupt as stop:  # or what SIGTERM makes of it
        raise type(stop)(_what_is_left(folder, made)) from None
    except BaseException:
        _what_is_left(folder, made)
        raise
    taken = time.perf_counter() - began
    shards = TokenShards(folder, tokenizer)
    n_ids, n_documents = shards.n_ids(options.set), shards.n_documents(options.set)
    n_shards = len(shards.arrays(options.set))
    plural = "" if n_shards == 1 else "s"
    rows = [
        ("ids", f"{n_ids:,} as {shards.dtype.name}"),
        ("documents", f"{n_documents:,}"),
        ("bytes per token", ratio(meter.n_bytes, n_ids)),
        ("time", f"{seconds(taken)}, {rate(meter.n_bytes - skipped, taken)}"),
        ("folder", f"{escaped(str(folder))}, {n_shards} shard{plural}, {size(n_ids * shards.dtype.itemsize)}"),
    ]
    back = f"pybpe decode {typed(options.tokenizer)} {typed(folder)} --set {options.set} --no-special | head"
    summary(f"encoded {size(meter.n_bytes)}", rows, back)


def _state(path: Path) -> str:
    """Which file it is: a run goes on only where one of the same files stopped, and compares their text."""
    return f"{path.resolve()} ({path.stat().st_size} bytes)"


class Meter:
    """Passes pieces on and adds up their bytes."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self.n_bytes = 0

    def __iter__(self) -> Iterator[Piece]:
        for piece, ends in self._pieces:
            self.n_bytes += len(piece)
            yield piece, ends


def _what_is_left(folder: Path, made: bool) -> str:
    """Words for what a stopped run leaves; removes a folder that it made and that is empty."""
    if made:
        with contextlib.suppress(OSError):
            folder.rmdir()
            return "nothing was written"
    return f"the finished shards in {folder} are kept: type the same command again to go on"


def run_decode(options: argparse.Namespace) -> None:
    """Ids into raw bytes on standard output."""
    if "" in options.ids:
        raise UsageError("an argument is empty; give ids, a folder of shards, or - for standard input")
    is_folder = len(options.ids) == 1 and Path(options.ids[0]).is_dir()
    if options.set is not None and not is_folder:
        raise UsageError("--set goes with a folder of shards; leave it out")
    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    last = b""
    if is_folder:
        steps: Iterator[Any] = _shard_steps(Path(options.ids[0]), tokenizer, options.set)
    elif options.ids and options.ids != [STDIN]:
        steps = iter([_argument_ids(options.ids)])
    else:
        steps = _stdin_steps(standard_input())
    left_out = set(tokenizer.special_tokens.values()) if options.no_special else set()
    for ids in steps:
        last = tokenizer.decode_bytes(_without(ids, left_out))
        write_bytes(last)
    if sys.stdout.isatty() and not last.endswith(b"\n"):
        print()


def _shard_steps(folder: Path, tokenizer: Tokenizer, name: str | None) -> Iterator[Any]:
    from pybpe.data.shards import TokenShards

    shards = TokenShards(folder, tokenizer)
    for group in shards.sets if name is None else [name]:
        for ids in shards.arrays(group):
            for start in range(0, len(ids), IDS_A_STEP):
                yield ids[start : start + IDS_A_STEP]


def _stdin_steps(file: IO[str]) -> Iterator[list[int]]:
    """Numbers with anything of white space, commas and brackets between them, as `encode` and Python print them."""
    kept = ""
    while text := file.read(READ_CHARS):
        *words, kept = re.split(BETWEEN_IDS, kept + text)
        yield [_parse_id(word) for word in words if word]
    yield [_parse_id(word) for word in [kept] if word]


def _argument_ids(arguments: list[str]) -> list[int]:
    """As on standard input. One argument that is no id may have been meant as a folder."""
    only = arguments[0] if len(arguments) == 1 else ""
    if os.sep in only or only[:1].isalpha():
        raise ValueError(f"{only!r} is not an id, nor a folder; check the name of the folder")
    return [_parse_id(word) for argument in arguments for word in re.split(BETWEEN_IDS, argument) if word]


def _parse_id(word: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", word):
        raise ValueError(f"{word[:40]!r} is not an id: ids are whole numbers from 0 on")
    return int(word)


def _without(ids: Any, left_out: set[int]) -> Any:
    """A list or an array of ids without some of them."""
    if not left_out:
        return ids
    import numpy as np

    array = np.asarray(ids, dtype=np.int64)
    return array[~np.isin(array, list(left_out))]


def run_count(options: argparse.Namespace) -> None:
    """A line a file and their sum: a table in a terminal, columns with tabs between them elsewhere."""
    from pybpe.data.readers.documents import text_size

    named = [] if options.files == [STDIN] else check_inputs(options.files)
    field = text_field(options, named)
    files: Sequence[Path | None] = named or [None]
    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    counts = []
    total = text_size(named) or None
    with progress("bytes") as report:
        done = 0
        for path in files:
            n_tokens = n_bytes = 0
            for piece in _pieces(path, tokenizer, field):
                n_tokens += tokenizer.count(piece)
                n_bytes += len(piece)
                report("counting", done + n_bytes, total)
            done += n_bytes
            counts.append(("-" if path is None else escaped(str(path)), n_tokens, n_bytes))
    if len(counts) > 1:
        counts.append(("total", sum(count[1] for count in counts), done))
    _print_counts(counts)


def _pieces(path: Path | None, tokenizer: Tokenizer, field: str) -> Iterator[bytes]:
    from pybpe.data.documents import read_documents

    if path is None:
        return _read_stdin(tokenizer)
    return (piece for piece, _ in read_documents([path], tokenizer.cut, field))


def _print_counts(counts: list[tuple[str, int, int]]) -> None:
    if not sys.stdout.isatty():
        print("tokens\tbytes\tbytes/token\tfile")
        for name, n_tokens, n_bytes in counts:
            print(n_tokens, n_bytes, ratio(n_bytes, n_tokens), name, sep="\t")
        return
    rows = [(f"{n_tokens:,}", f"{n_bytes:,}", ratio(n_bytes, n_tokens), name) for name, n_tokens, n_bytes in counts]
    print_columns([("tokens", "bytes", "bytes/token", "file"), *rows], left=3)
