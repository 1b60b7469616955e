"""The tape of tape.pyx for Python: a small autograd over matrices; see src_ext/pybpe/gpt/autograd.pyx."""

from typing import Any

import numpy.typing as npt

class Matrix:
    """One matrix on a tape; `value` and `grad` are copies as they stand after the last walk."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
    @property
    def value(self) -> npt.NDArray[Any]:
        """What the last forward walk computed, [rows, cols]."""
    @property
    def grad(self) -> npt.NDArray[Any]:
        """d (seeded output) / d (this matrix) after the last backward walk, [rows, cols]."""

class Tape:
    """A tape with an arena of `arena_bytes` for matrices of `dtype`; recording what does not fit is a MemoryError."""

    def __init__(self, dtype: str = "float64", arena_bytes: int = ..., max_ops: int = 64) -> None: ...
    def leaf(self, array: npt.ArrayLike) -> Matrix:
        """Put a matrix from outside on the tape."""
    def assign(self, leaf: Matrix, array: npt.ArrayLike) -> None:
        """Give a leaf new values of the same shape."""
    def embed(self, wte: Matrix, wpe: Matrix, ids: npt.ArrayLike, time: int) -> Matrix:
        """`wte[ids] + wpe[position]` for ids in sequences of `time`."""
    def rmsnorm(self, x: Matrix) -> Matrix:
        """Each row divided by the root of its mean square."""
    def linear(self, x: Matrix, w: Matrix) -> Matrix:
        """`x @ w.T` for x [rows, n_in] and w [n_out, n_in]."""
    def attention(self, q: Matrix, k: Matrix, v: Matrix, time: int, heads: int) -> Matrix:
        """Causal attention within each sequence of `time` rows, in `heads` bands of columns."""
    def add(self, a: Matrix, b: Matrix) -> Matrix:
        """`a + b`."""
    def relu(self, x: Matrix) -> Matrix:
        """`max(x, 0)`."""
    def cross_entropy(self, logits: Matrix, targets: npt.ArrayLike) -> Matrix:
        """The mean over rows of `-log(softmax(logits)[target])`, 1 x 1."""
    def forward(self) -> None:
        """Compute every recorded operation in order."""
    def backward(self, output: Matrix, seed: npt.ArrayLike = 1.0) -> None:
        """Set the gradient of `output` to `seed` and walk the tape in reverse."""
