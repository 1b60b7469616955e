"""The folder of a training run, with all files that are needed to continue it and to sample from its model.

    run.json            engine, settings and data; written at the start, and by --resume with new steps or paths
    tokenizer.pybpe     the vocabulary, or characters.json (vocabulary.py)
    model.safetensors   the checkpoint: weights, the optimizer's state, and a header of strings
    best.safetensors    the weights with the lowest held-out loss (torch engine only)
    metrics.jsonl       a line per step: step and loss; if they were measured after that step, val_loss and
                        val_bits_per_byte; and sample, if text was sampled. Losses are in nats per token
    report.html         the report, written at the end
    answers.json        of a run on conversations: questions, and the answers before and after (finetune/answers.py)

During training, the checkpoint and the metrics change. The checkpoint is replaced as a whole, and its header has the
number of steps taken; metrics of later steps are dropped when the run is continued. A checkpoint of any engine is a
safetensors file whose header has `pybpe.format` (the engine's layout), `pybpe.config`, `pybpe.step` and `tokenizer`,
the fingerprint of the vocabulary. The layouts are described in checkpoint.py and micro/checkpoint.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pybpe.data.readers.documents import TEXT_FIELD
from pybpe.errors import FormatError
from pybpe.gpt.settings import Settings
from pybpe.gpt.vocabulary import bits_per_byte
from pybpe.util.files import write_atomic

FORMAT = "pybpe-run 1"
RUN, MODEL, METRICS, REPORT = "run.json", "model.safetensors", "metrics.jsonl", "report.html"
BEST, ANSWERS = "best.safetensors", "answers.json"
MOST_BYTES = 1 << 20  # of run.json
MOST_THREADS = 1024


@dataclass(frozen=True)
class Run:
    """The content of run.json.

    data: absolute paths of the data when the run began. relative: the same paths relative to the folder of the run,
    which stay valid if folder and data move together ([] in runs of earlier versions). digest: the fingerprint of the
    data. tokenizer: the fingerprint of the vocabulary. text_field: the field or column with the text in .jsonl and
    .parquet files. threads: number of threads, on which the last digits of torch's sums depend (None: the engine's
    choice).
    """

    settings: Settings
    data: list[str]
    digest: str
    tokenizer: str
    text_field: str = TEXT_FIELD
    relative: list[str] = field(default_factory=list)
    threads: int | None = None


def places(paths: Sequence[Path], folder: Path) -> tuple[list[str], list[str]]:
    """Return (data, relative) of a Run in `folder` for the paths of its data; relative is [] if a drive differs."""
    absolute = [path.resolve() for path in paths]
    try:
        relative = [Path(os.path.relpath(path, folder.resolve())).as_posix() for path in absolute]
    except ValueError:  # Windows: another drive
        relative = []
    return [str(path) for path in absolute], relative


def find_data(run: Run, folder: Path) -> list[Path]:
    """Return the paths of the data of the run in `folder`: the relative paths if all exist, else the absolute paths.

    Raises FileNotFoundError, which says how to name other paths, if the data is in neither place.
    """
    relative = [(folder.resolve() / path).resolve() for path in run.relative]
    if relative and all(path.exists() for path in relative):
        return relative
    for path in map(Path, run.data):
        if not path.exists():
            raise FileNotFoundError(
                f"{folder} was trained on {path}, which is not there any more; name where it is now: "
                f"{run.settings.command} --resume {folder} DATA"
            )
    return list(map(Path, run.data))


def write_run(run: Run, folder: Path) -> None:
    """Write run.json."""
    write_atomic(folder / RUN, (json.dumps({"format": FORMAT, **asdict(run)}, indent=1) + "\n").encode())


def read_run(folder: Path) -> Run:
    """Read run.json. FormatError if it is damaged, FileNotFoundError if there is none."""
    path = folder / RUN
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {RUN}: it is not the folder of a training run")
    try:
        with path.open("rb") as file:
            fields: Any = json.loads(file.read(MOST_BYTES))
        if fields["format"] == FORMAT:
            relative, threads = fields.get("relative", []), fields.get("threads")
            texts = [fields["digest"], fields["tokenizer"], fields.get("text_field", TEXT_FIELD)]
            if not all(isinstance(text, str) for text in (*fields["data"], *relative, *texts)):
                raise ValueError("data, relative, digest, tokenizer and text_field must be strings")
            if threads is not None and (type(threads) is not int or not 1 <= threads <= MOST_THREADS):
                raise ValueError(f"threads is {threads!r}; it must be a whole number in 1..{MOST_THREADS}, or null")
            settings, data = Settings(**fields["settings"]), list(fields["data"])
            digest, tokenizer, text_field = texts
            return Run(settings, data, digest, tokenizer, text_field, list(relative), threads)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"{path} is not that of a training run, or is damaged: {error}") from None
    raise FormatError(f"{path} is not that of a training run that this pybpe knows")


@dataclass
class Metrics:
    """The metrics of a run.

    losses: the training loss of each step, in nats per token. val_losses: (steps taken, held-out loss). samples: (steps
    taken, text that the model generated). bytes_a_token: mean number of bytes per token of the held-out text, 0 if it
    is not known; `read_metrics` does not set it.
    """

    losses: list[float] = field(default_factory=list)
    val_losses: list[tuple[int, float]] = field(default_factory=list)
    samples: list[tuple[int, str]] = field(default_factory=list)
    bytes_a_token: float = field(default=0.0, compare=False)

    def entries(self) -> Iterator[dict[str, float | str]]:
        """Yield the line of metrics.jsonl for each step; step 0 has one only if a loss was measured before training."""
        val, samples = dict(self.val_losses), dict(self.samples)
        for step in range(len(self.losses) + 1):
            entry: dict[str, float | str] = {"step": step}
            if step:
                entry["loss"] = self.losses[step - 1]
            if step in val:
                entry["val_loss"] = val[step]
                if self.bytes_a_token:
                    entry["val_bits_per_byte"] = bits_per_byte(val[step], self.bytes_a_token)
            if step in samples:
                entry["sample"] = samples[step]
            if len(entry) > 1:
                yield entry


def write_metrics(metrics: Metrics, folder: Path) -> None:
    """Write metrics.jsonl."""
    write_atomic(folder / METRICS, "".join(json.dumps(entry) + "\n" for entry in metrics.entries()).encode())


def read_metrics(folder: Path, steps: int) -> Metrics:
    """Read the metrics of the first `steps` steps. FormatError if some are missing or the file is damaged."""
    metrics, path = Metrics(), folder / METRICS
    try:
        with path.open(encoding="utf-8") as file:
            _fill(metrics, file, steps)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is damaged: {error}") from None
    if len(metrics.losses) != steps:
        raise FormatError(f"{path} holds {len(metrics.losses):,} steps, and the checkpoint has taken {steps:,}")
    return metrics


def _fill(metrics: Metrics, lines: Iterable[str], steps: int) -> None:
    for line in lines:
        entry = json.loads(line)
        step = int(entry["step"])
        if step > steps:
            break
        if step > 0:
            if step != len(metrics.losses) + 1:
                raise ValueError(f"step {step} follows step {len(metrics.losses)}")
            metrics.losses.append(float(entry["loss"]))
        if entry.get("val_loss") is not None:
            metrics.val_losses.append((step, float(entry["val_loss"])))
        if entry.get("sample") is not None:
            metrics.samples.append((step, str(entry["sample"])))
