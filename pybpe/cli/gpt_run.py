"""What the commands that train a GPT share: they continue a run, say how it ended, and print a summary."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pybpe.cli.console import Terminated, UsageError, note, summary
from pybpe.cli.gpt_next import chat_command, launch_command, resume_command, sample_command
from pybpe.util.units import seconds, size

if TYPE_CHECKING:
    from pybpe.cli.gpt_screen import Screen
    from pybpe.gpt.runs.page import RunResults
    from pybpe.gpt.settings import Settings


def watched(work: Callable[[], RunResults], folder: Path, screen: Screen, earlier: int | None) -> None:
    """Train with `work`, and print how it ended and a summary. earlier: from `written`, before the run began."""
    try:
        results = work()
    except KeyboardInterrupt as stop:  # a second Ctrl-C or SIGTERM: the last checkpoint stays
        raise type(stop)(what_is_left(folder, earlier)) from None
    finally:
        screen.close()
    say_how_it_ended(results, folder)


def say_prepared(folder: Path, settings: Settings) -> None:
    """Print the summary of a run that was prepared, with the command that starts it."""
    shared = f"{settings.accumulate} a step, which the processes share: give 1, 2, ... that divide it"
    rows = [("batches", shared)] if settings.engine == "torch" else []
    summary(f"run in {folder}", rows, launch_command(folder, settings))


def check_alone(options: argparse.Namespace) -> None:
    """Raise UsageError for an option that cannot be given with --resume, because the run has that setting already."""
    given = {name for name, value in vars(options).items() if not (value is None or value is False or value == [])}
    others = sorted(given - {"resume", "model", "data", "steps", "seconds", "threads", "command", "run", "parser"})
    if others:
        name = "--" + others[0].replace("_", "-")
        raise UsageError(f"--resume continues with the settings of the run, --steps alone can change; leave out {name}")


def say_how_it_ended(results: RunResults, folder: Path) -> None:
    """Print the summary. Terminated if SIGTERM ended the run, so that its exit status says so."""
    taken = f"{results.steps:,} of {results.run.settings.steps:,} steps"
    if results.stopped == "interrupt":
        note(f"interrupted after {taken}; what was learned is kept")
    elif results.stopped == "seconds":
        note(f"the time limit ended training after {taken}; what was learned is kept")
    _summary(results, folder)
    if results.stopped == "terminate":
        raise Terminated(
            f"what was learned in {taken} is kept; continue with: {resume_command(folder, results.run.settings)}"
        )


def written(folder: Path) -> int | None:
    """Return the time at which run.json of a folder was written, in nanoseconds; None if there is no run."""
    from pybpe.gpt.runs.folder import RUN

    return (folder / RUN).stat().st_mtime_ns if (folder / RUN).exists() else None


def what_is_left(folder: Path, earlier: int | None) -> str:
    """Return what is in a folder after training was interrupted at once. earlier: from `written`, before it began."""
    from pybpe.gpt.runs.folder import MODEL, read_run

    if earlier is not None and written(folder) == earlier:
        return f"nothing was written; the earlier run in {folder} is as it was"
    if (folder / MODEL).exists():
        return f"the last checkpoint is kept; continue with: {resume_command(folder, read_run(folder).settings)}"
    return "nothing was written"


def _summary(results: RunResults, folder: Path) -> None:
    text = "held-out loss" if results.held_out else "training loss"
    verdict = "better" if results.loss < results.unigram else "not better yet"
    taken = results.steps - results.first_step
    rows = [
        ("model", f"{results.n_params:,} parameters, {results.steps:,} steps"),
        ("vocabulary", f"{results.vocabulary.n_vocab:,} ids, {results.bytes_a_token:.2f} bytes per token"),
        (text, f"{results.loss:.3f} nats per token, {results.bits_per_byte:.3f} bits per byte"),
        ("", f"{verdict} than token frequencies alone, {results.unigram:.3f} nats per token"),
        ("time", f"{seconds(results.seconds)} for {taken:,} steps, {results.tokens_per_second:,.0f} tokens/s"),
        *results.facts,
        *((path.name, size(path.stat().st_size)) for path in sorted(folder.iterdir()) if path.is_file()),
    ]
    if results.interrupted:
        following = resume_command(folder, results.run.settings)
    elif results.answers:
        following = chat_command(folder)
    else:
        following = sample_command(folder, results.vocabulary)
    summary(f"GPT in {folder}", rows, following)
