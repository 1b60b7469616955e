"""The GPT recorded on tapes, and Adam; see src_ext/pybpe/gpt/engine.pyx. `pybpe.gpt.micro` is the face to use."""

from typing import Any

import numpy as np
import numpy.typing as npt

class Engine:
    """Computes losses, gradients and Adam steps on flat arrays of parameters that the caller owns."""

    def __init__(
        self,
        sizes: tuple[int, int, int, int, int],
        params: npt.NDArray[Any],
        m: npt.NDArray[Any],
        v: npt.NDArray[Any],
        pieces: int,
    ) -> None: ...
    def arena_bytes(self, batch: int, time: int) -> int:
        """The bytes of arena that `batch` sequences of `time` tokens need."""
    def prepare(self, batch: int, time: int, limit: int | None = None) -> None:
        """Lay out the arena for batches of this shape. MemoryError, with the bytes needed, above `limit`."""
    def load(self, ids: npt.ArrayLike, targets: npt.ArrayLike) -> int:
        """Check ids and targets [batch, time] and hand them to the pieces; returns how many pieces there are."""
    def run(self, piece: int, backward: bool) -> None:
        """Compute one piece of the loaded batch, without the GIL."""
    def loss(self) -> float:
        """The mean loss of the batch, after `run` on every piece."""
    def gradients(self) -> npt.NDArray[Any]:
        """d loss / d parameters, flat, after `run(..., True)` on every piece."""
    def update(self, part: int, parts: int, step: int, lr: float, adam: tuple[float, float, float, float]) -> None:
        """Adam's step number `step` on one of `parts` parts of the parameters, without the GIL."""
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
        """Steps first..last - 1 of microgpt's training loop of `steps` in one call; returns their losses."""
