"""`pybpe decode`: turn ids into text."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pybpe.cli.arguments import STDIN, add_command
from pybpe.cli.console import UsageError, standard_input, write_bytes
from pybpe.cli.tokenizers import add_tokenizer, open_tokenizer

if TYPE_CHECKING:
    from pybpe import Tokenizer

IDS_A_STEP = 1 << 20  # ids decoded at a time
READ_CHARS = 1 << 20
BETWEEN_IDS = r"[\s,\[\]]+"


def add_commands(commands: Any) -> None:
    """Add `decode`."""
    parser = add_command(
        commands,
        "decode",
        "turn ids into text",
        "Print the text of ids: given as arguments, on standard input, or in a folder of shards.\n"
        "In shards each document ends with the special token <|endoftext|>, which is printed like any other token;\n"
        "--no-special leaves it out.",
        "examples:\n  pybpe decode corpus.pybpe 318 257 11\n"
        "  pybpe decode corpus.pybpe corpus-shards --no-special > corpus.txt",
        run,
    )
    add_tokenizer(parser)
    parser.add_argument("ids", nargs="*", metavar="ID|FOLDER", help="ids, or a folder of shards; - or nothing is stdin")
    parser.add_argument("--set", metavar="NAME", help="set of shards in the folder (default: all)")
    parser.add_argument(
        "--no-special", action="store_true", help="leave special tokens out, such as the <|endoftext|> in shards"
    )


def run(options: argparse.Namespace) -> None:
    """Write the bytes of the ids to standard output."""
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
    """Yield ids from text with white space, commas and brackets between them, as `encode` and Python print them."""
    kept = ""
    while text := file.read(READ_CHARS):
        *words, kept = re.split(BETWEEN_IDS, kept + text)
        yield [_parse_id(word) for word in words if word]
    yield [_parse_id(word) for word in [kept] if word]


def _argument_ids(arguments: list[str]) -> list[int]:
    """Return the ids in arguments. Raises ValueError, with other advice if one argument looks like a folder."""
    only = arguments[0] if len(arguments) == 1 else ""
    if os.sep in only or only[:1].isalpha():
        raise ValueError(f"{only!r} is not an id, nor a folder; check the name of the folder")
    return [_parse_id(word) for argument in arguments for word in re.split(BETWEEN_IDS, argument) if word]


def _parse_id(word: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", word):
        raise ValueError(f"{word[:40]!r} is not an id: ids are whole numbers from 0 on")
    return int(word)


def _without(ids: Any, left_out: set[int]) -> Any:
    """Return ids, a list or an array, without the ids in `left_out`."""
    if not left_out:
        return ids
    import numpy as np

    array = np.asarray(ids, dtype=np.int64)
    return array[~np.isin(array, list(left_out))]
