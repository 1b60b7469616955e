"""What all commands share in taking arguments: numbers in range, tokenizer files of either kind, safe output places."""

from __future__ import annotations

import argparse
import difflib
import errno
import math
import os
import re
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.console import UsageError, note, typed

if TYPE_CHECKING:
    from pybpe import Tokenizer

STDIN = "-"
MOST_TOKENS = 1 << 22
MOST_THREADS = 1024
_RANK_LINE = re.compile(rb"[A-Za-z0-9+/]+=* \d+\r?\n?")  # of a tiktoken file


def whole(least: int, most: int = 1 << 62) -> Callable[[str], int]:
    """An argparse type: whole numbers from `least` to `most`; 32_768 and 32,768 are understood."""

    def parse(text: str) -> int:
        try:
            number = int(text.replace(",", ""))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"{text[:40]} is too small, it must be at least {least}")
        if number > most:
            raise argparse.ArgumentTypeError(f"{text[:40]} is too large, it must be at most {most:,}")
        return number

    return parse


def positive(text: str) -> float:
    """An argparse type: numbers above 0."""
    number = _finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} must be above 0")
    return number


def at_least_0(text: str) -> float:
    """An argparse type: numbers from 0 on."""
    number = _finite(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} must be 0 or above")
    return number


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return number


def share(text: str) -> float:
    """An argparse type: a part of something, above 0 and at most a half."""
    number = positive(text)
    if number > 0.5:
        raise argparse.ArgumentTypeError(f"{text} is too large, it must be at most 0.5")
    return number


def text_argument(text: str) -> str:
    """An argparse type: text, also where the locale is not UTF-8 and Python read its bytes as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text).decode(errors="replace")
    return text


def place(text: str) -> Path:
    """An argparse type: a path that is not empty (Path('') would be the current folder)."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; name a place to write to")
    return Path(text)


def add_command(
    commands: Any, name: str, help_: str, description: str, examples: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """A command by its name. Its options say what carries it out (`run`) and which parser they come from."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_tokenizer(parser: argparse.ArgumentParser) -> None:
    """The argument TOKENIZER and the option --pattern that some files need."""
    parser.add_argument(
        "tokenizer",
        metavar="TOKENIZER",
        help="a .pybpe, .tiktoken or .gguf file, a tokenizer.json or its folder, a .model of minbpe or sentencepiece",
    )
    parser.add_argument(
        "--pattern", metavar="NAME|REGEX", help="how text is split, for a rank file that is not a public encoding"
    )


def add_text_field(parser: argparse.ArgumentParser) -> None:
    """The option --text-field."""
    parser.add_argument(
        "--text-field", metavar="NAME", help="the field or column with the text in .jsonl and .parquet files (text)"
    )


def text_field(options: argparse.Namespace, files: Sequence[Path]) -> str:
    """What --text-field says. Raises UsageError if none of the files has fields."""
    from pybpe.data.readers.documents import TEXT_FIELD, has_fields

    if options.text_field is None:
        return TEXT_FIELD
    if not any(map(has_fields, files)):
        raise UsageError("--text-field goes with .jsonl and .parquet files only; leave it out")
    return str(options.text_field)


def open_tokenizer(path: str, pattern: str | None = None) -> Tokenizer:
    """A tokenizer from a file of any kind, told apart by content, or from a folder with the files of one."""
    from pybpe import Tokenizer
    from pybpe.errors import FormatError
    from pybpe.formats import native
    from pybpe.pretokenization.patterns import PATTERNS

    if Path(path).is_dir() or Path(path).name == "vocab.json":
        return _without_pattern(_open_folder, path, pattern)
    with Path(path).open("rb") as file:
        start = file.read(1 << 16)
    if start.startswith(native.MAGIC):
        return _without_pattern(Tokenizer.load, path, pattern)
    if start.lstrip().startswith(b"{"):
        return _without_pattern(Tokenizer.from_huggingface, path, pattern)
    if start.startswith(b"GGUF"):
        return _without_pattern(Tokenizer.from_gguf, path, pattern)
    if start.startswith(b"minbpe "):
        return _without_pattern(Tokenizer.from_minbpe, path, pattern)
    if start.startswith(b"\n") and not _RANK_LINE.match(start):  # a message whose first field is a piece
        return _without_pattern(Tokenizer.from_sentencepiece, path, pattern)
    if not _RANK_LINE.match(start):
        raise FormatError(f"{path} is not a tokenizer{_why_not(path, start)}")
    try:
        return Tokenizer.from_tiktoken(path, pattern)
    except FormatError:
        raise
    except ValueError:
        if pattern is not None:
            raise
        names = ", ".join(PATTERNS)
        raise UsageError(
            f"{path} is not a public encoding and does not say how text is split; add --pattern with one of {names}"
        ) from None


def _without_pattern(read: Callable[[str], Tokenizer], path: str, pattern: str | None) -> Tokenizer:
    if pattern is not None:
        raise UsageError(f"{path} holds its own split pattern; leave out --pattern")
    return read(path)


def _why_not(path: str, start: bytes) -> str:
    """What a file is that is no tokenizer, where it is one that people take for one, and what to do."""
    if not start:
        return ": the file is empty"
    if start.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK")):
        return ", or is one that is packed: unpack it first"
    if Path(path).name == "merges.txt":
        return " without its vocab.json: name the folder of both"
    return "; make one with: pybpe train corpus.txt -o new.pybpe"


def _open_folder(path: str) -> Tokenizer:
    """A tokenizer from a folder with a tokenizer.json, or else from a vocab.json and the merges.txt beside it."""
    from pybpe import Tokenizer

    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    if Path(path).is_dir() and (folder / "tokenizer.json").exists():
        return Tokenizer.from_huggingface(path)
    if not (folder / "vocab.json").exists():
        raise FileNotFoundError(f"there is neither a tokenizer.json nor a vocab.json in the folder {path}; name a file")
    return Tokenizer.from_gpt2(folder / "vocab.json", folder / "merges.txt")


def check_inputs(names: Sequence[str], *, folders: bool = True) -> list[Path]:
    """The files that names, globs and folders stand for; of a folder, its text files, sorted, and a note which.

    folders: False to refuse folders. Raises OSError for a file that is missing or cannot be read. Pipes are taken on
    trust: to open one and close it again would end whoever writes into it.
    """
    from pybpe.training.counts.corpus import expand

    if STDIN in names:
        raise UsageError("- is standard input and stands alone, without other files")
    files: list[Path] = []
    for name in names:
        files += _files_of_folder(Path(name)) if folders and Path(name).is_dir() else expand([name])
    for path in filter(is_regular, files):
        with path.open("rb"):
            pass
    return files


def _files_of_folder(folder: Path) -> list[Path]:
    from pybpe.data.readers.folders import text_files

    files = text_files(folder)
    names = [str(path.relative_to(folder)) for path in files]
    shown = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}, sorted by name"
    taken = "text file is taken" if len(files) == 1 else "text files are taken"
    note(f"{folder} is a folder: its {len(files):,} {taken}, {shown}")
    return files


def is_regular(path: Path) -> bool:
    """Whether a file has a size and can be read twice: a pipe or a device cannot."""
    return stat.S_ISREG(path.stat().st_mode)


def check_output_file(
    path: Path, inputs: Sequence[Path], force: bool, option: str = "-o", example: str = "name.pybpe"
) -> None:
    """Raise if a file cannot be written there, which `option` named: before the work, not after it."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file in it: {option} {typed(path / example)}")
    if path.exists():
        if any(path.samefile(other) for other in inputs):
            raise FileExistsError(f"{path} is the corpus itself; name another file with {option}")
        if not force:
            raise FileExistsError(
                f"{path} exists already; add --force to replace it, or name another file with {option}"
            )
    check_writable(path.parent)


