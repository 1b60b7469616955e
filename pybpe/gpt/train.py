"""Train a GPT in torch: the training loop.

One process trains alone. Several processes, on several GPUs or processors, train a run that `pybpe gpt train --prepare`
made:

    torchrun --nproc_per_node=N -m pybpe.gpt.train FOLDER

A step, in short:

    for each of the step's batches:                         gradient accumulation
        loss = model(ids, targets) / number of batches      forward pass
        loss.backward()                                     backward pass, adds to the gradients
    clip the gradient's norm
    set the learning rate; optimizer.step()                 AdamW, or Muon and AdamW
    zero the gradients

The windows of text, dropout and the learning rate of a step depend on the seed and the step's number alone. So the
weights, the optimizers' moments and the number of steps taken are all that a checkpoint needs for training to continue
digit for digit. Without dropout, the number of processes does not change what is learned, up to rounding.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pybpe.errors import FormatError, PybpeError, TrainingError
from pybpe.gpt.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from pybpe.gpt.devices import ProcessGroup, autocast, find_device, leave_process, process_group, started_by_torchrun
from pybpe.gpt.engines import OnStep, engine
from pybpe.gpt.generation import Inference
from pybpe.gpt.inference import Model
from pybpe.gpt.new_model import check_settings, new_model
from pybpe.gpt.optimizers import make_optimizers, read_moments, write_moments
from pybpe.gpt.pretrain import (
    Ids,
    TrainingStep,
    evaluation_batches,
    evaluation_starts,
    learning_rate,
    lost,
    window_starts,
    windows_at,
)
from pybpe.gpt.runs.folder import BEST, MODEL, Metrics, Run, read_run, write_metrics
from pybpe.gpt.runs.page import RunResults
from pybpe.gpt.runs.run import Watcher, reread, resume_run
from pybpe.gpt.stopping import REASONS, stop_requests
from pybpe.gpt.tensorboard import TensorBoard, open_tensorboard
from pybpe.gpt.training_data import TrainingData
from pybpe.gpt.vocabulary import check_same

SAMPLE_TOKENS = 200
DESCRIPTION = "Train the run of a folder in several processes, or continue it. The first process prints the progress."
NO_ROOM = "a batch does not fit into the memory of the GPU: lower batch_size, and raise accumulate by the same factor"
LINE_SECONDS = 10.0  # between two lines of progress


class Batch(NamedTuple):
    """A batch of a step. ids, targets: int64 (B, T). divisor: the loss is divided by it before the backward pass.

    The divisor is the number of targets of a process in this step over those of the batch, on average over all
    processes, so that the sum over all batches is the mean over all targets of the step.
    """

    ids: Tensor
    targets: Tensor
    divisor: float


class Training:
    """A run of the torch engine: its model, optimizers and data, from the checkpoint of the folder if there is one.

    Raises TrainingError or ValueError for settings that cannot be trained, FormatError for a checkpoint that is damaged
    or was made with another vocabulary.
    """

    def __init__(
        self, run: Run, data: TrainingData, folder: Path, metrics: Metrics, process_group: ProcessGroup
    ) -> None:
        self.settings, self.fingerprint = run.settings, run.tokenizer
        self.data, self.folder, self.metrics, self.process_group = data, folder, metrics, process_group
        self.device = find_device(self.settings.device)
        check_settings(self.settings, data, self.device, process_group)
        if self.device.type == "cuda":  # float32 products in TF32: a little less exact, much faster
            torch.set_float32_matmul_precision("high")

        # All processes draw the same initial weights, because they use the same seed.
        torch.manual_seed(self.settings.seed)
        path = folder / MODEL
        saved = read_checkpoint(path) if path.exists() else None
        if saved is not None:
            check_same(data.vocabulary, saved.fingerprint, saved.config.n_vocab, str(path))
        self.step = 0 if saved is None else saved.step  # steps taken
        self.dtype = torch.float64 if self.settings.dtype == "float64" else torch.float32
        self.model = (new_model(self.settings, data) if saved is None else saved.model()).to(self.device, self.dtype)
        self.optimizers = make_optimizers(self.model, self.settings)

        # float16 has a small range: gradients are scaled up before the backward pass, and down before the step. With
        # any other dtype the scaler does nothing.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.settings.dtype == "float16")
        if saved is not None:
            self._restore(saved, path)
        self.learner = self._learner()
        self.process_group.wait()  # no process writes a checkpoint while another still reads the previous one

    def run(self, on_step: OnStep, seconds: float | None = None) -> str:
        """Train until all steps are taken, a stop is requested or `seconds` have passed; then write a checkpoint.

        Returns why training ended, one of stopping.REASONS.
        """
        board = open_tensorboard(self.folder) if self.process_group.leads else None
        try:
            reason = self._run(on_step, board, seconds)
        finally:
            if board is not None:
                board.close()
        self._save()
        return reason

    def _run(self, on_step: OnStep, board: TensorBoard | None, seconds: float | None) -> str:
        """Run the training loop: train a step, measure the held-out loss, call `on_step`, save."""
        settings, began, tokens = self.settings, time.perf_counter(), 0
        if self.step == 0:
            self._evaluate(0)  # the loss before training, about log(n_vocab)
        batches = self.batches(self.step)
        with stop_requests(seconds, patient=started_by_torchrun()) as requested:
            reason = ""
            while self.step < settings.steps and not reason:
                # The learning rate follows the schedule over the whole run: warm up, then fall.
                done = self.step / settings.steps
                factor = learning_rate(
                    1.0, done, settings.schedule, settings.warmup, final=settings.final_lr, first=1 / settings.steps
                )

                # Train one step. A loss that is not finite means that the weights are lost: stop before saving them.
                try:
                    loss, batches = self.train_step(batches, factor)
                except torch.cuda.OutOfMemoryError:
                    raise TrainingError(NO_ROOM) from None
                if not math.isfinite(loss):
                    raise TrainingError(lost(loss, self.step + 1))
                self.step += 1
                self.metrics.losses.append(loss)
                tokens += settings.batch_size * settings.accumulate * settings.block_size

                # Measure the loss on held-out text, and sample some text, every so many steps.
                due = self.step % settings.eval_every == 0 or self.step == settings.steps
                val_loss = self._evaluate(self.step) if due else None
                sample = self._sample() if settings.sample_every and self.step % settings.sample_every == 0 else None

                # Log the step.
                speed = tokens / (time.perf_counter() - began)
                rate, progress = settings.lr * factor, self.step / settings.steps
                step = TrainingStep(self.step, loss, val_loss, rate, progress, speed, sample)
                if board is not None:
                    board.show(step)
                on_step(step)

                # All processes stop after the same step, whichever of them got the signal. The checkpoint of the last
                # step is written by the caller.
                reason = self._stop_reason(requested())
                if self.step % settings.save_every == 0 and self.step < settings.steps and not reason:
                    self._save()
        return reason if self.step < settings.steps else "steps"

    def train_step(self, batches: list[Batch], factor: float) -> tuple[float, list[Batch]]:
        """Train one step at `factor` times the maximum learning rate.

        Returns the step's mean loss in nats per token, and the batches of the next step, which are prepared while the
        device still computes this one.
        """
        settings, total = self.settings, torch.zeros((), device=self.device, dtype=self.dtype)
        if settings.dropout:  # the same dropout masks for this step whenever it is trained, other ones in each process
            torch.manual_seed(mixed_seed(settings.seed, self.step, self.process_group.rank))

        # Forward and backward passes. The gradients of all batches add up; each loss is divided so that the sum is the
        # gradient of the mean over all targets of the step.
        for number, (ids, targets, divisor) in enumerate(batches, 1):
            if self.process_group.size > 1:  # average gradients over the processes once, after the last batch
                self.learner.require_backward_grad_sync = number == len(batches)
            with autocast(settings.dtype, self.device):
                loss = self.learner(ids, targets) / divisor
            self.scaler.scale(loss).backward()
            total += loss.detach()

        # Scale the gradient down to the maximum norm, so that one bad batch cannot throw the weights far off.
        if settings.clip:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)

        # Update the weights, each group at its own rate, and clear the gradients.
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * group["peak"]
            self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        self.scaler.update()

        # Read the next batches before asking for the loss: .item() waits for the device, and reading need not.
        following = self.batches(self.step + 1)
        return self.process_group.mean(total).item(), following

    def batches(self, step: int) -> list[Batch]:
        """Return the batches of a step for this process; none after the last step.

        All processes draw the same windows, and each takes its own part of them.
        """
        size, context = self.settings.batch_size, self.settings.block_size
        if step >= self.settings.steps:
            return []
        n_windows = size * self.settings.accumulate  # in one step, over all processes
        starts = window_starts(self.data.train, context, n_windows, [self.settings.seed, step])
        windows = [windows_at(self.data.train, some, context) for some in self._parts(starts)]
        return [Batch(*self._to_device(*each), len(windows)) for each in windows]

    def _parts(self, items: Any) -> list[Any]:
        """Divide what a step trains on, a sequence, among the processes; return this one's part as batches."""
        size, share = self.settings.batch_size, len(items) // self.process_group.size
        mine = items[self.process_group.rank * share :][:share]
        return [mine[at : at + size] for at in range(0, share, size)]

    def _to_device(self, ids: Any, targets: Any) -> tuple[Tensor, Tensor]:
        """Return two int64 arrays (B, T) as tensors on the device of the model."""
        tensors = torch.from_numpy(ids), torch.from_numpy(targets)
        if self.device.type != "cuda":
            on_device, targets_on_device = (tensor.to(self.device) for tensor in tensors)
        else:  # from pinned memory the copy runs while the GPU computes
            pinned = (tensor.contiguous().pin_memory() for tensor in tensors)
            on_device, targets_on_device = (tensor.to(self.device, non_blocking=True) for tensor in pinned)
        return on_device, targets_on_device

    def _stop_reason(self, requested: str) -> str:
        """Return the reason to stop that any of the processes has, "" if there is none."""
        number = REASONS.index(requested) if requested else 0
        highest = self.process_group.max(number, self.device)
        return REASONS[highest] if highest else ""

    def _evaluate(self, step: int) -> float | None:
        """Return the held-out loss and record it; save the weights as BEST if the loss is the lowest so far."""
        if self.data.val is None:
            return None
        loss = self._held_out_loss()
        best = min((known for _, known in self.metrics.val_losses), default=math.inf)
        self.metrics.val_losses.append((step, loss))
        if step and loss < best and self.process_group.leads:
            write_checkpoint(Checkpoint(self.model.config, self._weights(), step, self.fingerprint), self.folder / BEST)
        return loss

    def _held_out_loss(self) -> float:
        """Return the mean held-out loss, always of the same batches; the processes share them."""
        total = torch.zeros((), device=self.device, dtype=self.dtype)
        weights, batches = self.held_out_batches()
        self.model.eval()  # no dropout
        with torch.no_grad():
            for inputs, targets, weight in batches:
                # The uncompiled model: other shapes would be compiled again, which takes longer than it saves.
                with autocast(self.settings.dtype, self.device):
                    total += self.model(*self._to_device(inputs, targets)) * weight
        self.model.train()
        return self.process_group.mean(total).item() * self.process_group.size / weights

    def held_out_batches(self) -> tuple[float, Iterator[tuple[Any, Any, float]]]:
        """Return (weights, batches): this process's batches (ids, targets, weight), and the weights of all processes.

        ids, targets: int64 arrays (B, T). weight: of the batch's mean loss in the mean over all batches. The windows
        are spread evenly over the held-out ids.
        """
        ids, context = cast(Ids, self.data.val), self.settings.block_size
        starts = evaluation_starts(ids, context, self.settings.eval_windows)
        mine = starts[self.process_group.rank :: self.process_group.size]
        # The last window may be shorter than the context. It counts as the fraction of a window that it is.
        batches = (
            (*windows_at(ids, some, length), len(some) * length / context)
            for some, length in evaluation_batches(mine, len(ids), context, self.settings.batch_size)
        )
        return float(np.minimum(context, len(ids) - 1 - starts).sum()) / context, batches

    def _sample(self) -> str | None:
        """Return text that the model generates now, and record it; None in all processes but the first."""
        if not self.process_group.leads:
            return None
        text = self.generate(Model(Inference(self.model), self.data.vocabulary))
        self.model.train()
        self.metrics.samples.append((self.step, text))
        return text

    def generate(self, model: Model) -> str:
        """Return a sample of text."""
        return "".join(model.stream_text(self.data.beginning(), SAMPLE_TOKENS, seed=self.settings.seed))

    def _learner(self) -> Any:
        """Return the model to call in training: compiled if asked for, and wrapped to average gradients if several."""
        learner: Any = torch.compile(self.model) if self.settings.compile else self.model
        if self.process_group.size == 1:
            return learner
        return DistributedDataParallel(learner, device_ids=[self.device.index] if self.device.type == "cuda" else None)

    def _weights(self) -> dict[str, Tensor]:
        return self.model.state_dict()

    def _save(self) -> None:
        """Write metrics and checkpoint. The metrics come first: the checkpoint says how many of them count."""
        if not self.process_group.leads:
            return
        write_metrics(self.metrics, self.folder)
        moments, taken = read_moments(self.model, self.optimizers)
        scaler = {**self.scaler.state_dict(), "taken": taken} if self.scaler.is_enabled() else {}
        checkpoint = Checkpoint(self.model.config, self._weights(), self.step, self.fingerprint, moments, scaler)
        write_checkpoint(checkpoint, self.folder / MODEL)

    def _restore(self, saved: Checkpoint, path: Path) -> None:
        """Set the state of the optimizers and the scaler from a checkpoint.

        float16 skips the optimizer's step where gradients overflow, so the optimizers count their own steps ("taken").
        """
        try:
            write_moments(self.model, self.optimizers, saved.moments, saved.scaler.get("taken", float(self.step)))
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None
        if self.scaler.is_enabled() and saved.scaler:
            self.scaler.load_state_dict({name: value for name, value in saved.scaler.items() if name != "taken"})


