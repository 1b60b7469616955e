"""`pybpe info`: describe a tokenizer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import add_command, add_json
from pybpe.cli.console import escaped, print_json, summary
from pybpe.cli.tokenizers import add_tokenizer, open_tokenizer, place_of
from pybpe.normalization.normalizer import described
from pybpe.pretokenization.stages import stages_of
from pybpe.util.units import size

if TYPE_CHECKING:
    from pybpe import Tokenizer

SHOWN_TOKENS = 10
SHOWN_SPECIALS = 8


def add_commands(commands: Any) -> None:
    """Add `info`."""
    parser = add_command(
        commands,
        "info",
        "describe a tokenizer",
        "Describe a tokenizer: its vocabulary, special tokens, split pattern and longest tokens.",
        "example:\n  pybpe info corpus.pybpe",
        run,
    )
    add_tokenizer(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Print the facts as a table or as JSON."""
    from pybpe.reports.view import longest_tokens

    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    longest = [tokenizer.token_bytes(token) for token in longest_tokens(tokenizer, SHOWN_TOKENS)]
    n_bytes = bytes_on_disk(place_of(options.tokenizer))
    if options.json:
        shown = [token.decode("utf-8", "backslashreplace") for token in longest]
        print_json({**tokenizer.info, "longest_tokens": shown, "file_bytes": n_bytes})
    else:
        summary(options.tokenizer, rows(tokenizer, longest, n_bytes))


def bytes_on_disk(path: Path | None) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 for None, an encoding without a file here."""
    if path is None:
        return 0
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def rows(tokenizer: Tokenizer, longest: list[bytes], n_bytes: int) -> list[tuple[str, str]]:
    """Return the facts as (name, value)."""
    from pybpe.reports.view import readable

    info = tokenizer.info
    reading = [("added tokens", _named(info["added_tokens"]))] if info["added_tokens"] else []
    if info["normalizer"] or info["add_prefix_space"]:
        space = {True: "a space before it", "first": "a space before the first word"}.get(info["add_prefix_space"], "")
        reading.append(("text becomes", escaped(", ".join(filter(None, (described(info["normalizer"]), space))))))
    if "rule" in info:
        others = "written as bytes" if info["byte_fallback"] else "the unknown token"
        by = "scores" if info["rule"] == "scores" else "a list of merges"
        reading.append(("tokens of", f"characters, merged by {by}; characters without a token are {others}"))
    if info.get("continuing_subword_prefix"):
        reading.append(
            ("within words", f"{escaped(info['continuing_subword_prefix'])} before each token but the first")
        )
    if info.get("end_of_word_suffix"):
        reading.append(("ends of words", f"{escaped(info['end_of_word_suffix'])} behind the last token of each"))
    if info.get("drops_space"):
        reading.append(("white space", "left out"))
    return [
        ("tokens", f"{info['n_vocab']:,}"),
        ("merges", f"{info['merges']:,}"),
        ("special tokens", _named(info["special_tokens"])),
        *reading,
        (
            "pattern",
            "\n".join((info["pattern_name"] or "a regular expression of its own", *stages_of(info["pattern"]))),
        ),
        ("split by", f"{info['splitter']}: {info['splitter_reason']}"),
        ("unicode", str(info["unicode"])),
        ("longest tokens", "  ".join(readable(token, 32) for token in longest)),
        ("fingerprint", info["fingerprint"]),
        ("size on disk", size(n_bytes)),
    ]


def _named(tokens: dict[str, int]) -> str:
    """Return the first tokens with their ids, one per line."""
    named = sorted(tokens.items(), key=lambda item: item[1])
    lines = [f"{escaped(name)} = {token}" for name, token in named[:SHOWN_SPECIALS]]
    if len(named) > SHOWN_SPECIALS:
        lines.append(f"and {len(named) - SHOWN_SPECIALS:,} more")
    return "\n".join(lines) or "none"
