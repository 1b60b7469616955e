"""Make a demo: train a tokenizer on a text, encode the text, and train a micro GPT on the ids, in one folder.

    tokenizer.pybpe     the tokenizer, trained on nine tenths of the text
    shards/             the ids of the text, in the sets train and val
    run.json            with model.safetensors and metrics.jsonl, the training run, as runs/folder.py describes
    report.html         the report

`pybpe demo` calls this module, which prints nothing itself.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pybpe.data.documents import read_stream
from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.data.shards import TokenShards, write_shards
from pybpe.gpt.demo.corpus import choose_passage, choose_prompts, read_corpus
from pybpe.gpt.demo.page import write_report
from pybpe.gpt.demo.results import Corpus, DemoResults, Sample, Stage
from pybpe.gpt.inference import Model
from pybpe.gpt.micro import training as micro
from pybpe.gpt.pretrain import TrainingStep, evaluate
from pybpe.gpt.runs.folder import REPORT, write_metrics, write_run
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.runs.run import Watcher as RunWatcher
from pybpe.gpt.runs.run import start_run
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import TrainingData, read_data
from pybpe.pretokenization.patterns import prepare
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import atomic_folder

SHARDS = "shards"
SAMPLES = 3
SAMPLE_TOKENS = 120
TEMPERATURE, TOP_K, TOP_P = 0.7, 40, 0.9
MOST_USED = 16  # tokens in the report
PASSAGE_BYTES = 900  # of the held-out text in the report
NO_LIMIT = 1 << 30  # steps
USED_TIME = 0.9  # the fraction of a time limit for which steps are planned, because a trial's speed is an estimate
# A model soon overfits a small text; strong weight decay and few passes delay that.
LEARNING = Settings(batch_size=8, init_std=0.05, weight_decay=0.5)


@dataclass(frozen=True)
class DemoSettings:
    """The settings of a demo.

    corpus: a text file, None for the help topics that are part of Python. folder: where to write. Training ends with
    the first of these limits: `steps`, `seconds`, and `passes` over the text. None is no limit; at least one must be
    given. With a limit of seconds, the number of steps is planned from the speed of a few of them, so that the learning
    rate falls to 0 in time. learning: settings of the micro engine, whose `steps` are not used. text_field: see
    read_corpus.
    """

    corpus: Path | None
    folder: Path
    vocab_size: int = 1024
    steps: int | None = None
    seconds: float | None = 100.0
    passes: float | None = 8.0
    learning: Settings = LEARNING
    text_field: str = TEXT_FIELD


class Watcher:
    """Callbacks for the progress of a demo. They do nothing here: override those that you need."""

    def begins(self, stage: str) -> None:
        """Called when a stage begins."""

    def progress(self, stage: str, done: float, total: float | None) -> None:
        """Called with the progress of a stage; total is None if it is not known. See pybpe.util.progress."""

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Called after each step of training."""

    def found(self, result: str) -> None:
        """Called when a stage has ended, with a line on its result."""

    def sample(self, prompt: str, text: str, trained: bool) -> None:
        """Called with a prompt and the text that the model generated after it, before or after training."""


def run_demo(settings: DemoSettings, watcher: Watcher) -> DemoResults:
    """Run a demo and write its folder, completely or not at all.

    Ctrl-C during training ends the training, and the demo continues with the model so far; at any other time it ends
    the demo. Raises TrainingError or ValueError for text that cannot be trained on, OSError for files that cannot be
    read or written.
    """
    if settings.steps is settings.seconds is settings.passes is None:
        raise ValueError("give steps, seconds or passes: training must end some time")
    with atomic_folder(settings.folder) as folder:
        demo = _Demo(settings, watcher, folder)
        corpus = demo.read()
        tokenizer = demo.make_tokenizer(corpus)
        demo.make_shards(corpus, tokenizer)
        learning = demo.plan(tokenizer)
        before = demo.sample(Model(micro.new_model(learning, tokenizer.n_vocab, demo.rng), tokenizer), corpus)
        results = demo.train(learning, corpus, tokenizer)
        results.samples = [
            Sample(*texts) for texts in zip(demo.prompts(corpus), before, demo.samples_after, strict=True)
        ]
        results.stages = demo.stages
        write_report(folder / REPORT, results, settings.folder)
    return results


