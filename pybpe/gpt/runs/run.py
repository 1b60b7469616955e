"""A training run from data to report, in one folder (folder.py), with any engine: what `pybpe gpt train` does."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pybpe.errors import TrainingError
from pybpe.gpt.engines import OnStep, engine
from pybpe.gpt.pretrain import TrainingStep, unigram_entropy
from pybpe.gpt.runs.folder import BEST, METRICS, MODEL, REPORT, RUN, Metrics, Run, read_metrics, read_run, write_run
from pybpe.gpt.runs.page import TEMPERATURE, RunResults, write_run_report
from pybpe.gpt.settings import Settings
from pybpe.gpt.text_generation import generate_text
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
) -> RunResults:
    """Begin a run in a folder that is made for it, and train to its end.

    paths, vocabulary: see read_data. replace: instead of a run that the folder holds. Ctrl-C ends it early and keeps
    what was learned; `resume_run` goes on. Where an error comes before the first checkpoint, no file of the run is
    left, and the run that was to be replaced is there again. Raises what reading and training raise, and
    FileExistsError where a run is in the way.
    """
    run, data = _plan(settings, paths, vocabulary)
    with _folder(folder, replace):
        _write(run, data, folder)
        return _train(folder, run, data, Metrics(), watcher, threads)


def prepare_run(
    folder: Path, settings: Settings, paths: list[Path], vocabulary: Vocabulary | None, *, replace: bool = False
) -> None:
    """Make the folder of a run, for `resume_run` to begin it, or for several processes to begin it together."""
    run, data = _plan(settings, paths, vocabulary)
    with _folder(folder, replace):
        _write(run, data, folder)


def check_free(folder: Path, replace: bool = False) -> list[Path]:
    """The files of a run that a folder holds; FileExistsError if they are not to be replaced."""
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


def dry_run(settings: Settings, paths: list[Path], vocabulary: Vocabulary | None, threads: int | None = None) -> DryRun:
    """Read the data, try a few batches, write nothing. Raises what `start_run` raises."""
    _, data = _plan(settings, paths, vocabulary)
    found = engine(settings.engine).plan(settings, data, threads)
    if data.documents is None:
        tokens = settings.steps * settings.batch_size * settings.accumulate * settings.block_size
    else:
        lengths = [min(settings.block_size, len(document) - 1) for document in data.documents]
        tokens = sum(lengths) * settings.steps // max(1, len(lengths))
    time_taken = found.seconds_a_token * tokens
    return DryRun(data.vocabulary.n_vocab, found.n_params, found.memory, len(data.train), tokens, time_taken)


def _plan(settings: Settings, paths: list[Path], vocabulary: Vocabulary | None) -> tuple[Run, TrainingData]:
    chosen = engine(settings.engine)
    data = read_data(paths, vocabulary, lines=settings.lines, seed=settings.seed)
    chosen.check(settings, data)
    return Run(settings, [str(path.resolve()) for path in paths], data.digest(), data.vocabulary.fingerprint), data


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


def resume_run(folder: Path, watcher: Watcher, threads: int | None = None) -> RunResults:
    """Go on with the run of a folder, digit for digit as if it had not stopped. Raises what starting one raises.

    TrainingError if the data are not those of then. A run that has ended is only reported on again.
    """
    run, data, metrics = reread(folder)
    _tidy(folder)
    results = _train(folder, run, data, metrics, watcher, threads)
    _tidy(folder)
    return results


def _tidy(folder: Path) -> None:
    """Remove what a kill left behind; an earlier run only once there is a checkpoint of this one."""
    for path in folder.glob(LEFT_BEHIND):
        if not path.is_dir():
            path.unlink()
        elif (folder / MODEL).exists():
            shutil.rmtree(path)


def reread(folder: Path) -> tuple[Run, TrainingData, Metrics]:
    """What the folder of a run says, the data of then, and the metrics up to the checkpoint."""
    run, vocabulary = read_run(folder), load_vocabulary(folder)
    check_same(vocabulary, run.tokenizer, vocabulary.n_vocab, str(folder))
    paths = [Path(path) for path in run.data]
    data = read_data(paths, vocabulary, lines=run.settings.lines, seed=run.settings.seed)
    if data.digest() != run.digest:
        raise TrainingError(f"the text of {', '.join(run.data)} has changed since the run began: begin another")
    path = folder / MODEL
    step = engine(run.settings.engine).load(path).step if path.exists() else 0
    metrics = read_metrics(folder, step) if path.exists() else Metrics()
    return run, data, metrics


def _train(
    folder: Path, run: Run, data: TrainingData, metrics: Metrics, watcher: Watcher, threads: int | None
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
    results.interrupted = not chosen.train(run, data, folder, metrics, threads, told)
    results.seconds = time.perf_counter() - began
    loaded = chosen.load(folder / MODEL)
    results.n_params = loaded.n_params
    for number in range(SAMPLES):
        seed = run.settings.seed + number
        text = generate_text(
            loaded.model, data.vocabulary, data.beginning(), SAMPLE_TOKENS, temperature=TEMPERATURE, seed=seed
        )
        results.samples.append("".join(text))
    write_run_report(folder / REPORT, results, folder)
    return results
