"""`pybpe encode`: turn text into ids, printed or written as shards."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import (
    STDIN,
    add_command,
    add_json,
    add_text_field,
    check_inputs,
    check_output_folder,
    default_name,
    place,
    read_stdin,
    text_argument,
    text_field,
)
from pybpe.cli.console import UsageError, escaped, note, out, print_json, progress, summary, typed
from pybpe.cli.tokenizers import add_tokenizer, open_tokenizer, pattern_option
from pybpe.util.units import rate, ratio, seconds, size

if TYPE_CHECKING:
    from pybpe import Tokenizer
    from pybpe.data.readers.documents import Chunk


def add_commands(commands: Any) -> None:
    """Add `encode`."""
    parser = add_command(
        commands,
        "encode",
        "turn text into ids",
        "Encode files into shards of ids, or a short text into ids on standard output.\n"
        "A run that was stopped goes on where it was when the same command is typed again.",
        "examples:\n  pybpe encode corpus.pybpe corpus.txt -o corpus-shards\n"
        "  pybpe encode corpus.pybpe --text 'Hello world'\n  echo Hello | pybpe encode corpus.pybpe -",
        run,
    )
    add_tokenizer(parser)
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="text, .jsonl or .parquet files, compressed (.gz, .zst) or not, or globs; - is stdin, with ids on stdout",
    )
    parser.add_argument(
        "-o", "--output", type=place, metavar="FOLDER", help="folder of shards (default: corpus-shards)"
    )
    add_text_field(parser)
    parser.add_argument("--set", default="train", metavar="NAME", help="name of the set of shards (train)")
    parser.add_argument("--text", type=text_argument, metavar="TEXT", help="print the ids of this text")
    parser.add_argument("--force", action="store_true", help="encode again and replace the set that is in the folder")
    parser.add_argument(
        "--show",
        action="store_true",
        help="with --text or -: show the tokens in colours, or with | between them where there are no colours",
    )
    parser.add_argument("--ids", action="store_true", help="with --show: one token per line, with its id")
    parser.add_argument(
        "--allow-special", action="store_true", help="with --text or -: encode special tokens in the text as tokens"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Encode files into shards, or print the ids of a text or of standard input."""
    to_stdout = options.text is not None or options.files == [STDIN]
    _check_options(options, to_stdout)
    files = [] if to_stdout else check_inputs(options.files)
    field = text_field(options, files)
    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    if not to_stdout:
        folder: Path = options.output or Path(default_name(files, "corpus") + "-shards")
        check_output_folder(folder)
        _write_shards(tokenizer, files, field, folder, options)
        return
    chunks = [options.text] if options.text is not None else read_stdin(tokenizer)
    encoded = _encoded(tokenizer, chunks, options.allow_special)
    if options.json:
        ids = list(chain.from_iterable(encoded))
        print_json({"ids": ids, "tokens": len(ids)})
    elif options.show:
        _show(tokenizer, encoded, options.ids)
    else:
        _print_ids(encoded)


def _check_options(options: argparse.Namespace, to_stdout: bool) -> None:
    """Raise UsageError for options that contradict each other."""
    if options.text is not None and options.files:
        raise UsageError("give either files or --text, not both")
    if not to_stdout and not options.files:
        raise UsageError("nothing to encode; name a file, or use --text 'some text', or - for standard input")
    if not to_stdout and (options.show or options.allow_special):
        raise UsageError("--show and --allow-special go with --text or - only; leave them out")
    if options.ids and not options.show:
        raise UsageError("--ids goes with --show; without both the ids alone are printed")
    if options.show and options.json:
        raise UsageError("--show is for people and --json for programs; leave out one of them")
    if to_stdout and (options.force or options.output):
        raise UsageError("ids of --text and - go to standard output; leave out --output and --force")


def _encoded(tokenizer: Tokenizer, chunks: Iterable[str | bytes], special: bool) -> Iterator[list[int]]:
    """Yield the ids of each chunk. special: True to encode special tokens in the text as tokens."""
    from pybpe.util.utf8 import to_utf8

    allowed: set[str] = set()
    if special:
        allowed = set(tokenizer.special_tokens)
        chunks = [b"".join(to_utf8(chunk) for chunk in chunks)]  # a special token must not be cut in two
    for chunk in chunks:
        yield tokenizer.encode(chunk, allowed_special=allowed, disallowed_special=())


def _print_ids(encoded: Iterable[list[int]]) -> None:
    """Print ids on one line."""
    between = ""
    for ids in filter(None, encoded):
        print(between, " ".join(map(str, ids)), sep="", end="")
        between = " "
    print()