class _Demo(RunWatcher):
    """The stages of a demo. Each is timed, and calls the demo's watcher. As a RunWatcher it follows the training."""

    def __init__(self, settings: DemoSettings, watcher: Watcher, folder: Path) -> None:
        self._settings = settings
        self._watcher = watcher
        self._folder = folder
        self.stages: list[Stage] = []
        self.samples_after: list[str] = []

    @property
    def rng(self) -> random.Random:
        """Random numbers from the seed, with which the run draws its initial weights."""
        return random.Random(self._settings.learning.seed)

    def read(self) -> Corpus:
        """Read the text and hold a part of it out."""
        with self._stage("read") as stage:
            corpus = read_corpus(self._settings.corpus, self._settings.text_field)
            stage.amount = corpus.n_bytes
        left_out = corpus.size - corpus.n_bytes
        shortened = f" (its first {corpus.n_bytes:,}; the demo takes no more)" if left_out > 4 else ""
        self._watcher.found(
            f"{corpus.name}: {corpus.size:,} bytes{shortened}, {len(corpus.held_out):,} from all over it held out"
        )
        return corpus

    def make_tokenizer(self, corpus: Corpus) -> Tokenizer:
        """Train the tokenizer."""
        with self._stage("tokenizer") as stage:
            tokenizer = Tokenizer.train(
                read_stream(io.BytesIO(corpus.train), prepare("gpt4").cut),
                vocab_size=self._settings.vocab_size,
                progress=self._watcher.progress,
            )
            stage.amount = len(corpus.train)
        self._watcher.found(f"{tokenizer.n_vocab:,} tokens: 256 bytes, {len(tokenizer.merges):,} merges, 1 special")
        return tokenizer

    def make_shards(self, corpus: Corpus, tokenizer: Tokenizer) -> None:
        """Encode the text into shards."""
        with self._stage("encode") as stage:
            for name, text in (("train", corpus.train), ("val", corpus.held_out)):
                for _ in write_shards(tokenizer, [(text, True)], self._folder / SHARDS, name=name, source=name):
                    pass
            stage.amount = corpus.n_bytes
        shards = TokenShards(self._folder / SHARDS, tokenizer)
        n_ids = shards.n_ids("train") + shards.n_ids("val")
        self._watcher.found(f"{n_ids:,} ids, {corpus.n_bytes / n_ids:.2f} bytes a token")

    def plan(self, tokenizer: Tokenizer) -> Settings:
        """Return the settings of the run, with the number of steps that the limits allow."""
        wanted, learning = self._settings, self._settings.learning
        data = read_data([self._folder / SHARDS], tokenizer, lines=False, seed=learning.seed)
        micro.check(learning, data)
        tokens_a_step = learning.batch_size * learning.block_size
        steps = NO_LIMIT if wanted.steps is None else wanted.steps
        if wanted.passes is not None:
            steps = min(steps, int(wanted.passes * len(data.train) / tokens_a_step))
        if wanted.seconds is not None:
            took = micro.plan(replace(learning, steps=NO_LIMIT), data, None).seconds_a_token * tokens_a_step
            steps = min(steps, int(USED_TIME * wanted.seconds / took))
        steps = max(1, steps)
        return replace(learning, steps=steps, eval_every=min(learning.eval_every, max(1, steps // 4)))

    def train(self, learning: Settings, corpus: Corpus, tokenizer: Tokenizer) -> DemoResults:
        """Train the model in a run, and return the results, without samples."""
        self._watcher.begins("pretrain")
        self._corpus = corpus
        run = start_run(
            self._folder, learning, [self._folder / SHARDS], tokenizer, self, seconds=self._settings.seconds
        )
        # The folder gets its name only when all is done.
        run.run = replace(run.run, data=[str((self._settings.folder / SHARDS).resolve())])
        write_run(run.run, self._folder)
        shards = TokenShards(self._folder / SHARDS, tokenizer)
        used = np.bincount(shards.ids("train"), minlength=tokenizer.n_vocab)
        most = np.argsort(-used, kind="stable")[:MOST_USED].tolist()
        return DemoResults(
            corpus=corpus,
            tokenizer=tokenizer,
            n_train_ids=shards.n_ids("train"),
            n_held_out_ids=shards.n_ids("val"),
            most_used=[(token, int(used[token])) for token in most],
            passage=tokenizer.encode_ordinary(choose_passage(corpus.held_out, PASSAGE_BYTES)),
            run=run,
        )

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Pass a step of training on to the demo's watcher."""
        self._watcher.step(step, results)

    def ends(self, results: RunResults, model: Model, data: TrainingData, folder: Path) -> None:
        """Measure the held-out loss if a signal or the time limit ended training, and sample from the model."""
        metrics, learning = results.metrics, results.run.settings
        if data.val is not None and metrics.val_losses[-1][0] != results.steps:
            loss = evaluate(model.network, data.val, learning.batch_size, learning.eval_windows)
            metrics.val_losses.append((results.steps, loss))
            write_metrics(metrics, folder)
        tokens = results.steps * learning.batch_size * learning.block_size
        self.stages.append(Stage("pretrain", "tokens", tokens, results.seconds))
        self._watcher.found(
            f"{'interrupted after ' * (results.stopped in ('interrupt', 'terminate'))}{results.steps:,} steps, "
            f"held-out loss {results.loss:.2f} (frequencies alone: {results.unigram:.2f})"
        )
        self.samples_after = self.sample(model, self._corpus, trained=True)

    def prompts(self, corpus: Corpus) -> list[str]:
        """Return prompts from the held-out text."""
        return choose_prompts(corpus.held_out, SAMPLES)

    def sample(self, model: Model, corpus: Corpus, *, trained: bool = False) -> list[str]:
        """Return the text that the model generates after each prompt, with the same seeds before and after training."""
        texts = []
        with self._stage("sample after" if trained else "sample before", "tokens") as stage:
            for number, prompt in enumerate(self.prompts(corpus)):
                ids = model.encode_prompt(prompt)
                seed, end = self._settings.learning.seed + number, model.vocabulary.eot_token
                made = list(model.generate(ids, SAMPLE_TOKENS, Sampling(TEMPERATURE, TOP_K, TOP_P), (end,), seed=seed))
                texts.append(model.vocabulary.decode(made))
                stage.amount += len(made)
                self._watcher.sample(prompt, texts[-1], trained)
        return texts

    @contextmanager
    def _stage(self, name: str, unit: str = "bytes") -> Iterator[Stage]:
        """A context that times a stage. Its body sets the stage's `amount`."""
        self._watcher.begins(name)
        stage = Stage(name, unit)
        began = time.perf_counter()
        yield stage
        stage.seconds = time.perf_counter() - began
        self.stages.append(stage)
