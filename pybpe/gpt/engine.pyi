"""Losses, gradients and Adam for the micro GPT, in compiled code.

The public interface is `pybpe.gpt.micro`. See src_ext/pybpe/gpt/engine.pyx.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

class Engine:
    """The training of a micro GPT: losses, gradients and steps of Adam.

    sizes: MicroConfig.sizes. params, m, v: the parameters and Adam's two moments, flat arrays of one dtype; they belong
    to the caller and are changed in place. micro_batches: number of micro-batches (0: chosen by the size of a batch).
    """

    def __init__(
        self,
        sizes: tuple[int, int, int, int, int],
        params: npt.NDArray[Any],
        m: npt.NDArray[Any],
        v: npt.NDArray[Any],
        micro_batches: int,
    ) -> None: ...
    def arena_bytes(self, batch: int, time: int) -> int:
        """Return the size in bytes of the arena for `batch` sequences of `time` tokens."""
    def prepare(self, batch: int, time: int, limit: int | None = None) -> None:
        """Allocate the arena for batches [batch, time]. MemoryError, with the bytes needed, above `limit` bytes."""
    def load(self, ids: npt.ArrayLike, targets: npt.ArrayLike) -> int:
        """Check integer ids and targets [batch, time], and copy them into the micro-batches. Returns their number."""
    def run(self, micro_batch: int, backward: bool) -> None:
        """Compute the loss of a micro-batch, and its gradients if `backward`. Releases the GIL."""
    def loss(self) -> float:
        """Return the mean loss of the batch in nats per token, after `run` for every micro-batch."""
    def gradients(self) -> npt.NDArray[Any]:
        """Return d loss / d parameters as a flat array, after `run(..., True)` for every micro-batch."""
    def update(self, part: int, parts: int, step: int, lr: float, adam: tuple[float, float, float, float]) -> None:
        """Take Adam's step number `step` (from 1) on one of `parts` parts of the parameters. Releases the GIL.

        adam: (beta1, beta2, eps, weight_decay).
        """
    def train_documents(
        self,
        ids: npt.ArrayLike,
        offsets: npt.ArrayLike,
        first: int,
        last: int,
        steps: int,
        lr: float,
        adam: tuple[float, float, float, float],
    ) -> npt.NDArray[np.float64]:
        """Train steps first..last - 1 of a run of `steps` as microgpt.py does. Returns their losses, float64[last - first].

        ids: all documents joined; document i is ids[offsets[i] : offsets[i + 1]]. lr: the rate before it falls to 0.
        """
