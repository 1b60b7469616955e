"""Make a demo: train a tokenizer on a text, encode the text, and train a micro GPT on the ids, in one folder.

    tokenizer.pybpe     the tokenizer, trained on nine tenths of the text
    shards/             the ids of the text, in the sets train and val
    run.json            with model.safetensors and metrics.jsonl, the training run, as runs/folder.py describes
    report.html         the report

`pybpe demo` calls this module, which prints nothing itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.data.shards import TokenShards
from pybpe.gpt.demo.corpus import choose_passage, choose_prompts
from pybpe.gpt.demo.page import write_report
from pybpe.gpt.demo.results import Corpus, DemoResults, Sample, Stage
from pybpe.gpt.demo.stages import SHARDS, Stages, StageWatcher
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
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import atomic_folder

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


class Watcher(StageWatcher):
    """Callbacks for the progress of a demo. They do nothing here: override those that you need."""

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Called after each step of training."""

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
        corpus = demo.read(settings.corpus, settings.text_field)
        tokenizer = demo.make_tokenizer(corpus, settings.vocab_size)
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


class _Demo(Stages, RunWatcher):
    """The stages of a demo. As a RunWatcher it follows the training run."""

    def __init__(self, settings: DemoSettings, watcher: Watcher, folder: Path) -> None:
        super().__init__(folder, watcher)
        self._settings = settings
        self._watcher = watcher
        self.samples_after: list[str] = []

    @property
    def rng(self) -> random.Random:
        """Random numbers from the seed, with which the run draws its initial weights."""
        return random.Random(self._settings.learning.seed)

    def plan(self, tokenizer: Tokenizer) -> Settings:
        """Return the settings of the run, with the number of steps that the limits allow."""
        wanted, learning = self._settings, self._settings.learning
        data = read_data([self.folder / SHARDS], tokenizer, lines=False, seed=learning.seed)
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
        run = start_run(self.folder, learning, [self.folder / SHARDS], tokenizer, self, seconds=self._settings.seconds)
        # The folder gets its name only when all is done.
        run.run = replace(run.run, data=[str((self._settings.folder / SHARDS).resolve())])
        write_run(run.run, self.folder)
        shards = TokenShards(self.folder / SHARDS, tokenizer)
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
        with self.stage("sample after" if trained else "sample before", "tokens") as stage:
            for number, prompt in enumerate(self.prompts(corpus)):
                ids = model.encode_prompt(prompt)
                seed, end = self._settings.learning.seed + number, model.vocabulary.eot_token
                made = list(model.generate(ids, SAMPLE_TOKENS, Sampling(TEMPERATURE, TOP_K, TOP_P), (end,), seed=seed))
                texts.append(model.vocabulary.decode(made))
                stage.amount += len(made)
                self._watcher.sample(prompt, texts[-1], trained)
        return texts