def _show(tokenizer: Tokenizer, encoded: Iterable[list[int]], with_ids: bool) -> None:
    """Print tokens separated by colours or bars, or one per line after its id."""
    from pybpe.reports.view import readable, to_terminal

    console = out()
    if with_ids:
        width = len(str(tokenizer.n_vocab - 1))
        for token in chain.from_iterable(encoded):
            console.print(f"{token:>{width}}  {readable(tokenizer.token_bytes(token))}", soft_wrap=True)
        return
    bar = "" if console.color_system and not console.no_color else "|"
    between = ""
    for ids in filter(None, encoded):
        console.print(between, to_terminal(tokenizer, ids, bar), sep="", soft_wrap=True, end="")
        between = bar
    console.print()


def _write_shards(
    tokenizer: Tokenizer, files: list[Path], field: str, folder: Path, options: argparse.Namespace
) -> None:
    """Encode files with a progress bar, and print a summary."""
    from pybpe.data.documents import read_documents
    from pybpe.data.readers.documents import text_size
    from pybpe.data.shards import write_shards

    total = text_size(files)
    chunks = read_documents(files, tokenizer.cut, field)
    first = next(chunks, None)
    if first is None:
        raise ValueError("there is nothing to encode: every file is empty")
    made = not folder.exists()
    meter = Meter(chain([first], chunks))
    source = ", ".join(map(_identity, files))
    writing = write_shards(tokenizer, meter, folder, name=options.set, source=source, replace=options.force)
    try:
        with contextlib.closing(writing), progress("bytes") as callback:  # closed, it removes its unfinished shard
            kept = next(writing)
            if kept:
                state = "the set is complete already" if meter.n_bytes == total else "going on behind them"
                state += ", if there is more" if total is None else ""
                note(f"{folder} holds {kept:,} ids of these files; {state}")
            skipped, began = meter.n_bytes, time.perf_counter()
            for _ in writing:
                callback("encoding", meter.n_bytes, total)
    except KeyboardInterrupt as stop:  # raised for SIGTERM too
        raise type(stop)(_after_interrupt(folder, made)) from None
    except BaseException:
        _after_interrupt(folder, made)
        raise
    taken = time.perf_counter() - began
    _print_summary(tokenizer, folder, meter.n_bytes, meter.n_bytes - skipped, taken, options)


def _print_summary(
    tokenizer: Tokenizer, folder: Path, n_bytes: int, n_new: int, taken: float, options: argparse.Namespace
) -> None:
    """Print a summary of the set. n_bytes: the bytes of all its text; n_new: those encoded in this run."""
    from pybpe.data.shards import TokenShards

    shards = TokenShards(folder, tokenizer)
    n_ids, n_documents = shards.n_ids(options.set), shards.n_documents(options.set)
    n_shards = len(shards.arrays(options.set))
    if options.json:
        facts = {"folder": str(folder), "set": options.set, "tokens": n_ids, "dtype": shards.dtype.name}
        facts |= {"documents": n_documents, "shards": n_shards, "bytes": n_bytes, "bytes_encoded": n_new}
        print_json({**facts, "seconds": taken, "fingerprint": tokenizer.fingerprint})
        return
    plural = "" if n_shards == 1 else "s"
    rows = [
        ("ids", f"{n_ids:,} as {shards.dtype.name}"),
        ("documents", f"{n_documents:,}"),
        ("bytes per token", ratio(n_bytes, n_ids)),
        ("time", f"{seconds(taken)}, {rate(n_new, taken)}" if n_new else "none, for it was encoded before"),
        ("folder", f"{escaped(str(folder))}, {n_shards} shard{plural}, {size(n_ids * shards.dtype.itemsize)}"),
    ]
    back = f"pybpe decode {typed(options.tokenizer)} {typed(folder)} --set {options.set} --no-special"
    title = f"encoded {size(n_bytes)}" if n_new else f"{size(n_bytes)}, encoded before"
    summary(title, rows, f"{back}{pattern_option(options.pattern)} | head")


def _identity(path: Path) -> str:
    """Return path and size of a file; an interrupted run is continued only if they are the same."""
    return f"{path.resolve()} ({path.stat().st_size} bytes)"


class Meter:
    """An iterator over chunks that counts their bytes."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self.n_bytes = 0

    def __iter__(self) -> Iterator[Chunk]:
        for chunk, ends in self._chunks:
            self.n_bytes += len(chunk)
            yield chunk, ends


def _after_interrupt(folder: Path, made: bool) -> str:
    """Return a message about what an interrupted run wrote, and remove its folder if it is new and empty."""
    if made:
        with contextlib.suppress(OSError):
            folder.rmdir()
            return "nothing was written"
    return f"the finished shards in {folder} are kept: type the same command again to go on"
