"""The summary of `pybpe train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.console import escaped, typed
from pybpe.util.units import rate, ratio, seconds, size

if TYPE_CHECKING:
    from pybpe import Tokenizer
    from pybpe.cli.train_counts import AnyCorpus, Counted

SHOWN_TOKENS = 12


def rows(
    tokenizer: Tokenizer,
    extended: Tokenizer | None,
    corpus: AnyCorpus,
    counted: Counted,
    convention: str,
    output: Path,
    taken: float,
) -> list[tuple[str, str]]:
    """Return the rows of the summary. extended: the tokenizer that was extended, None for a new one."""
    from pybpe.reports.view import first_merges, longest_tokens, readable

    def show(ids: list[int]) -> str:
        return "  ".join(readable(tokenizer.token_bytes(token), 24) for token in ids)

    table = [
        ("vocabulary", _vocabulary(tokenizer, extended)),
        ("convention", "goes on from " + repr(extended).strip("<>") if extended else convention),
        ("corpus", _corpus(corpus, counted)),
    ]
    if counted.forgotten:
        everything = counted.n_words + counted.forgotten
        share = counted.forgotten / everything
        table.append(("forgotten", f"{counted.forgotten:,} of {everything:,} words ({share:.2%}), rare ones"))
    table.append(("time", f"{seconds(taken)}, {rate(corpus.n_bytes, taken)} for counting and merging"))
    measured, n_tokens = corpus.measure(tokenizer)
    if n_tokens:
        share_of_it = "all of it" if measured == corpus.n_bytes else f"{size(measured)} of it"
        table.append(("bytes per token", f"{ratio(measured, n_tokens)} on {share_of_it}"))
    first = first_merges(tokenizer, SHOWN_TOKENS)
    if extended:
        first = [token for token in tokenizer.vocab if token >= extended.n_vocab][:SHOWN_TOKENS]
    table += [
        ("new tokens" if extended else "first tokens", show(first)),
        ("longest tokens", show(longest_tokens(tokenizer, SHOWN_TOKENS // 2))),
        ("file", f"{escaped(str(output))}, {size(output.stat().st_size)}"),
    ]
    if counted.path:
        table.append(("counts", f"{escaped(str(counted.path))}, {size(counted.path.stat().st_size)}"))
    return table


def as_json(
    tokenizer: Tokenizer, corpus: AnyCorpus, counted: Counted, convention: str, output: Path, taken: float
) -> dict[str, Any]:
    """Return the results for --json; docs/commands.md documents the keys."""
    measured, n_tokens = corpus.measure(tokenizer)
    return {
        "output": str(output),
        "n_vocab": tokenizer.n_vocab,
        "merges": len(tokenizer.merges),
        "special_tokens": tokenizer.special_tokens,
        "convention": convention,
        "fingerprint": tokenizer.fingerprint,
        "bytes": corpus.n_bytes,
        "words": counted.n_words,
        "different_words": counted.n_different,
        "forgotten_words": counted.forgotten,
        "seconds": taken,
        "bytes_per_token": measured / n_tokens if n_tokens else None,
        "file_bytes": output.stat().st_size,
        "counts": str(counted.path) if counted.path else None,
    }


def _corpus(corpus: AnyCorpus, counted: Counted) -> str:
    if not counted.n_words:
        return size(corpus.n_bytes)
    return f"{size(corpus.n_bytes)}, {counted.n_words:,} words, {counted.n_different:,} different"


def _vocabulary(tokenizer: Tokenizer, extended: Tokenizer | None) -> str:
    if extended:
        n_new = tokenizer.n_vocab - extended.n_vocab
        return f"{tokenizer.n_vocab:,} tokens: {extended.n_vocab:,} as they were, {n_new:,} new"
    n_merges, n_special = len(tokenizer.merges), len(tokenizer.special_tokens)
    n_others = tokenizer.n_vocab - 256 - n_merges - n_special  # of sentencepiece: characters that no merge makes
    others = f"{n_others:,} characters, " if n_others > 0 else ""
    return f"{tokenizer.n_vocab:,} tokens: 256 bytes, {others}{n_merges:,} merges, {n_special} special"


def next_command(output: Path, names: list[str], corpus: AnyCorpus) -> str:
    """Return the command to type after training on the files and globs `names`."""
    from pybpe.data.readers.documents import TEXT_FIELD

    if not corpus.lasting:
        return f"pybpe encode {typed(output)} --text 'Hello world'"
    field = [] if corpus.text_field == TEXT_FIELD else ["--text-field", typed(corpus.text_field)]
    return " ".join(["pybpe encode", typed(output), *map(typed, names), *field])
