"""A small autograd over matrices: the Python interface to the tape of the micro GPT.

See src_ext/pybpe/gpt/autograd.pyx, and tape.pyx for the tape itself.
"""

from typing import Any

import numpy.typing as npt

class Matrix:
    """A matrix on a tape. `value` and `grad` are copies, made after the last forward or backward pass."""

    @property
    def shape(self) -> tuple[int, int]:
        """The shape (rows, columns)."""
    @property
    def value(self) -> npt.NDArray[Any]:
        """The result of the last forward pass, [rows, columns] in the dtype of the tape."""
    @property
    def grad(self) -> npt.NDArray[Any]:
        """The gradient of the last backward pass with respect to this matrix, [rows, columns] in the dtype of the tape."""

class Tape:
    """A list of recorded operations, whose matrices lie in one block of memory, the arena.

    dtype: "float32" or "float64". arena_bytes: size of the arena. max_ops: number of operations that can be recorded.
    Recording raises MemoryError if a matrix does not fit into the arena.
    """

    def __init__(self, dtype: str = "float64", arena_bytes: int = ..., max_ops: int = 64) -> None: ...
    def leaf(self, array: npt.ArrayLike) -> Matrix:
        """Record an input: a copy of `array` [rows, columns]."""
    def assign(self, leaf: Matrix, array: npt.ArrayLike) -> None:
        """Copy new values of the same shape into an input that `leaf` recorded."""
    def embed(self, wte: Matrix, wpe: Matrix, ids: npt.ArrayLike, time: int) -> Matrix:
        """Record `wte[ids] + wpe[position]`; ids are sequences of `time` ids, one after another."""
    def rmsnorm(self, x: Matrix) -> Matrix:
        """Record RMSNorm: each row divided by the root of its mean square."""
    def linear(self, x: Matrix, w: Matrix) -> Matrix:
        """Record `x @ w.T` for x [rows, n_in] and w [n_out, n_in]."""
    def attention(self, q: Matrix, k: Matrix, v: Matrix, time: int, heads: int) -> Matrix:
        """Record causal attention within each sequence of `time` rows. Each of `heads` heads has its own columns."""
    def add(self, a: Matrix, b: Matrix) -> Matrix:
        """Record `a + b`."""
    def relu(self, x: Matrix) -> Matrix:
        """Record `max(x, 0)`."""
    def cross_entropy(self, logits: Matrix, targets: npt.ArrayLike) -> Matrix:
        """Record the mean over rows of `-log(softmax(logits)[target])`, [1, 1]."""
    def forward(self) -> None:
        """Compute every recorded operation in order."""
    def backward(self, output: Matrix, seed: npt.ArrayLike = 1.0) -> None:
        """Set the gradient of `output` to `seed`, and compute all other gradients in reverse order of recording."""