def mixed_seed(*numbers: int) -> int:
    """Return one seed made of several numbers, different for different numbers.

    >>> mixed_seed(42, 0, 1) == mixed_seed(42, 0, 1), mixed_seed(42, 0, 1) == mixed_seed(42, 1, 0)
    (True, False)
    """
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def main(argv: Sequence[str] | None = None) -> None:
    """Train the run of a folder in the processes that torchrun started; the first one prints the progress."""
    parser = argparse.ArgumentParser(prog="torchrun --nproc_per_node=N -m pybpe.gpt.train", description=DESCRIPTION)
    parser.add_argument("folder", type=Path, help="the folder that `pybpe gpt train ... --prepare` has made")
    parser.add_argument("data", type=Path, nargs="*", help="where the data is now, if it has moved since the run began")
    parser.add_argument("--threads", type=int, help="threads of each process (as before, at first torch's own choice)")
    parser.add_argument("--steps", type=int, help="total number of steps, more than the run was started with")
    parser.add_argument("--seconds", type=float, help="stop after so many seconds, with a checkpoint (no limit)")
    options = parser.parse_intermixed_args(argv)
    paths = options.data or None
    try:
        settings = read_run(options.folder).settings
        if settings.engine != "torch":
            raise TrainingError(
                f"{options.folder} is a run of the {settings.engine} engine, which trains in one process; continue it "
                f"with: {settings.command} --resume {options.folder}"
            )
        with process_group(settings.device) as members:
            if members.leads:
                results = resume_run(
                    options.folder, Lines(), options.threads, paths, steps=options.steps, seconds=options.seconds
                )
                bits = f"{results.bits_per_byte:.4f} bits per byte"
                print(f"{results.n_params:,} parameters, loss {results.loss:.4f}, {bits}")
                if results.interrupted:
                    print(f"stopped after {results.steps:,} of {results.run.settings.steps:,} steps, with a checkpoint")
            else:
                run, data, metrics = reread(options.folder, paths, options.steps)
                threads = options.threads or run.threads
                chosen = engine(run.settings.engine)
                chosen.train(run, data, options.folder, metrics, threads, lambda step: None, options.seconds)
    except (PybpeError, OSError, ValueError) as error:
        parser.error(str(error))


class Lines(Watcher):
    """Print a line of progress now and then, for output that several processes share."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def step(self, step: TrainingStep, results: RunResults) -> None:
        """Print a line where the held-out loss was measured, and every ten seconds."""
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
