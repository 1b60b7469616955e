"""`pybpe convert`: write a tokenizer in another file format, and check that both give the same ids."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import add_command, add_json, check_writable, place
from pybpe.cli.console import UsageError, escaped, note, print_json, summary, typed
from pybpe.cli.info import bytes_on_disk
from pybpe.cli.tokenizers import add_tokenizer, open_tokenizer, pattern_option, place_of
from pybpe.formats.registry import FORMATS, Format
from pybpe.pretokenization.patterns import name_of
from pybpe.util.units import size

if TYPE_CHECKING:
    from pybpe import Tokenizer

# A text with cases in which splitting, merging, normal forms and special tokens could differ.
PROBE = (
    "The quick brown fox doesn't mind; I'LL say WE'VE 1 12 123 1234567 3.14159 of   it\n\n\n  \tnow.\r\n \n"
    "def encode(self, text: str) -> list[int]:\n\treturn [x*2 for x in self._y]  # /path//to/*\n\n"
    "Größe, naïve cafe\u0301, Ελληνικά, русский язык, 中文字符，日本語の文章カタカナ, 한국어, हिन्दी\n"
    "ไทย, עברית, العربية, 🙂🙃 👩‍👩‍👧 ǅ ʰ ª ² ٣ Ⅷ \u00a0\u2003\u3000"
    " \u200d \x00\x7f\ufffd <|unknown|> <s> </s> \u212b ﬁ   "
)


MOST_NAMES = 8  # special tokens that are listed


def add_commands(commands: Any) -> None:
    """Add `convert`."""
    parser = add_command(
        commands,
        "convert",
        "convert a tokenizer to another file format",
        "Convert a tokenizer to the file format of OUT's suffix: .pybpe, .tiktoken, .json (Hugging Face),\n"
        ".model (sentencepiece if tokens are characters, else minbpe), .gguf; without a suffix, OUT is a\n"
        "folder that transformers can open.\n"
        "A trial file is read back first and must give the same ids; otherwise nothing is written.",
        "examples:\n  pybpe convert corpus.pybpe tokenizer.json\n  pybpe convert cl100k_base.tiktoken folder\n"
        "  pybpe convert corpus.pybpe folder --to gpt2",
        run,
    )
    add_tokenizer(parser)
    parser.add_argument("output", type=place, metavar="OUT", help="the file or folder to write")
    parser.add_argument(
        "--to",
        choices=tuple(FORMATS),
        metavar="KIND",
        help=f"file format: {', '.join(FORMATS)} (default: that of OUT's suffix)",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file or folder")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Read the tokenizer, check a trial file, write the output, and print a summary."""
    output: Path = options.output
    name = options.to or _kind_of(output)
    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    if name == "minbpe" and not options.to and tokenizer.info.get("rule") in ("scores", "characters"):
        name = "sentencepiece"
    kind = FORMATS[name]
    source = place_of(options.tokenizer)
    _check_output(kind, output, source, options.force)
    n_ids = check_parity(tokenizer, kind, output.name)
    kind.write(tokenizer.definition, output)
    if options.json:
        facts = {"input": options.tokenizer, "output": str(output), "kind": name, "n_vocab": tokenizer.n_vocab}
        print_json({**facts, "compared_ids": n_ids, "file_bytes": bytes_on_disk(output)})
        return
    proof, next_command = f"both give the same {n_ids:,} ids for a text of all tokens", f"pybpe info {typed(output)}"
    rows = [
        ("read", f"{escaped(str(options.tokenizer))}, {size(bytes_on_disk(source))}"),
        ("written", f"{escaped(str(output))}, {kind.described}, {size(bytes_on_disk(output))}"),
        ("tokens", f"{tokenizer.n_vocab:,}"),
    ]
    if name == "tiktoken" and not _is_public(tokenizer, output):
        note(f"a rank file holds {kind.cannot_say}: whoever opens it must give both")
        rows[-1:] = _rows_of_loss(tokenizer, output)
        proof += ", if the file is opened with that pattern and those special tokens"
        next_command += pattern_option(_pattern_to_type(tokenizer))
    summary(f"converted to {output}", [*rows, ("proof", proof)], next_command)


