"""Training as TensorBoard shows it, where that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pybpe.gpt.pretrain import TrainingStep


class TensorBoard:
    """Writes TensorBoard's files into the folder of a run."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def show(self, step: TrainingStep) -> None:
        """The figures of a step."""
        values = {"loss": step.loss, "lr": step.lr, "tokens per second": step.tokens_per_second}
        if step.val_loss is not None:
            values["held-out loss"] = step.val_loss
        for name, value in values.items():
            self._writer.add_scalar(name, value, step.step)
        if step.sample is not None:
            self._writer.add_text("sample", step.sample, step.step)

    def close(self) -> None:
        """Write what waits to be written."""
        self._writer.close()


def open_tensorboard(folder: Path) -> TensorBoard | None:
    """A board of a folder, None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return TensorBoard(SummaryWriter(log_dir=str(folder)))
