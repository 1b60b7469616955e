"""Make a demo: train a tokenizer and a micro GPT on one text, and write all results to a folder.

    tokenizer.pybpe     the tokenizer, trained on nine tenths of the text
    shards/             the ids of the text, in the sets train and val
    model.safetensors   the micro GPT, trained on the set train
    report.html         the report

`pybpe demo` calls this module, which prints nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.data.shards import TokenShards
from pybpe.errors import TrainingError
from pybpe.gpt.demo.corpus import choose_passage, choose_prompts
from pybpe.gpt.demo.page import write_report
from pybpe.gpt.demo.results import Corpus, DemoResults, Sample
from pybpe.gpt.demo.stages import Stages, StageWatcher
from pybpe.gpt.inference import Model
from pybpe.gpt.micro import MicroGPT
from pybpe.gpt.micro.training import new_model
from pybpe.gpt.pretrain import Ids, TrainingStep, evaluate, pretrain, unigram_entropy
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.settings import Settings
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import atomic_folder

SAMPLES = 3
SAMPLE_TOKENS = 120
TEMPERATURE, TOP_K, TOP_P = 0.7, 40, 0.9
MOST_USED = 16  # tokens in the report
PASSAGE_BYTES = 900  # of the held-out text in the report
NO_LIMIT = 1 << 40  # steps
# A model soon overfits a small text; strong weight decay and few passes delay that.
LEARNING = Settings(batch_size=8, init_std=0.05, weight_decay=0.5)


@dataclass(frozen=True)
class DemoSettings:
    """The settings of a demo.

    corpus: a text file, None for the help topics that are part of Python. folder: where to write. Training ends with
    the first of these limits: `steps`, `seconds`, and `passes` over the text. None is no limit; at least one must be
    given. learning: settings of the micro engine, whose `steps` are not used. text_field: see read_corpus.
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

    def step(self, step: TrainingStep, results: DemoResults) -> None:
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
        tokenizer.save(folder / "tokenizer.pybpe")
        shards = demo.make_shards(corpus, tokenizer)
        model = demo.make_model(tokenizer, shards)
        results = demo.first_facts(corpus, tokenizer, shards, model)
        before = demo.sample(model, results, trained=False)
        demo.pretrain(model, shards, results)
        after = demo.sample(model, results, trained=True)
        results.samples = [Sample(*texts) for texts in zip(demo.prompts(corpus), before, after, strict=True)]
        results.stages = demo.stages
        write_report(folder / "report.html", results, settings.folder)
    return results


class _Demo(Stages):
    """The stages of a demo. Each is timed, and calls the watcher."""

    def __init__(self, settings: DemoSettings, watcher: Watcher, folder: Path) -> None:
        super().__init__(folder, watcher)
        self._settings = settings
        self._watcher = watcher

    def make_model(self, tokenizer: Tokenizer, shards: TokenShards) -> MicroGPT:
        least = self._settings.learning.block_size + 1
        if shards.n_ids("val") < least:
            raise TrainingError(
                f"the held-out tenth of the text is only {shards.n_ids('val')} tokens, and the model needs {least}: "
                "give more text or a smaller vocabulary"
            )
        return new_model(self._settings.learning, tokenizer.n_vocab)

    def first_facts(self, corpus: Corpus, tokenizer: Tokenizer, shards: TokenShards, model: MicroGPT) -> DemoResults:
        """Return the results that are known before training; the other fields are empty."""
        train_ids, held_out_ids = shards.ids("train"), shards.ids("val")
        used = np.bincount(train_ids, minlength=tokenizer.n_vocab)
        most = np.argsort(-used, kind="stable")[:MOST_USED].tolist()
        return DemoResults(
            corpus=corpus,
            tokenizer=tokenizer,
            config=model.config,
            n_params=model.n_params,
            n_train_ids=len(train_ids),
            n_held_out_ids=len(held_out_ids),
            unigram=unigram_entropy(held_out_ids, tokenizer.n_vocab),
            most_used=[(token, int(used[token])) for token in most],
            passage=tokenizer.encode_ordinary(choose_passage(corpus.held_out, PASSAGE_BYTES)),
            held_out_losses=[(0, self._measure(model, held_out_ids))],
        )

    def pretrain(self, model: MicroGPT, shards: TokenShards, results: DemoResults) -> None:
        """Train the model, save it, and add losses to `results`."""
        settings = self._settings.learning
        train_ids, held_out_ids = shards.ids("train"), shards.ids("val")
        steps = self._most_steps(len(train_ids))
        with self.stage("pretrain", "tokens") as stage:
            log = pretrain(
                model,
                train_ids,
                held_out_ids,
                steps=steps,
                batch_size=settings.batch_size,
                lr=settings.lr,
                seed=settings.seed,
                eval_every=min(settings.eval_every, max(1, steps // 4)),
                eval_windows=settings.eval_windows,
                max_seconds=self._settings.seconds,
                warmup=settings.warmup,
                on_step=lambda step: self._watcher.step(step, results),
            )
            stage.amount = log.tokens
        results.stopped = log.stopped
        results.losses = log.losses
        results.held_out_losses += log.val_losses
        if results.held_out_losses[-1][0] != len(log.losses):  # after Ctrl-C, pretrain does not measure it
            results.held_out_losses.append((len(log.losses), self._measure(model, held_out_ids)))
        model.save(self.folder / "model.safetensors", {"tokenizer": results.tokenizer.fingerprint})
        self._watcher.found(
            f"{'interrupted after ' * results.interrupted}{len(log.losses):,} steps, "
            f"held-out loss {results.held_out_loss:.2f} (frequencies alone: {results.unigram:.2f})"
        )

    def _measure(self, model: MicroGPT, ids: Ids) -> float:
        return evaluate(model, ids, self._settings.learning.batch_size, self._settings.learning.eval_windows)

    def _most_steps(self, n_train_ids: int) -> int:
        settings = self._settings
        steps = NO_LIMIT if settings.steps is None else settings.steps
        if settings.passes is not None:
            tokens_a_step = settings.learning.batch_size * settings.learning.block_size
            steps = min(steps, int(settings.passes * n_train_ids / tokens_a_step))
        return max(1, steps)

    def prompts(self, corpus: Corpus) -> list[str]:
        """Return prompts from the held-out text."""
        return choose_prompts(corpus.held_out, SAMPLES)

    def sample(self, model: MicroGPT, results: DemoResults, *, trained: bool) -> list[str]:
        """Return the text that the model generates after each prompt, with the same seeds before and after training."""
        texts = []
        end = results.tokenizer.eot_token
        generator, sampling = Model(model, results.tokenizer), Sampling(TEMPERATURE, TOP_K, TOP_P)
        with self.stage("sample after" if trained else "sample before", "tokens") as stage:
            for number, prompt in enumerate(self.prompts(results.corpus)):
                ids = results.tokenizer.encode_ordinary(prompt)
                seed = self._settings.learning.seed + number
                made = list(generator.generate(ids, SAMPLE_TOKENS, sampling, (end,), seed=seed))
                texts.append(results.tokenizer.decode(made))
                stage.amount += len(made)
                self._watcher.sample(prompt, texts[-1], trained)
        return texts