def _is_public(tokenizer: Tokenizer, output: Path) -> bool:
    """Return True if a rank file is a public encoding with the pattern and special tokens of the tokenizer."""
    from pybpe import Tokenizer

    try:
        return Tokenizer.from_tiktoken(output) == tokenizer
    except ValueError:  # no pattern
        return False


def _rows_of_loss(tokenizer: Tokenizer, output: Path) -> list[tuple[str, str]]:
    """Return rows for the summary: the parts that a rank file does not hold, and the call that adds them."""
    pattern, special = _pattern_to_type(tokenizer), tokenizer.special_tokens
    shown = [f"{name} (id {token:,})" for name, token in list(special.items())[:MOST_NAMES]]
    more = [f"and {len(special) - MOST_NAMES:,} more"] if len(special) > MOST_NAMES else []
    known = special if not more else "..."
    lost = [f"the split pattern: {pattern}", f"special tokens: {', '.join([*shown, *more]) or 'none'}"]
    ids = len(tokenizer.mergeable_ranks)
    return [
        ("tokens", f"{ids:,} of {ids + len(set(special.values())):,}, all but the special ones"),
        ("not in it", "\n".join(lost)),
        ("to open it", f"Tokenizer.from_tiktoken({str(output)!r}, {pattern!r}, {known})"),
    ]


def _pattern_to_type(tokenizer: Tokenizer) -> str:
    """Return the name of the pattern that splits text, or the regular expression if it has none."""

    return name_of(tokenizer.pattern) or tokenizer.pattern


def _kind_of(output: Path) -> str:
    """Return the name of the format of the output's suffix. Raises UsageError if there is none."""
    suffix = "" if output.is_dir() else output.suffix
    for name, kind in FORMATS.items():
        if suffix in kind.suffixes:
            return name
    raise UsageError(
        f"the suffix of {output.name!r} is not that of a file format; add --to with one of {', '.join(FORMATS)}"
    )


def _check_output(kind: Format, output: Path, source: Path | None, force: bool) -> None:
    """Raise OSError if the output cannot be written or would replace something, before the work starts."""
    if source is not None and output.exists() and source.exists() and output.samefile(source):
        raise FileExistsError(f"{output} is the tokenizer itself; name another place")
    if not kind.parts and output.is_dir():
        raise IsADirectoryError(f"{output} is a folder; name a file in it")
    if kind.parts and output.exists() and not output.is_dir():
        raise NotADirectoryError(f"{output} is a file, and {kind.described} is to be written; name another place")
    written = [output / part for part in kind.parts] or [output]
    written += [output.with_suffix(kind.beside)] if kind.beside else []
    there = [path for path in written if path.exists()]
    if there and not force:
        raise FileExistsError(f"{there[0]} exists already; add --force to replace it, or name another place")
    check_writable(output.absolute().parent)


def check_parity(tokenizer: Tokenizer, kind: Format, name: str) -> int:
    """Write and read a trial file, compare ids, and return their number. Raises ValueError if they differ."""
    with tempfile.TemporaryDirectory(prefix="pybpe-") as folder:
        trial = Path(folder, name)
        kind.write(tokenizer.definition, trial)
        said = (tokenizer.pattern, tokenizer.special_tokens) if kind.cannot_say else ()
        again = type(tokenizer)(kind.read(trial, *said))
    ordinary = "\n".join(token.decode("utf-8", "ignore") for token in tokenizer.vocab.values())
    named = "x".join((*tokenizer.special_tokens, *tokenizer.added_tokens))
    special = set(tokenizer.special_tokens.values())
    n_ids = 0
    for text in (PROBE, ordinary, f"a {named} b{named}"):
        for allowed in ("all", frozenset[str]()):
            ids = tokenizer.encode(text, allowed_special=allowed, disallowed_special=())
            if again.encode(text, allowed_special=allowed, disallowed_special=()) != ids:
                raise ValueError(f"as {kind.described}, this tokenizer would give other ids; nothing was written")
            # Special tokens are left out: their bytes depend on the format (none in sentencepiece).
            plain = [token for token in ids if token not in special]
            if again.decode_bytes(plain) != tokenizer.decode_bytes(plain):
                raise ValueError(f"as {kind.described}, this tokenizer's ids would be other text; nothing was written")
            n_ids += len(ids)
    return n_ids
