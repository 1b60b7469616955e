"""Replace an earlier run in a folder, and restore it if the new one fails before its first checkpoint."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pybpe.gpt.runs.folder import ANSWERS, BEST, METRICS, MODEL, REPORT, RUN
from pybpe.gpt.vocabulary import CHARACTERS, TOKENIZER

FILES = (MODEL, RUN, BEST, METRICS, REPORT, ANSWERS, CHARACTERS, TOKENIZER)  # of a run
LEFT_BEHIND = ".*.part"  # what a killed process leaves: incomplete files, and an earlier run that it was to replace


def check_free(folder: Path, replace: bool = False) -> list[Path]:
    """Return the files of a run in a folder. FileExistsError if there are any, unless `replace`."""
    there = [path for path in (folder / name for name in FILES) if path.exists()]
    if there and not replace:
        raise FileExistsError(
            f"{there[0]} exists already; go on with it: --resume {folder}, replace it: --force, "
            "or name another folder with -o"
        )
    return there


@contextmanager
def replacing(folder: Path, replace: bool) -> Iterator[None]:
    """A context in which a run is written to a folder. An error before the first checkpoint restores the folder.

    The files of an earlier run are moved to a temporary folder inside it, and deleted at the end.
    """
    earlier, made = check_free(folder, replace), not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        others = set(folder.iterdir()).difference(earlier)
        waiting = Path(tempfile.mkdtemp(prefix=".earlier.", suffix=".part", dir=folder))
        try:
            for path in earlier:
                path.rename(waiting / path.name)
            yield
        except BaseException:
            if not (folder / MODEL).exists():
                for path in set(folder.iterdir()) - others - {waiting}:
                    if path not in earlier or (waiting / path.name).exists():
                        path.unlink()
                for path in waiting.iterdir():
                    path.rename(folder / path.name)
            shutil.rmtree(waiting)
            raise
        shutil.rmtree(waiting)
    finally:
        if made and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def tidy(folder: Path) -> None:
    """Remove what a killed process left; an earlier run is removed only if this run has a checkpoint."""
    for path in folder.glob(LEFT_BEHIND):
        if not path.is_dir():
            path.unlink()
        elif (folder / MODEL).exists():
            shutil.rmtree(path)
