"""Arguments that commands share: numbers in range, input files, and checks of output paths."""

from __future__ import annotations

import argparse
import errno
import math
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybpe.cli.console import UsageError, note, standard_input, typed
from pybpe.util.files import FULL_DISK
from pybpe.util.suggestions import nearest

if TYPE_CHECKING:
    from pybpe import Tokenizer

STDIN = "-"
MOST_TOKENS = 1 << 22
MOST_THREADS = 1024


def whole(least: int, most: int = 1 << 62) -> Callable[[str], int]:
    """Return an argparse type for whole numbers from `least` to `most`; it also accepts 32_768 and 32,768."""

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
    """Parse a number above 0; an argparse type."""
    number = _finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} must be above 0")
    return number


def at_least_0(text: str) -> float:
    """Parse a number of at least 0; an argparse type."""
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
    """Parse a share above 0 and at most 0.5; an argparse type."""
    number = positive(text)
    if number > 0.5:
        raise argparse.ArgumentTypeError(f"{text} is too large, it must be at most 0.5")
    return number


def text_argument(text: str) -> str:
    """Parse text, also where the locale is not UTF-8 and Python read its bytes as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text).decode(errors="replace")
    return text


def place(text: str) -> Path:
    """Parse a path that is not empty (Path('') would be the current folder); an argparse type."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; name a place to write to")
    return Path(text)


def add_command(
    commands: Any, name: str, help_: str, description: str, examples: str, run: Callable[[argparse.Namespace], None]
) -> argparse.ArgumentParser:
    """Add a command, and return its parser. Parsed options have `run`, which runs it, and `parser`."""
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


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option --json."""
    parser.add_argument("--json", action="store_true", help="print the results as one line of JSON")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how each token is sampled."""
    parser.add_argument(
        "--temperature", type=at_least_0, default=0.8, metavar="T", help="sampling temperature, 0: greedy (0.8)"
    )
    parser.add_argument("--top-k", type=whole(1), metavar="K", help="sample from the K most likely tokens")
    parser.add_argument("--top-p", type=positive, metavar="P", help="nucleus sampling threshold")
    parser.add_argument(
        "--min-p", type=positive, metavar="P", help="minimum probability, relative to the most likely token"
    )


def add_text_field(parser: argparse.ArgumentParser) -> None:
    """Add the option --text-field."""
    parser.add_argument(
        "--text-field", metavar="NAME", help="the field or column with the text in .jsonl and .parquet files (text)"
    )


def text_field(options: argparse.Namespace, files: Sequence[Path]) -> str:
    """Return the value of --text-field or its default. Raises UsageError if none of the files has fields."""
    from pybpe.data.readers.documents import TEXT_FIELD, has_fields

    if options.text_field is None:
        return TEXT_FIELD
    if not any(map(has_fields, files)):
        raise UsageError("--text-field goes with .jsonl and .parquet files only; leave it out")
    return str(options.text_field)


def check_inputs(names: Sequence[str], *, folders: bool = True) -> list[Path]:
    """Return the files that names, globs and folders stand for; of a folder its text files, sorted, with a note.

    folders: False to refuse folders. Raises OSError if a file is missing or cannot be read. Pipes are not checked:
    opening and closing one would stop the program that writes to it.
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


def read_stdin(tokenizer: Tokenizer) -> Iterator[bytes]:
    """Yield standard input in chunks that encode as the whole does."""
    from pybpe.data.documents import read_stream

    return read_stream(standard_input().buffer, tokenizer.cut)


def _files_of_folder(folder: Path) -> list[Path]:
    from pybpe.data.readers.folders import text_files

    files = text_files(folder)
    names = [str(path.relative_to(folder)) for path in files]
    shown = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}, sorted by name"
    taken = "text file is taken" if len(files) == 1 else "text files are taken"
    note(f"{folder} is a folder: its {len(files):,} {taken}, {shown}")
    return files


def is_regular(path: Path) -> bool:
    """Return True if a file has a size and can be read twice, unlike a pipe or a device."""
    return stat.S_ISREG(path.stat().st_mode)


def check_output_file(
    path: Path, inputs: Sequence[Path], force: bool, option: str = "-o", example: str = "name.pybpe"
) -> None:
    """Raise OSError if the output file of `option` cannot be written, before the work starts.

    inputs: files that must not be overwritten. force: True if another existing file may be replaced.
    """
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
    """Raise OSError unless files can be made in `folder`, or `folder` itself can be made."""
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
    except OSError as error:  # its message would name the temporary file
        raise OSError(error.errno, error.strerror, str(folder if folder.name else folder.resolve())) from None


def default_name(files: Sequence[Path], otherwise: str) -> str:
    """Return the stem of a corpus of one file; `otherwise` for several files, pipes and standard input."""
    from pybpe.data.readers.archives import without_archives

    return without_archives(files[0]).stem or otherwise if len(files) == 1 and is_regular(files[0]) else otherwise


def describe(error: OSError) -> str:
    """Return a message for an OSError, with advice."""
    place = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    if error.errno is None:
        return str(error) + _did_you_mean(str(error))
    if error.errno == errno.ENOENT and place:
        return f"no such file: {place!r}" + _did_you_mean(f"no such file: {place!r}")
    if error.errno in FULL_DISK and not place:  # code that writes a file sets its name
        place = "standard output"
    advice = {
        errno.ENOSPC: "the disk is full; free some space, or choose another disk",
        errno.EDQUOT: "the disk quota is used up; free some space, or choose another disk",
        errno.EFBIG: "the file is larger than the disk or the limit of the shell allows; choose another disk",
        errno.EACCES: "permission denied; choose a place that you may use",
        errno.EPERM: "permission denied; choose a place that you may use",
        errno.EROFS: "the disk is read-only; choose another place",
        errno.EISDIR: "it is a folder; name a file",
        errno.ENOTDIR: "a part of the path is a file, not a folder; check the path",
        errno.EEXIST: "it exists already and is not a folder; choose another place",
        errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    }
    what = advice.get(error.errno, error.strerror or str(error))
    return f"{place}: {what}" if place else what


def _did_you_mean(message: str) -> str:
    """Return advice for a message about a missing file: the file with the nearest name, if there is one."""
    found = re.fullmatch(r"no such file: '(.+)'", message)
    if found is None:
        return ""
    path = Path(found[1])
    if path.exists():  # it is there, but no file can be made in it
        return "; choose another place"
    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except OSError:
        return f"; there is no folder {path.parent} either"
    close = nearest(path.name, names)
    return f"; did you mean {str(path.with_name(close))!r}?" if close else "; check the name and the folder"
