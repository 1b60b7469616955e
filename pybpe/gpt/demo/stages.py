"""The stages that all demos begin with: read a text, train a tokenizer on it, and write its ids to shards."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pybpe.data.documents import read_stream
from pybpe.data.shards import TokenShards, write_shards
from pybpe.gpt.demo.corpus import read_corpus
from pybpe.gpt.demo.results import Corpus, Stage
from pybpe.pretokenization.patterns import prepare
from pybpe.tokenizer import Tokenizer

SHARDS = "shards"  # the folder of the ids


class StageWatcher:
    """Callbacks for the stages of a demo. They do nothing here: override those that you need."""

    def begins(self, stage: str) -> None:
        """Called when a stage begins."""

    def progress(self, stage: str, done: float, total: float | None) -> None:
        """Called with the progress of a stage; total is None if it is not known. See pybpe.util.progress."""

    def found(self, result: str) -> None:
        """Called when a stage has ended, with a line on its result."""


class Stages:
    """The stages of a demo. Each is timed, and calls the watcher.

    folder: the folder of the demo. stages: those that have ended, in order.
    """

    def __init__(self, folder: Path, watcher: StageWatcher) -> None:
        self.folder = folder
        self.stages: list[Stage] = []
        self._stage_watcher = watcher

    def read(self, path: Path | None, text_field: str) -> Corpus:
        """Read the text and hold out a part of it. path, text_field: see `read_corpus`."""
        with self.stage("read") as stage:
            corpus = read_corpus(path, text_field)
            stage.amount = corpus.n_bytes
        left_out = corpus.size - corpus.n_bytes
        shortened = f" (its first {corpus.n_bytes:,}; the demo takes no more)" if left_out > 4 else ""
        self._stage_watcher.found(
            f"{corpus.name}: {corpus.size:,} bytes{shortened}, {len(corpus.held_out):,} from all over it held out"
        )
        return corpus

    def make_tokenizer(self, corpus: Corpus, vocab_size: int) -> Tokenizer:
        """Train a tokenizer on the training text."""
        with self.stage("tokenizer") as stage:
            tokenizer = Tokenizer.train(
                read_stream(io.BytesIO(corpus.train), prepare("gpt4").cut),
                vocab_size=vocab_size,
                progress=self._stage_watcher.progress,
            )
            stage.amount = len(corpus.train)
        merges = f"256 bytes, {len(tokenizer.merges):,} merges, 1 special"
        self._stage_watcher.found(f"{tokenizer.n_vocab:,} tokens: {merges}")
        return tokenizer

    def make_shards(self, corpus: Corpus, tokenizer: Tokenizer) -> TokenShards:
        """Write the ids of the text to the folder shards, in the sets train and val."""
        with self.stage("encode") as stage:
            for name, text in (("train", corpus.train), ("val", corpus.held_out)):
                for _ in write_shards(tokenizer, [(text, True)], self.folder / SHARDS, name=name, source=name):
                    pass
            stage.amount = corpus.n_bytes
        shards = TokenShards(self.folder / SHARDS, tokenizer)
        n_ids = shards.n_ids("train") + shards.n_ids("val")
        self._stage_watcher.found(f"{n_ids:,} ids, {corpus.n_bytes / n_ids:.2f} bytes a token")
        return shards

    @contextmanager
    def stage(self, name: str, unit: str = "bytes") -> Iterator[Stage]:
        """A context that times a stage. Its body sets the stage's `amount`."""
        self._stage_watcher.begins(name)
        stage = Stage(name, unit)
        began = time.perf_counter()
        yield stage
        stage.seconds = time.perf_counter() - began
        self.stages.append(stage)