def check_output_folder(folder: Path) -> None:
    """Raise unless `folder` is a folder in which files can be made, or can become one."""
    check_writable(folder if folder.exists() else folder.parent)


def check_writable(folder: Path) -> None:
    """Raise OSError unless files can be made in a folder."""
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}; make it with: mkdir -p {typed(folder)}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, not a folder; choose another place")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:  # names the temporary file, which nobody has heard of
        raise OSError(error.errno, error.strerror, str(folder if folder.name else folder.resolve())) from None


def default_name(files: Sequence[Path], otherwise: str) -> str:
    """The stem of the one file of a corpus; `otherwise` for several files, pipes and standard input."""
    from pybpe.data.readers.archives import without_archives

    return without_archives(files[0]).stem or otherwise if len(files) == 1 and is_regular(files[0]) else otherwise


def describe(error: OSError) -> str:
    """An OSError in words, with what to do about it."""
    place = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    if error.errno is None:
        return str(error) + _did_you_mean(str(error))
    if error.errno == errno.ENOENT and place:
        return f"no such file: {place!r}" + _did_you_mean(f"no such file: {place!r}")
    advice = {
        errno.ENOSPC: "the disk is full; free some space, or choose another disk",
        errno.EACCES: "permission denied; choose a place that you may use",
        errno.EPERM: "permission denied; choose a place that you may use",
        errno.EROFS: "the disk is read-only; choose another place",
        errno.EISDIR: "it is a folder; name a file",
        errno.ENOTDIR: "it goes through a file as if that were a folder; check the path",
        errno.EEXIST: "it exists already and is not a folder; choose another place",
        errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    }
    what = advice.get(error.errno, error.strerror or str(error))
    return f"{place}: {what}" if place else what


def _did_you_mean(message: str) -> str:
    """The file whose name is nearest to the one that a message says is missing."""
    found = re.fullmatch(r"no such file: '(.+)'", message)
    if found is None:
        return ""
    path = Path(found[1])
    if path.exists():  # and yet nothing can be made in there
        return "; choose another place"
    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except OSError:
        return f"; there is no folder {path.parent} either"
    nearest = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {str(path.with_name(nearest[0]))!r}?" if nearest else "; check the name and the folder"
