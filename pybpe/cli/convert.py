"""`pybpe convert`: a tokenizer file of one kind from one of another, with proof that both give the same ids."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.arguments import add_command, add_json, check_writable, place
from pybpe.cli.console import UsageError, escaped, note, print_json, summary, typed
from pybpe.cli.info import bytes_on_disk
from pybpe.cli.tokenizers import add_tokenizer, open_tokenizer, pattern_option, place_of
from pybpe.pretokenization.patterns import name_of
from pybpe.util.units import size

if TYPE_CHECKING:
    from pybpe import Tokenizer

# Where splitting, merging, normal forms and tokens found by name could differ.
PROBE = (
    "The quick brown fox doesn't mind; I'LL say WE'VE 1 12 123 1234567 3.14159 of   it\n\n\n  \tnow.\r\n \n"
    "def encode(self, text: str) -> list[int]:\n\treturn [x*2 for x in self._y]  # /path//to/*\n\n"
    "Größe, naïve cafe\u0301, Ελληνικά, русский язык, 中文字符，日本語の文章カタカナ, 한국어, हिन्दी\n"
    "ไทย, עברית, العربية, 🙂🙃 👩‍👩‍👧 ǅ ʰ ª ² ٣ Ⅷ \u00a0\u2003\u3000"
    " \u200d \x00\x7f\ufffd <|unknown|> <s> </s> \u212b ﬁ   "
)


@dataclass(frozen=True)
class Kind:
    """One kind of file: how a tokenizer is written as it, and read back."""

    described: str
    write: Callable[[Tokenizer, Path], None]
    read: Callable[[Tokenizer, Path], Tokenizer]  # the tokenizer that was written, for what the file does not hold
    parts: tuple[str, ...] = ()  # the files, where it is a folder
    beside: str = ""  # how the name of a second file ends


def kinds() -> dict[str, Kind]:
    """The kinds by name."""
    from pybpe import Tokenizer

    return {
        "pybpe": Kind("pybpe's own file", Tokenizer.save, lambda _, path: Tokenizer.load(path)),
        "tiktoken": Kind(
            "a rank file",
            Tokenizer.to_tiktoken,
            lambda tok, path: Tokenizer.from_tiktoken(path, tok.pattern, tok.special_tokens),
        ),
        "tokenizer.json": Kind(
            "Hugging Face's file", Tokenizer.to_huggingface, lambda _, path: Tokenizer.from_huggingface(path)
        ),
        "huggingface": Kind(
            "a folder that transformers can open",
            Tokenizer.to_huggingface,
            lambda _, path: Tokenizer.from_huggingface(path),
            ("tokenizer.json", "tokenizer_config.json"),
        ),
        "gpt2": Kind(
            "a folder with vocab.json and merges.txt",
            Tokenizer.to_gpt2,
            lambda _, path: Tokenizer.from_gpt2(path / "vocab.json", path / "merges.txt"),
            ("vocab.json", "merges.txt"),
        ),
        "minbpe": Kind(
            "minbpe's .model and .vocab",
            Tokenizer.to_minbpe,
            lambda _, path: Tokenizer.from_minbpe(path),
            beside=".vocab",
        ),
        "sentencepiece": Kind(
            "a sentencepiece model", Tokenizer.to_sentencepiece, lambda _, path: Tokenizer.from_sentencepiece(path)
        ),
        "gguf": Kind("a GGUF vocabulary", Tokenizer.to_gguf, lambda _, path: Tokenizer.from_gguf(path)),
    }


SUFFIXES = {
    ".pybpe": "pybpe",
    ".tiktoken": "tiktoken",
    ".json": "tokenizer.json",
    ".model": "minbpe",
    ".gguf": "gguf",
    "": "huggingface",
}


def add_commands(commands: Any) -> None:
    """Add `convert`."""
    parser = add_command(
        commands,
        "convert",
        "write a tokenizer as a file of another kind",
        "Write a tokenizer as a file of another kind, which OUT's name says: .pybpe, .tiktoken, .json\n"
        "(Hugging Face's), .model (sentencepiece's where tokens are of characters, else minbpe's), .gguf; a name\n"
        "without an ending is a folder that transformers can open.\n"
        "Before anything is written, what was written is read back and must give the same ids.",
        "examples:\n  pybpe convert corpus.pybpe tokenizer.json\n  pybpe convert cl100k_base.tiktoken folder\n"
        "  pybpe convert corpus.pybpe folder --to gpt2",
        run,
    )
    add_tokenizer(parser)
    parser.add_argument("output", type=place, metavar="OUT", help="the file or folder to write")
    parser.add_argument(
        "--to",
        choices=(*SUFFIXES.values(), "gpt2", "sentencepiece"),
        metavar="KIND",
        help="pybpe, tiktoken, tokenizer.json, huggingface or gpt2 (folders), minbpe, sentencepiece, gguf; else by the "
        "name of OUT",
    )
    parser.add_argument("--force", action="store_true", help="replace what is there")
    add_json(parser)


def run(options: argparse.Namespace) -> None:
    """Read, prove, write."""
    output: Path = options.output
    name = options.to or _kind_of(output)
    tokenizer = open_tokenizer(options.tokenizer, options.pattern)
    if name == "minbpe" and not options.to and tokenizer.info.get("rule") in ("scores", "characters"):
        name = "sentencepiece"
    kind = kinds()[name]
    source = place_of(options.tokenizer)
    _check_output(kind, output, source, options.force)
    n_ids = check_parity(tokenizer, kind, output.name)
    kind.write(tokenizer, output)
    if name == "tiktoken":
        note("a rank file holds neither the split pattern nor special tokens; whoever reads it must be told them")
    if options.json:
        facts = {"input": options.tokenizer, "output": str(output), "kind": name, "n_vocab": tokenizer.n_vocab}
        print_json({**facts, "compared_ids": n_ids, "file_bytes": bytes_on_disk(output)})
        return
    rows = [
        ("read", f"{escaped(str(options.tokenizer))}, {size(bytes_on_disk(source))}"),
        ("written", f"{escaped(str(output))}, {kind.described}, {size(bytes_on_disk(output))}"),
        ("tokens", f"{tokenizer.n_vocab:,}"),
        ("proof", f"both give the same {n_ids:,} ids for a text of all tokens"),
    ]
    needed = (name_of(tokenizer.pattern) or tokenizer.pattern) if name == "tiktoken" else None
    summary(f"converted to {output}", rows, f"pybpe info {typed(output)}{pattern_option(needed)}")


def _kind_of(output: Path) -> str:
    """What the name of the output says."""
    if output.is_dir():
        return SUFFIXES[""]
    if output.suffix not in SUFFIXES:
        raise UsageError(
            f"the name {output.name!r} does not say of what kind it is to be; add --to with one of {', '.join(kinds())}"
        )
    return SUFFIXES[output.suffix]


def _check_output(kind: Kind, output: Path, source: Path | None, force: bool) -> None:
    """Raise if the output cannot be written, or takes the place of something: before the work, not after it."""
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


def check_parity(tokenizer: Tokenizer, kind: Kind, name: str) -> int:
    """How many ids were compared. Raises ValueError if a file of this kind would not give the same ones."""
    with tempfile.TemporaryDirectory(prefix="pybpe-") as folder:
        trial = Path(folder, name)
        kind.write(tokenizer, trial)
        again = kind.read(tokenizer, trial)
    ordinary = "\n".join(token.decode("utf-8", "ignore") for token in tokenizer.vocab.values())
    named = "x".join((*tokenizer.special_tokens, *tokenizer.added_tokens))
    special = set(tokenizer.special_tokens.values())
    n_ids = 0
    for text in (PROBE, ordinary, f"a {named} b{named}"):
        for allowed in ("all", frozenset[str]()):
            ids = tokenizer.encode(text, allowed_special=allowed, disallowed_special=())
            if again.encode(text, allowed_special=allowed, disallowed_special=()) != ids:
                raise ValueError(f"as {kind.described}, this tokenizer would give other ids; nothing was written")
            # What special tokens stand for is not alike everywhere: nothing, for sentencepiece.
            plain = [token for token in ids if token not in special]
            if again.decode_bytes(plain) != tokenizer.decode_bytes(plain):
                raise ValueError(f"as {kind.described}, this tokenizer's ids would be other text; nothing was written")
            n_ids += len(ids)
    return n_ids
