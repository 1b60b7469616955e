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
    """Return the paths of a folder of shards, or of the text files that files, globs and folders name.

    Raises UsageError for a folder of shards together with other names, and for the folder of a run.
    """
    from pybpe.gpt.runs.folder import RUN

    for name in names:
        if (Path(name) / RUN).is_file():
            raise UsageError(f"{name} is the folder of a run; to continue it: --resume {name}")
        if is_shards(name) and len(names) > 1:
            raise UsageError(f"{name} is a folder of shards, which must be the only data; leave out the other names")
    return [Path(names[0])] if is_shards(names[0]) else check_inputs(names)


def data_name(names: Sequence[str], paths: Sequence[Path]) -> str:
    """Return a name for the data, used for the folder of a run: that of the first folder, or of the first file."""
    from pybpe.data.readers.archives import without_archives

    if Path(names[0]).is_dir():
        return Path(names[0]).resolve().name
    return without_archives(paths[0]).stem
