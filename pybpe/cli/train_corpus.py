"""The training text of `pybpe train`: files, pipes or standard input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pybpe.cli.arguments import is_regular
from pybpe.cli.console import UsageError, standard_input

if TYPE_CHECKING:
    from pybpe import Tokenizer
    from pybpe.data.readers.blocks import Cut
    from pybpe.reports.evaluation.texts import Passage, Split
    from pybpe.training.counts.corpus import FileChunks
    from pybpe.util.progress import ProgressCallback

SAMPLE_BYTES = 10_000_000  # bytes of the corpus on which bytes per token are measured


class Corpus:
    """The training text: files, or standard input if there are none. Its size, `n_bytes`, is set by reading it.

    A sample of input that can be read only once, such as a pipe, is kept to measure on.
    cut: finds cuts in the text. held_out: the share of the text that is not trained on, None for none.
    """

    def __init__(
        self, files: list[Path], cut: Cut | None, text_field: str, held_out: float | None, seed: int = 0
    ) -> None:
        from pybpe.reports.evaluation.texts import Sample

        self.files = files
        self.cut = cut
        self.text_field = text_field
        self.lasting = bool(files) and all(map(is_regular, files))
        self.n_bytes = 0
        self._held_out = held_out
        self._seed = seed
        self._split: Split | None = None
        self._sample = Sample(SAMPLE_BYTES, seed)
        if held_out and not self.lasting:
            raise UsageError("--held-out needs files, which can be read again; save the text in one, or use --eval")

    def source(self) -> list[Path] | FileChunks:
        """Return the source for Tokenizer.train."""
        from pybpe.reports.evaluation.texts import Split
        from pybpe.training.counts.corpus import FileChunks

        if self._held_out:
            self._split = Split(self.files, self.cut, self.text_field, self._held_out, self._seed)
            return FileChunks(self._split.before())
        return self.files if self.lasting else FileChunks(self._read_once())

    def passages(self) -> list[Passage]:
        """Return the held-out text; a sample of the training text if nothing is held out."""
        from pybpe.reports.evaluation.texts import sample_passages

        if self._split:
            return self._split.held_out
        if self.lasting:
            return sample_passages(self.files, self.cut, self.text_field)
        return self._sample.passages()

    def counting_bytes(self, progress: ProgressCallback) -> ProgressCallback:
        """Wrap a progress callback so that the number of bytes counted is kept in `n_bytes`."""

        def watch(stage: str, done: float, total: float | None) -> None:
            if stage == "counting":
                self.n_bytes = int(done)
                total = self._split.n_before if self._split else total
            progress(stage, done, total)

        return watch

    def measure(self, tokenizer: Tokenizer) -> tuple[int, int]:
        """Return (bytes, tokens) of about SAMPLE_BYTES: the start of files, or the sample of input read only once."""
        n_bytes = n_tokens = 0
        if self._split:
            chunks: Iterable[bytes] = self._split.before()
        else:
            chunks = self._chunks() if self.lasting else [passage.text for passage in self._sample.passages()]
        for chunk in chunks:
            n_bytes += len(chunk)
            n_tokens += tokenizer.count(chunk)
            if n_bytes >= SAMPLE_BYTES:
                break
        return n_bytes, n_tokens

    def _chunks(self) -> Iterator[bytes]:
        from pybpe.data.documents import read_documents, read_stream

        if not self.files:
            return read_stream(standard_input().buffer, self.cut)
        return (chunk for chunk, _ in read_documents(self.files, self.cut, self.text_field))

    def _read_once(self) -> Iterator[bytes]:
        for chunk in self._chunks():
            self._sample.add_text(chunk, self.cut)
            yield chunk
