"""The word counts that `pybpe train` reads with --counts and writes with --save-counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pybpe.cli.arguments import check_inputs, check_output_file
from pybpe.cli.console import UsageError, typed
from pybpe.cli.train_corpus import Corpus

if TYPE_CHECKING:
    from pybpe import Tokenizer, WordCounts
    from pybpe.data.readers.blocks import Cut
    from pybpe.reports.evaluation.texts import Passage
    from pybpe.util.progress import ProgressCallback

_SUFFIXES = (".npz", ".parquet")


class CountedCorpus:
    """Files of word counts in place of a Corpus, without text to measure on."""

    lasting = False
    text_field = "text"

    def __init__(self, names: Sequence[str]) -> None:
        self.files = check_inputs(names, folders=False)
        self._counts = _read(self.files[0])
        for path in self.files[1:]:
            self._counts.merge(_read(path))
        words = self._counts.words()
        self.n_bytes = int(words.sizes.astype("float64") @ words.counts)  # int64 could overflow

    @property
    def cut(self) -> Cut | None:
        """The function that finds cuts in text for the pattern of the counts."""
        return self._counts.cut

    def source(self) -> WordCounts:
        """Return the source for Tokenizer.train."""
        return self._counts

    def counting_bytes(self, progress: ProgressCallback) -> ProgressCallback:
        """Return the callback unchanged: nothing is counted."""
        return progress

    def passages(self) -> list[Passage]:
        """Return []: there is no text."""
        return []

    def measure(self, tokenizer: Tokenizer) -> tuple[int, int]:
        """Return (0, 0): there is no text."""
        return 0, 0


AnyCorpus = Corpus | CountedCorpus


class Counted:
    """A callback for finished word counts, which writes them to the file of --save-counts and keeps their totals."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.written = False
        self.n_words = self.n_different = self.forgotten = 0
        if path is not None:
            _check_suffix(path, "--save-counts")

    def check(self, inputs: Sequence[Path], outputs: Sequence[Path], force: bool) -> None:
        """Raise OSError, UsageError or MissingPackageError if the counts cannot be written."""
        if self.path is None:
            return
        check_output_file(self.path, inputs, force, "--save-counts", "counts.npz")
        for output in outputs:
            if output.resolve() == self.path.resolve():
                raise UsageError(f"two files cannot both be {output}; name another with --save-counts")
        if self.path.suffix == ".parquet":
            from pybpe.data.readers.parquet import check_parquet

            check_parquet()

    def __call__(self, counts: WordCounts) -> None:
        """Keep the totals of the counts, and write them if --save-counts is given."""
        self.n_words, self.n_different, self.forgotten = counts.total, len(counts), counts.forgotten
        if self.path is not None:
            (counts.to_npz if self.path.suffix == ".npz" else counts.to_parquet)(self.path)
            self.written = True

    @property
    def interrupted(self) -> str:
        """The message about the written counts after an interrupt; "" if none were written."""
        if not self.written or self.path is None:
            return ""
        return f"the counts are complete; go on with: pybpe train --counts {typed(self.path)}"


def _read(path: Path) -> WordCounts:
    from pybpe import WordCounts

    _check_suffix(path, "--counts")
    return WordCounts.from_npz(path) if path.suffix == ".npz" else WordCounts.from_parquet(path)


def _check_suffix(path: Path, option: str) -> None:
    if path.suffix not in _SUFFIXES:
        raise UsageError(
            f"{path} does not have the suffix of a file of counts; name a .npz or .parquet file with {option}"
        )
