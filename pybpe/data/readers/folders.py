"""The text files of a folder."""

from __future__ import annotations

from pathlib import Path

from pybpe.data.readers.archives import without_archives

TEXT_SUFFIXES = (".txt", ".text", ".md", ".rst", ".jsonl", ".ndjson", ".parquet")


def text_files(folder: Path) -> list[Path]:
    """Return the text files of a folder and of the folders in it, sorted by path.

    Text files are those whose names end in one of TEXT_SUFFIXES, also packed (.gz, .zst). Names that begin with a dot
    are left out. FileNotFoundError if there is none.
    """
    files = [path for path in folder.rglob("*") if _is_text(path.relative_to(folder)) and path.is_file()]
    if not files:
        raise FileNotFoundError(
            f"{folder} is a folder without text files ({', '.join(TEXT_SUFFIXES)}, also packed as .gz or .zst); "
            f"name its files, for example '{folder}/*.csv'"
        )
    return sorted(files)


def _is_text(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and without_archives(path).suffix.lower() in TEXT_SUFFIXES
