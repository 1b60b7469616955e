"""Training of the GPT in torch: the loop, whole.

On several GPUs, or processors, one process each, for a run that `pybpe gpt train --prepare` has made:

    torchrun --nproc_per_node=N -m pybpe.gpt.train FOLDER

Windows of text, dropout and the learning rate depend on the seed and the count of steps alone. So what a run needs to
go on as if it had never stopped is its weights, the optimizer's moments and the count; and without dropout the number
of processes changes how fast it goes, but for rounding not where.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pybpe.errors import FormatError, PybpeError, TrainingError
from pybpe.gpt.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from pybpe.gpt.devices import ProcessGroup, autocast, check_dtype, find_device, leave_process, process_group
from pybpe.gpt.engines import OnStep
from pybpe.gpt.generation import Inference
from pybpe.gpt.inference import Model
from pybpe.gpt.model import FORMS, GPT, GPTConfig
from pybpe.gpt.optimizers import make_optimizers, read_moments, write_moments
from pybpe.gpt.pretrain import (
    Ids,
    TrainingStep,
    check_parts,
    cut,
    evaluation_batches,
    evaluation_starts,
    interrupts,
    learning_rate,
    lost,
    window_starts,
)
from pybpe.gpt.runs.folder import BEST, MODEL, Metrics, Run, read_run, write_metrics
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.runs.run import Watcher, reread, resume_run
from pybpe.gpt.settings import Settings
from pybpe.gpt.tensorboard import TensorBoard, open_tensorboard
from pybpe.gpt.training_data import TrainingData
from pybpe.gpt.vocabulary import check_same

SAMPLE_TOKENS = 200
DESCRIPTION = "Train the run of a folder in several processes, or go on with it; the first says how it goes."
NO_ROOM = "a batch does not fit into the memory of the GPU: lower batch_size, and raise accumulate by as much"
LINE_SECONDS = 10.0  # between two lines of progress
PADDED_FROM = 4096  # ids; the rows of such an embedding are a multiple of 64, which GPUs multiply faster


class Training:
    """A run of the torch engine."""

    def __init__(
        self, run: Run, data: TrainingData, folder: Path, metrics: Metrics, process_group: ProcessGroup
    ) -> None:
        self.settings, self.data, self.folder, self.metrics, self.process_group = (
            run.settings,
            data,
            folder,
            metrics,
            process_group,
        )
        self.fingerprint = run.tokenizer
        self.device = find_device(self.settings.device)
        check_settings(self.settings, data, self.device, process_group)
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        torch.manual_seed(self.settings.seed)
        path = folder / MODEL
        saved = read_checkpoint(path) if path.exists() else None
        if saved is not None:
            check_same(data.vocabulary, saved.fingerprint, saved.config.n_vocab, str(path))
        self.step = 0 if saved is None else saved.step
        self.dtype = torch.float64 if self.settings.dtype == "float64" else torch.float32
        self.model = (new_model(self.settings, data) if saved is None else saved.model()).to(self.device, self.dtype)
        self.optimizers = make_optimizers(self.model, self.settings)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.settings.dtype == "float16")
        if saved is not None:
            self._restore(saved, path)
        self.learner = self._learner()
        self.process_group.wait()  # nobody writes a checkpoint while another still reads the last

    def run(self, on_step: OnStep) -> bool:
        """Train to the last step, or until Ctrl-C: then False."""
        board = open_tensorboard(self.folder) if self.process_group.leads else None
        try:
            self._run(on_step, board)
        finally:
            if board is not None:
                board.close()
        self._save()
        return self.step == self.settings.steps

    def _run(self, on_step: OnStep, board: TensorBoard | None) -> None:
        settings, began, tokens = self.settings, time.perf_counter(), 0
        if self.step == 0:
            self._look(0)
        batches = self.batches(self.step)
        with interrupts() as interrupted:
            stopped = False
            while self.step < settings.steps and not stopped:
                done = self.step / settings.steps
                share = learning_rate(
                    *(1.0, done, settings.schedule, settings.warmup, settings.final_lr, 1 / settings.steps)
                )
                try:
                    loss, batches = self.learn(batches, share)
                except torch.cuda.OutOfMemoryError:
                    raise TrainingError(NO_ROOM) from None
                if not math.isfinite(loss):
                    raise TrainingError(lost(loss, self.step + 1))
                self.step += 1
                self.metrics.losses.append(loss)
                tokens += settings.batch_size * settings.accumulate * settings.block_size
                due = self.step % settings.eval_every == 0 or self.step == settings.steps
                val_loss = self._look(self.step) if due else None
                sample = self._speak() if settings.sample_every and self.step % settings.sample_every == 0 else None
                speed = tokens / (time.perf_counter() - began)
                rate = settings.lr * share
                step = TrainingStep(self.step, loss, val_loss, rate, self.step / settings.steps, speed, sample)
                if board is not None:
                    board.show(step)
                on_step(step)
                stopped = self.process_group.any(interrupted(), self.device)
                if self.step % settings.save_every == 0 and self.step < settings.steps:
                    self._save()

    def learn(self, batches: list[tuple[Tensor, Tensor]], share: float) -> tuple[float, list[tuple[Tensor, Tensor]]]:
        """One step at this share of the highest rate: returns its loss, and the batches of the next.

        Those are cut while the device works on these.
        """
        settings, total = self.settings, torch.zeros((), device=self.device, dtype=self.dtype)
        if settings.dropout:
            torch.manual_seed(mixed_seed(settings.seed, self.step, self.process_group.rank))
        for number, (ids, targets) in enumerate(batches, 1):
            if self.process_group.size > 1:  # gradients meet behind the last batch only
                self.learner.require_backward_grad_sync = number == len(batches)
            with autocast(settings.dtype, self.device):
                loss = self.learner(ids, targets) / len(batches)
            self.scaler.scale(loss).backward()
            total += loss.detach()
        if settings.clip:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = share * group["peak"]
            self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        self.scaler.update()
        following = self.batches(self.step + 1)
        return self.process_group.mean(total).item(), following

    def batches(self, step: int) -> list[tuple[Tensor, Tensor]]:
        """What this process learns from in a step: its share of the windows that all draw alike."""
        size, context = self.settings.batch_size, self.settings.block_size
        if step >= self.settings.steps:
            return []
        all_windows = size * self.settings.accumulate
        starts = window_starts(self.data.train, context, all_windows, [self.settings.seed, step])
        share = all_windows // self.process_group.size
        mine = starts[self.process_group.rank * share :][:share]
        return [self._to_device(self.data.train, mine[at : at + size], context) for at in range(0, share, size)]

    def _to_device(self, ids: Ids, starts: Any, context: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of the windows of `ids` at `starts`, both int64 [len(starts), context]."""
        first, second = (torch.from_numpy(part) for part in cut(ids, starts, context))
        if self.device.type != "cuda":
            return first.to(self.device), second.to(self.device)
        pinned = (part.contiguous().pin_memory() for part in (first, second))
        ids_, targets = (part.to(self.device, non_blocking=True) for part in pinned)
        return ids_, targets

    def _look(self, step: int) -> float | None:
        """The loss on held-out text, noted; the weights are kept if they never did better."""
        if self.data.val is None:
            return None
        loss = self._held_out_loss(self.data.val)
        best = min((known for _, known in self.metrics.val_losses), default=math.inf)
        self.metrics.val_losses.append((step, loss))
        if step and loss < best and self.process_group.leads:
            write_checkpoint(Checkpoint(self.model.config, self._weights(), step, self.fingerprint), self.folder / BEST)
        return loss

    def _held_out_loss(self, ids: Ids) -> float:
        settings, context = self.settings, self.settings.block_size
        starts = evaluation_starts(ids, context, settings.eval_windows)
        weights = float(np.minimum(context, len(ids) - 1 - starts).sum()) / context  # the last window may be short
        mine = starts[self.process_group.rank :: self.process_group.size]
        total = torch.zeros((), device=self.device, dtype=self.dtype)
        self.model.eval()
        with torch.no_grad():
            for some, length in evaluation_batches(mine, len(ids), context, settings.batch_size):
                with autocast(settings.dtype, self.device):  # the bare model: compiling it for this is not worth it
                    total += self.model(*self._to_device(ids, some, length)) * (len(some) * length / context)
        self.model.train()
        return self.process_group.mean(total).item() * self.process_group.size / weights

    def _speak(self) -> str | None:
        if not self.process_group.leads:
            return None
        model = Model(Inference(self.model), self.data.vocabulary)
        text = "".join(model.stream_text(self.data.beginning(), SAMPLE_TOKENS, seed=self.settings.seed))
        self.model.train()
        self.metrics.samples.append((self.step, text))
        return text

    def _learner(self) -> Any:
        """The model as it learns: compiled if asked, and one of several if there are."""
        learner: Any = torch.compile(self.model) if self.settings.compile else self.model
        if self.process_group.size == 1:
            return learner
        return DistributedDataParallel(learner, device_ids=[self.device.index] if self.device.type == "cuda" else None)

    def _weights(self) -> dict[str, Tensor]:
        return self.model.state_dict()

    def _save(self) -> None:
        """Metrics first: the checkpoint says how many of them count."""
        if not self.process_group.leads:
            return
        write_metrics(self.metrics, self.folder)
        moments, taken = read_moments(self.model, self.optimizers)
        scaler = {**self.scaler.state_dict(), "taken": taken} if self.scaler.is_enabled() else {}
        checkpoint = Checkpoint(self.model.config, self._weights(), self.step, self.fingerprint, moments, scaler)
        write_checkpoint(checkpoint, self.folder / MODEL)

    def _restore(self, saved: Checkpoint, path: Path) -> None:
        """Give the optimizers their moments. float16 leaves out steps whose gradients overflow: counted apart."""
        try:
            write_moments(self.model, self.optimizers, saved.moments, saved.scaler.get("taken", float(self.step)))
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None
        if self.scaler.is_enabled() and saved.scaler:
            self.scaler.load_state_dict({name: value for name, value in saved.scaler.items() if name != "taken"})


