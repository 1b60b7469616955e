"""Train a GPT in torch on rows of conversations: the loop of train.py with other batches.

Several conversations share a row, and each position sees all earlier ones of its row, those of other conversations
too, as in nanochat. Every conversation begins with bos, so a model learns where the text begins that matters. This
keeps the causal attention of pretraining, for which there are fast kernels, and positions go on through the row.
In the held-out loss each conversation stands alone from position 0, as it does in a chat.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pybpe.gpt.devices import ProcessGroup
from pybpe.gpt.finetune.answers import answer_questions, as_text
from pybpe.gpt.finetune.data import ChatData
from pybpe.gpt.inference import Model
from pybpe.gpt.runs.folder import Metrics, Run
from pybpe.gpt.train import Batch, Training


class ChatTraining(Training):
    """A run on conversations, whose loss is the mean over what the assistant says."""

    def __init__(self, run: Run, data: ChatData, folder: Path, metrics: Metrics, process_group: ProcessGroup) -> None:
        self.chat_data = data
        super().__init__(run, data, folder, metrics, process_group)

    def batches(self, step: int) -> list[Batch]:
        """Return the batches of a step for this process; none after the last step.

        The rows have different numbers of targets, so a batch counts by its targets, not as one of several batches.
        """
        settings, data = self.settings, self.chat_data
        if step >= settings.steps:
            return []
        rows, n_targets = data.rows.of_step(step, settings.batch_size * settings.accumulate, settings.seed)
        mean = n_targets.sum() / self.process_group.size  # targets of a process in this step, on average
        batches = []
        for some, counts in zip(self._parts(rows), self._parts(n_targets), strict=True):
            tensors = self._to_device(*data.conversations.batch(some, settings.block_size))
            batches.append(Batch(*tensors, float(mean / counts.sum())))
        return batches

    def held_out_batches(self) -> tuple[float, Iterator[tuple[Any, Any, float]]]:
        """Return (number of targets, batches) of at most eval_windows held-out conversations, each in its own row."""
        held_out = self.chat_data.held_out
        assert held_out is not None  # Training asks only if something is held out
        some = np.arange(min(len(held_out), self.settings.eval_windows))
        mine = some[self.process_group.rank :: self.process_group.size]
        return float(held_out.n_targets[some].sum()), held_out.alone(mine, self.settings.batch_size)

    def generate(self, model: Model) -> str:
        """Return the answer to the first question, as text."""
        return as_text(answer_questions(model, self.chat_data.questions[:1])[0])
