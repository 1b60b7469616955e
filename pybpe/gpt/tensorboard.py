"""Log the losses of a run for TensorBoard, if it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pybpe.gpt.pretrain import TrainingStep


class TensorBoard:
    """A writer of TensorBoard's files to the folder of a run."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def show(self, step: TrainingStep) -> None:
        """Log the losses, the learning rate, the speed and the sample of a step."""
        values = {"loss": step.loss, "lr": step.lr, "tokens per second": step.tokens_per_second}
        if step.val_loss is not None:
            values["held-out loss"] = step.val_loss
        for name, value in values.items():
            self._writer.add_scalar(name, value, step.step)
        if step.sample is not None:
            self._writer.add_text("sample", step.sample, step.step)

    def close(self) -> None:
        """Write all buffered entries and close the file."""
        self._writer.close()


def open_tensorboard(folder: Path) -> TensorBoard | None:
    """Return a writer for a folder, None if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return TensorBoard(SummaryWriter(log_dir=str(folder)))
