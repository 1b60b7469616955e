"""A training run from data to report, in one folder (folder.py), with any engine: what `pybpe gpt train` does."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.errors import TokenIdError, TrainingError
from pybpe.gpt.engines import OnStep, engine
from pybpe.gpt.inference import Model
from pybpe.gpt.pretrain import TrainingStep, unigram_entropy
from pybpe.gpt.runs.folder import (
    BEST,
    METRICS,
    MODEL,
    REPORT,
    RUN,
    Metrics,
    Run,
    find_data,
    places,
    read_metrics,
    read_run,
    write_run,
)
from pybpe.gpt.runs.page import TEMPERATURE, RunResults, write_run_report
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import TrainingData, read_data
from pybpe.gpt.vocabulary import (
    CHARACTERS,
    TOKENIZER,
    Vocabulary,
    bytes_per_token,
    check_same,
    load_vocabulary,
    save_vocabulary,
)

SAMPLES = 3
SAMPLE_TOKENS = 200
MOST_PASSES = 40  # over the training text, before a warning
FILES = (MODEL, RUN, BEST, METRICS, REPORT, CHARACTERS, TOKENIZER)  # of a run
LEFT_BEHIND = ".*.part"  # by a kill: files half written, and an earlier run that was to be replaced


class Watcher:
    """Is told what a run does. This one does nothing; override what is of interest."""

    def begins(self, results: RunResults) -> None:
        """Training begins, or goes on; `facts` fill as it does."""

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """The model took a step."""


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
    """Begin a run in a folder that is made for it, and train to its end.

    paths, vocabulary, text_field: see read_data. replace: instead of a run that the folder holds. seconds: a time limit
    for training. Ctrl-C, SIGTERM and the time limit end it early with a checkpoint, from which `resume_run` continues.

    Where an error comes before the first checkpoint, no file of the run is left, and the run that was to be replaced is
    there again. Raises what reading and training raise, and FileExistsError where a run is in the way.
    """
    n_threads = engine(settings.engine).recorded_threads(threads)
    run, data = _plan(folder, settings, paths, vocabulary, n_threads, text_field)
    with _folder(folder, replace):
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
    """Make the folder of a run, for `resume_run` to begin it, or for several processes to begin it together."""
    run, data = _plan(folder, settings, paths, vocabulary, threads, text_field)
    with _folder(folder, replace):
        _write(run, data, folder)


def check_free(folder: Path, replace: bool = False) -> list[Path]:
    """Return the files of a run that a folder holds. FileExistsError if there are any, unless `replace`."""
    there = [path for path in (folder / name for name in FILES) if path.exists()]
    if there and not replace:
        raise FileExistsError(
            f"{there[0]} exists already; go on with it: --resume {folder}, replace it: --force, "
            "or name another folder with -o"
        )
    return there


@dataclass(frozen=True)
class DryRun:
    """What a run would be. tokens: all that it would learn from, of n_train_ids different ones. memory: in bytes."""

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
    """Read the data, try a few batches, write nothing. Raises what `start_run` raises."""
    _, data = _plan(Path(), settings, paths, vocabulary, threads, text_field)
    found, tokens = engine(settings.engine).plan(settings, data, threads), n_tokens(settings, data)
    time_taken = found.seconds_a_token * tokens
    return DryRun(data.vocabulary.n_vocab, found.n_params, found.memory, len(data.train), tokens, time_taken)


def n_tokens(settings: Settings, data: TrainingData) -> int:
    """Return how many tokens a whole run trains on, repeated ones included."""
    if data.documents is None:
        return settings.steps * settings.batch_size * settings.accumulate * settings.block_size
    lengths = [min(settings.block_size, len(document) - 1) for document in data.documents]
    return sum(lengths) * settings.steps // max(1, len(lengths))


def warn_of_passes(settings: Settings, data: TrainingData) -> None:
    """Warn where a run trains on its data so often that it only memorizes them."""
    passes = n_tokens(settings, data) / max(1, len(data.train))
    if passes > MOST_PASSES:
        warnings.warn(
            f"{settings.steps:,} steps are {passes:,.0f} passes over the {len(data.train):,} tokens of training text; "
            f"above {MOST_PASSES} or so a model mostly memorizes: give more text, or fewer --steps",
            stacklevel=2,
        )


def _plan(
    folder: Path,
    settings: Settings,
    paths: list[Path],
    vocabulary: Vocabulary | None,
    threads: int | None,
    text_field: str,
) -> tuple[Run, TrainingData]:
    chosen = engine(settings.engine)
    data = _read(paths, vocabulary, settings, text_field)
    chosen.check(settings, data)
    warn_of_passes(settings, data)
    absolute, relative = places(paths, folder)
    run = Run(settings, absolute, data.digest(), data.vocabulary.fingerprint, text_field, relative, threads)
    return run, data


def _read(paths: list[Path], vocabulary: Vocabulary | None, settings: Settings, text_field: str) -> TrainingData:
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


@contextmanager
def _folder(folder: Path, replace: bool) -> Iterator[None]:
    """A folder for a run; an error within, before the first checkpoint, leaves it as it was.

    An earlier run waits in a folder of its own until the new one is there.
    """
    earlier, made = check_free(folder, replace), not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        others = set(folder.iterdir()).difference(earlier)
        waiting = Path(tempfile.mkdtemp(prefix=".earlier.", suffix=".part", dir=folder))
        try:
            for path in earlier:
                path.rename(waiting / path.name)
            yield
        except BaseException:
            if not (folder / MODEL).exists():
                for path in set(folder.iterdir()) - others - {waiting}:
                    if path not in earlier or (waiting / path.name).exists():
                        path.unlink()
                for path in waiting.iterdir():
                    path.rename(folder / path.name)
            shutil.rmtree(waiting)
            raise
        shutil.rmtree(waiting)
    finally:
        if made and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def resume_run(
    folder: Path,
    watcher: Watcher,
    threads: int | None = None,
    paths: list[Path] | None = None,
    *,
    steps: int | None = None,
    seconds: float | None = None,
) -> RunResults:
    """Continue the run of a folder, digit for digit as if it had not stopped. Raises what starting one raises.

    threads: None for the number that the run began with. paths: where its data is now; None for where it was. Both are
    remembered in run.json, and so is steps: a new total number of steps, also for a run that has ended (None: as it was
    started). The learning rate of step i is then schedule(i / steps); steps that were taken are not taken again.
    seconds: see `start_run`.

    TrainingError if the data has changed, or the run has taken more than `steps` steps. A run that has ended is only
    reported on again.
    """
    run, data, metrics = reread(folder, paths, steps)
    if steps is not None:
        warn_of_passes(run.settings, data)
    n_threads = threads or run.threads or engine(run.settings.engine).recorded_threads(None)
    absolute, relative = (run.data, run.relative) if paths is None else places(paths, folder)
    run = dataclasses.replace(run, data=absolute, relative=relative, threads=n_threads)
    if run != read_run(folder):
        write_run(run, folder)
    _tidy(folder)
    results = _train(folder, run, data, metrics, watcher, seconds)
    _tidy(folder)
    return results


def _tidy(folder: Path) -> None:
    """Remove what a kill left behind; an earlier run only once there is a checkpoint of this one."""
    for path in folder.glob(LEFT_BEHIND):
        if not path.is_dir():
            path.unlink()
        elif (folder / MODEL).exists():
            shutil.rmtree(path)


def read_run_data(folder: Path, paths: list[Path] | None = None) -> tuple[Run, TrainingData]:
    """Read run.json of a folder, and the data that the run was trained on, in `paths` or where it was (None).

    Raises TrainingError if the data has changed since the run began, and FileNotFoundError if it is not there.
    """
    run, vocabulary = read_run(folder), load_vocabulary(folder)
    check_same(vocabulary, run.tokenizer, vocabulary.n_vocab, str(folder))
    paths = find_data(run, folder) if paths is None else paths
    try:
        data = _read(paths, vocabulary, run.settings, run.text_field)
    except TokenIdError:  # a character that the text did not have
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
    """As `read_run_data`, and the metrics up to the checkpoint. steps: see `resume_run`."""
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
    measured = data.train if data.val is None else data.val
    metrics.bytes_a_token = bytes_per_token(data.vocabulary, measured)
    results = RunResults(
        run=run,
        vocabulary=data.vocabulary,
        metrics=metrics,
        n_train_ids=len(data.train),
        unigram=unigram_entropy(measured, data.vocabulary.n_vocab),
        first_step=len(metrics.losses),
    )
    watcher.begins(results)
    chosen, began = engine(run.settings.engine), time.perf_counter()

    def on_step(step: TrainingStep) -> None:
        results.tokens_per_second = step.tokens_per_second
        watcher.step(step, results)

    told: OnStep = on_step
    results.stopped = chosen.train(run, data, folder, metrics, run.threads, told, seconds)
    results.seconds = time.perf_counter() - began
    loaded = chosen.load(folder / MODEL)
    results.n_params = loaded.n_params
    model = Model(loaded.model, data.vocabulary)
    for number in range(SAMPLES):
        seed = run.settings.seed + number
        text = model.stream_text(data.beginning(), SAMPLE_TOKENS, Sampling(TEMPERATURE), seed=seed)
        results.samples.append("".join(text))
    write_run_report(folder / REPORT, results, folder)
    return results
