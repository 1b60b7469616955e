"""The argument DATA of the gpt commands: text files, folders of them, or one folder of shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pybpe.cli.arguments import check_inputs
from pybpe.cli.console import UsageError


def is_shards(name: str | Path) -> bool:
    """True if a path is a folder of token shards."""
    from pybpe.data.manifest import MANIFEST

    return (Path(name) / MANIFEST).is_file()


def data_paths(names: Sequence[str]) -> list[Path]:
    """Return the folder of shards that is named, or the text files that files, globs and folders stand for.

    UsageError for a folder of shards beside other names, and for the folder of a run.
    """
    from pybpe.gpt.runs.folder import RUN

    for name in names:
        if (Path(name) / RUN).is_file():
            raise UsageError(f"{name} is the folder of a run; to continue it: --resume {name}")
        if is_shards(name) and len(names) > 1:
            raise UsageError(f"{name} is a folder of shards, which goes alone; leave out the other names")
    return [Path(names[0])] if is_shards(names[0]) else check_inputs(names)


def data_name(names: Sequence[str], paths: Sequence[Path]) -> str:
    """Return the name of the data for the folder of a run: of the folder that was named, or of the first file."""
    from pybpe.data.readers.archives import without_archives

    if Path(names[0]).is_dir():
        return Path(names[0]).resolve().name
    return without_archives(paths[0]).stem
