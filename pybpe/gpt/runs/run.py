"""Start, prepare, continue or estimate a training run in a folder, with any engine, for `pybpe gpt train`."""

from __future__ import annotations

import dataclasses
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.errors import TokenIdError, TrainingError
from pybpe.gpt.engines import engine
from pybpe.gpt.finetune.answers import ask_after, ask_before
from pybpe.gpt.finetune.data import ChatData, read_chat_data
from pybpe.gpt.inference import Model
from pybpe.gpt.pretrain import TrainingStep, unigram_entropy
from pybpe.gpt.runs.folder import (
    MODEL,
    REPORT,
    Metrics,
    Run,
    find_data,
    places,
    read_metrics,
    read_run,
    write_run,
)
from pybpe.gpt.runs.page import TEMPERATURE, RunResults, write_run_report
from pybpe.gpt.runs.replacing import replacing, tidy
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import TrainingData, read_data
from pybpe.gpt.vocabulary import (
    Vocabulary,
    bytes_per_token,
    check_same,
    load_vocabulary,
    save_vocabulary,
)

SAMPLES = 3
SAMPLE_TOKENS = 200
MOST_PASSES = 40  # passes over the training text above which there is a warning


class Watcher:
    """Callbacks for the progress of a run. They do nothing here: override those that you need."""

    def begins(self, results: RunResults) -> None:
        """Called when training begins or continues. `results` is updated during training."""

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Called after each step of training."""


def start_run(
    folder: Path,
    settings: Settings,
    paths: list[Path],
    vocabulary: Vocabulary | None,
    watcher: Watcher,
    threads: int | None = None,
    *,
    replace: bool = False,
    seconds: float | None = None,
    text_field: str = TEXT_FIELD,
) -> RunResults:
    """Start a run in a folder, which is created if necessary, and train to the end.

    paths, vocabulary, text_field: see read_data. replace: replace a run that is in the folder. seconds: a time limit
    for training. Ctrl-C, SIGTERM and the time limit end training early with a checkpoint, from which `resume_run`
    continues.

    After an error before the first checkpoint, the folder is as it was before, with the run that was to be replaced.
    Raises FileExistsError if the folder has a run and not `replace`, and the errors of reading and training.
    """
    engine(settings.engine)  # raises if a package is missing, before the data is read
    data = _read(paths, vocabulary, settings, text_field)
    return train_on(
        folder, settings, paths, data, watcher, threads, replace=replace, seconds=seconds, text_field=text_field
    )


def train_on(
    folder: Path,
    settings: Settings,
    paths: list[Path],
    data: TrainingData,
    watcher: Watcher,
    threads: int | None = None,
    *,
    replace: bool = False,
    seconds: float | None = None,
    text_field: str = TEXT_FIELD,
) -> RunResults:
    """Start a run as `start_run` does, on data that has been read from `paths` with these settings."""
    n_threads = engine(settings.engine).recorded_threads(threads)
    run = _plan(folder, settings, paths, data, n_threads, text_field)
    with replacing(folder, replace):
        _write(run, data, folder)
        return _train(folder, run, data, Metrics(), watcher, seconds)


def prepare_run(
    folder: Path,
    settings: Settings,
    paths: list[Path],
    vocabulary: Vocabulary | None,
    threads: int | None = None,
    *,
    replace: bool = False,
    text_field: str = TEXT_FIELD,
) -> None:
    """Write the folder of a run without training; `resume_run` starts it, or several processes start it together."""
    engine(settings.engine)
    data = _read(paths, vocabulary, settings, text_field)
    run = _plan(folder, settings, paths, data, threads, text_field)
    with replacing(folder, replace):
        _write(run, data, folder)


@dataclass(frozen=True)
class DryRun:
    """An estimate of what a run needs.

    memory: peak in bytes. n_train_ids: tokens of training text. tokens: tokens trained on, repeated ones included.
    seconds: time of the whole run.
    """

    n_vocab: int
    n_params: int
    memory: int
    n_train_ids: int
    tokens: int
    seconds: float


def dry_run(
    settings: Settings,
    paths: list[Path],
    vocabulary: Vocabulary | None,
    threads: int | None = None,
    *,
    text_field: str = TEXT_FIELD,
) -> DryRun:
    """Estimate what a run needs: read the data and train a few batches. Writes nothing. Errors as in `start_run`."""
    engine(settings.engine)
    data = _read(paths, vocabulary, settings, text_field)
    _plan(Path(), settings, paths, data, threads, text_field)
    found, tokens = engine(settings.engine).plan(settings, data, threads), n_tokens(settings, data)
    time_taken = found.seconds_a_token * tokens
    return DryRun(data.vocabulary.n_vocab, found.n_params, found.memory, len(data.train), tokens, time_taken)


def n_tokens(settings: Settings, data: TrainingData) -> int:
    """Return the number of tokens that a whole run trains on, repeated ones included."""
    if data.documents is None:
        return settings.steps * settings.batch_size * settings.accumulate * settings.block_size
    lengths = [min(settings.block_size, len(document) - 1) for document in data.documents]
    return sum(lengths) * settings.steps // max(1, len(lengths))


def warn_of_passes(settings: Settings, data: TrainingData) -> None:
    """Warn if a run passes over its data more than MOST_PASSES times, so that the model mostly memorizes it."""
    passes = n_tokens(settings, data) / max(1, data.pass_tokens)
    if passes > MOST_PASSES:
        warnings.warn(
            f"{settings.steps:,} steps are {passes:,.0f} passes over the {data.pass_tokens:,} tokens of training text; "
            f"above {MOST_PASSES} or so a model mostly memorizes: give more text, or fewer --steps",
            stacklevel=2,
        )


def _plan(
    folder: Path,
    settings: Settings,
    paths: list[Path],
    data: TrainingData,
    threads: int | None,
    text_field: str,
) -> Run:
    """Check that the engine can train the settings on the data, and return the content of run.json."""
    engine(settings.engine).check(settings, data)
    warn_of_passes(settings, data)
    absolute, relative = places(paths, folder)
    return Run(settings, absolute, data.digest(), data.vocabulary.fingerprint, text_field, relative, threads)


def _read(paths: list[Path], vocabulary: Vocabulary | None, settings: Settings, text_field: str) -> TrainingData:
    if settings.chat:
        return read_chat_data(paths, vocabulary, settings)
    return read_data(
        paths,
        vocabulary,
        lines=settings.lines,
        seed=settings.seed,
        text_field=text_field,
        special=settings.special,
    )


def _write(run: Run, data: TrainingData, folder: Path) -> None:
    write_run(run, folder)
    save_vocabulary(data.vocabulary, folder)


def resume_run(
    folder: Path,
    watcher: Watcher,
    threads: int | None = None,
    paths: list[Path] | None = None,
    *,
    steps: int | None = None,
    seconds: float | None = None,
) -> RunResults:
    """Continue the run of a folder, digit for digit as if it had not stopped.

    threads: number of threads (None: as in run.json). paths: paths of the data, if it has moved (None: as in run.json).
    steps: a new total number of steps, also for a run that has ended (None: as in run.json). New values are saved in
    run.json. The learning rate of step i is schedule(i / steps) with the new total, and steps taken are not repeated.
    seconds: see `start_run`.

    If no steps are left, only the report is written again. Raises TrainingError if the data has changed or the run has
    taken more than `steps` steps, and the errors of `start_run`.
    """
    run, data, metrics = reread(folder, paths, steps)
    if steps is not None:
        warn_of_passes(run.settings, data)
    n_threads = threads or run.threads or engine(run.settings.engine).recorded_threads(None)
    absolute, relative = (run.data, run.relative) if paths is None else places(paths, folder)
    run = dataclasses.replace(run, data=absolute, relative=relative, threads=n_threads)
    if run != read_run(folder):
        write_run(run, folder)
    tidy(folder)
    results = _train(folder, run, data, metrics, watcher, seconds)
    tidy(folder)
    return results


def read_run_data(folder: Path, paths: list[Path] | None = None) -> tuple[Run, TrainingData]:
    """Read run.json and the data of the run in a folder. paths: paths of the data, None for those in run.json.

    Raises TrainingError if the data has changed since the run began, and FileNotFoundError if it does not exist.
    """
    run, vocabulary = read_run(folder), load_vocabulary(folder)
    check_same(vocabulary, run.tokenizer, vocabulary.n_vocab, str(folder))
    paths = find_data(run, folder) if paths is None else paths
    try:
        data = _read(paths, vocabulary, run.settings, run.text_field)
    except TokenIdError:  # the text has a new character
        data = None
    if data is None or not data.has_digest(run.digest):
        raise TrainingError(
            f"the text of {', '.join(map(str, paths))} has changed since the run began; restore it, or begin another "
            "run with it"
        )
    return run, data


def reread(
    folder: Path, paths: list[Path] | None = None, steps: int | None = None
) -> tuple[Run, TrainingData, Metrics]:
    """Return what `read_run_data` returns, and the metrics up to the checkpoint. steps: see `resume_run`."""
    run, data = read_run_data(folder, paths)
    path = folder / MODEL
    taken = engine(run.settings.engine).load(path).step if path.exists() else 0
    metrics = read_metrics(folder, taken) if path.exists() else Metrics()
    if steps is not None:
        if steps < taken:
            raise TrainingError(f"steps is {steps:,}; the run in {folder} has taken {taken:,} already: give more")
        run = dataclasses.replace(run, settings=dataclasses.replace(run.settings, steps=steps))
    return run, data, metrics


def _train(
    folder: Path,
    run: Run,
    data: TrainingData,
    metrics: Metrics,
    watcher: Watcher,
    seconds: float | None,
) -> RunResults:
    metrics.bytes_a_token = bytes_per_token(data.vocabulary, data.measured)
    results = RunResults(
        run=run,
        vocabulary=data.vocabulary,
        metrics=metrics,
        n_train_ids=len(data.train),
        unigram=unigram_entropy(data.measured, data.vocabulary.n_vocab),
        facts=data.facts(),
        first_step=len(metrics.losses),
    )
    watcher.begins(results)
    chosen, began = engine(run.settings.engine), time.perf_counter()

    def on_step(step: TrainingStep) -> None:
        results.tokens_per_second = step.tokens_per_second
        watcher.step(step, results)

    before = ask_before(folder, run.settings, data) if isinstance(data, ChatData) else []
    results.stopped = chosen.train(run, data, folder, metrics, run.threads, on_step, seconds)
    results.seconds = time.perf_counter() - began
    loaded = chosen.load(folder / MODEL)
    results.n_params = loaded.n_params
    model = Model(loaded.model, data.vocabulary)
    if isinstance(data, ChatData):
        results.answers = ask_after(folder, model, data, before)
    else:
        results.samples = _samples(model, data, run.settings.seed)
    write_run_report(folder / REPORT, results, folder)
    return results


def _samples(model: Model, data: TrainingData, seed: int) -> list[str]:
    """Return texts that the model generates from the beginning of a text."""
    sampling, texts = Sampling(TEMPERATURE), []
    for number in range(SAMPLES):
        texts.append("".join(model.stream_text(data.beginning(), SAMPLE_TOKENS, sampling, seed=seed + number)))
    return texts