def check_settings(settings: Settings, data: TrainingData, device: torch.device, process_group: ProcessGroup) -> None:
    """Raise TrainingError or ValueError for what this engine cannot do."""
    if data.documents is not None:
        raise TrainingError("the torch engine learns from windows of text; --lines goes with the micro engine")
    check_dtype(settings.dtype, device)
    check_parts(data.train, data.val, settings.block_size)
    if settings.accumulate % process_group.size:
        raise TrainingError(
            f"{process_group.size} processes cannot share {settings.accumulate} batches a step: "
            "make accumulate a multiple"
        )


def model_config(settings: Settings, n_vocab: int) -> GPTConfig:
    """The shape that settings ask for, for so many ids."""
    padded = n_vocab >= PADDED_FROM and settings.form != "micro"
    return GPTConfig(
        n_vocab=n_vocab,
        n_layer=settings.n_layer,
        n_head=settings.n_head,
        n_embd=settings.n_embd,
        block_size=settings.block_size,
        vocab_rows=-(-n_vocab // 64) * 64 if padded else None,
        dropout=float(settings.dropout),
        **FORMS[settings.form],
    )


def new_model(settings: Settings, data: TrainingData) -> GPT:
    """A model with first weights, or with those of the folder `settings.init`."""
    if settings.init:
        return first_checkpoint(settings, data).model()
    return GPT(model_config(settings, data.vocabulary.n_vocab), settings.init_std)


def first_checkpoint(settings: Settings, data: TrainingData) -> Checkpoint:
    """That of the folder `settings.init`; FormatError or TrainingError if it does not go with the data or settings."""
    path = Path(settings.init) / MODEL
    saved = read_checkpoint(path, moments=False)
    check_same(data.vocabulary, saved.fingerprint, saved.config.n_vocab, str(path))
    for name in ("n_layer", "n_head", "n_embd"):
        if getattr(settings, name) != getattr(saved.config, name):
            option = "--" + name.replace("_", "-")
            raise TrainingError(f"{path} has {name} {getattr(saved.config, name)}, which stays: leave out {option}")
    if settings.block_size > saved.config.block_size:
        raise TrainingError(
            f"{path} sees {saved.config.block_size:,} tokens at once; block_size {settings.block_size:,} is too large"
        )
    return replace(saved, config=replace(saved.config, dropout=float(settings.dropout)))


def mixed_seed(*numbers: int) -> int:
    """A seed that is another for other numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def main(argv: Sequence[str] | None = None) -> None:
    """Train the run of a folder, in as many processes as torchrun started; the first of them says how it goes."""
    parser = argparse.ArgumentParser(prog="torchrun --nproc_per_node=N -m pybpe.gpt.train", description=DESCRIPTION)
    parser.add_argument("folder", type=Path, help="the folder that `pybpe gpt train ... --prepare` has made")
    parser.add_argument("data", type=Path, nargs="*", help="where the data is now, if it has moved since the run began")
    parser.add_argument("--threads", type=int, help="threads of each process (as before, at first torch's own choice)")
    options = parser.parse_args(argv)
    paths = options.data or None
    try:
        with process_group(read_run(options.folder).settings.device) as members:
            if members.leads:
                results = resume_run(options.folder, Lines(), options.threads, paths)
                bits = f"{results.bits_per_byte:.4f} bits per byte"
                print(f"{results.n_params:,} parameters, loss {results.loss:.4f}, {bits}")
            else:
                run, data, metrics = reread(options.folder, paths)
                if (threads := options.threads or run.threads) is not None:
                    torch.set_num_threads(threads)
                Training(run, data, options.folder, metrics, members).run(lambda step: None)
    except (PybpeError, OSError, ValueError) as error:
        parser.error(str(error))


class Lines(Watcher):
    """Prints a line now and then: several processes have no screen of their own."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """A line where held-out text was looked at, and every ten seconds."""
        if step.val_loss is None and time.perf_counter() - self._last < LINE_SECONDS:
            return
        self._last = time.perf_counter()
        held_out = ""
        if step.val_loss is not None:
            held_out = f", held out {step.val_loss:.4f}, {step.val_loss * results.bits_a_nat:.4f} bits per byte"
        print(f"step {step.step:,}: loss {step.loss:.4f}{held_out}, {step.tokens_per_second:,.0f} tokens/s", flush=True)


if __name__ == "__main__":
    main()
    leave_process()
