"""`pybpe gpt curriculum`: write conversations that teach a model to count letters and add numbers with Python."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pybpe.cli.arguments import add_command, check_output_file, place, whole
from pybpe.cli.console import summary, typed
from pybpe.util.units import size

N = 10_000
MOST = 10_000_000  # conversations, about 3 GB


def add_curriculum(commands: Any) -> None:
    """Add `curriculum` to the parser."""
    parser = add_command(
        commands,
        "curriculum",
        "write conversations to fine-tune a small model on",
        "Write conversations in which the assistant counts letters and adds numbers by writing Python, spells words,\n"
        "and says what it is. Each line of the file is one conversation in JSON, as pybpe gpt finetune reads it.\n"
        "Three tenths of all words and sums are in no conversation, so that a model can be tested with them.",
        "example:\n  pybpe gpt curriculum -o conversations.jsonl --n 20000 --seed 1",
        run_curriculum,
    )
    parser.add_argument("-o", "--output", type=place, required=True, metavar="FILE", help="the .jsonl file to write")
    parser.add_argument("--n", type=whole(1, MOST), default=N, metavar="N", help=f"number of conversations ({N:,})")
    parser.add_argument("--seed", type=whole(0), default=0, metavar="S", help="random seed (0)")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def run_curriculum(options: argparse.Namespace) -> None:
    """Write the conversations, and print a summary."""
    from pybpe.gpt.curriculum import write_curriculum

    path: Path = options.output
    check_output_file(path, [], options.force, example="conversations.jsonl")
    write_curriculum(path, options.n, options.seed)
    rows = [("conversations", f"{options.n:,}"), ("size", size(path.stat().st_size))]
    summary(f"curriculum in {path}", rows, f"pybpe gpt finetune RUN {typed(path)} -o OUT")
