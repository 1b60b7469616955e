"""Use the tape of tape.pyx from Python: small matrices, one operation at a time, for tests and for learning.

The GPT records its operations through the same C functions; what is true of an operation here is true of it there.
"""

from libc.stdint cimport int32_t
from libc.string cimport memcpy

from pybpe.gpt.ops cimport scratch_bytes
from pybpe.gpt.tape cimport (Block, arena_t, block, fits, mat_t, take, tape_add, tape_attention, tape_backward,
                             tape_begin, tape_cross_entropy, tape_embed, tape_forward, tape_leaf, tape_linear,
                             tape_relu, tape_rmsnorm, tape_t, tape_zero)

import numpy as np

from pybpe.gpt.tape import checked_ids


cdef class Matrix:
    """A matrix on a tape. `value` and `grad` are copies of what the last pass computed."""

    cdef mat_t mat
    cdef Tape tape

    @property
    def shape(self) -> tuple[int, int]:
        """The shape: (rows, columns)."""
        return self.mat.rows, self.mat.cols

    @property
    def value(self):
        """The values of the last forward pass, an array [rows, columns]."""
        return self.tape.copy(self.mat.value, self.mat)

    @property
    def grad(self):
        """The gradient of the last backward pass with respect to this matrix, an array [rows, columns]."""
        return self.tape.copy(self.mat.grad, self.mat)


cdef class Tape:
    """A tape with an arena of `arena_bytes`, for matrices of `dtype` ("float32" or "float64").

    Methods record an operation and return its result, still uncomputed; `forward` and `backward` compute.
    A recording that does not fit raises MemoryError with the bytes it needs; at most `max_ops` operations fit.

    >>> tape = Tape("float64")
    >>> y = tape.relu(tape.leaf([[-1.0, 2.0]]))
    >>> tape.forward(); y.value.tolist()
    [[0.0, 2.0]]
    """

    cdef tape_t tape
    cdef arena_t arena
    cdef Block memory
    cdef object dtype

    def __init__(self, dtype: str = "float64", size_t arena_bytes = 1 << 22, size_t max_ops = 64):
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {dtype!r}; it must be 'float32' or 'float64'")
        self.dtype = np.dtype(dtype)
        self.memory = block(arena_bytes)
        self.arena.base = self.memory.at
        self.arena.size = arena_bytes
        self.arena.used = 0
        cdef void* scratch = take(&self.arena, 1, scratch_bytes())
        self.tape = tape_begin(&self.arena, max_ops, self.dtype.itemsize, scratch)
        self._check_fit()

    cdef copy(self, void* at, mat_t mat):
        return np.frombuffer(<bytes>(<char*>at)[:mat.rows * mat.cols * self.tape.width], self.dtype).reshape(
            mat.rows, mat.cols)

    cdef write(self, void* at, mat_t mat, array):
        cdef const unsigned char[::1] data = np.ascontiguousarray(array, self.dtype).reshape(-1).view(np.uint8)
        if <size_t>data.shape[0] != mat.rows * mat.cols * self.tape.width:
            raise ValueError(f"expected a matrix of {mat.rows} x {mat.cols}")
        memcpy(at, &data[0], data.shape[0])

    cdef _check_fit(self):
        if not fits(&self.arena):
            raise MemoryError(f"the tape needs an arena of {self.arena.used:,} bytes and has {self.arena.size:,}")
        if self.tape.n_ops > self.tape.max_ops:
            raise MemoryError(f"the tape needs max_ops = {self.tape.n_ops} and has {self.tape.max_ops}")

    cdef Matrix _wrap(self, mat_t mat):
        self._check_fit()
        cdef Matrix matrix = Matrix.__new__(Matrix)
        matrix.mat = mat
        matrix.tape = self
        return matrix

    cdef int32_t* _ids(self, ids, size_t limit) except NULL:
        cdef const int32_t[::1] checked = checked_ids(ids, limit).reshape(-1)
        cdef size_t n = checked.shape[0]
        cdef int32_t* kept = <int32_t*>take(&self.arena, n, sizeof(int32_t))
        self._check_fit()
        memcpy(kept, &checked[0], n * sizeof(int32_t))
        return kept

    def _mine(self, *matrices) -> None:
        for matrix in matrices:
            if not isinstance(matrix, Matrix) or (<Matrix>matrix).tape is not self:
                raise ValueError("expected matrices of this same tape")

    def leaf(self, array) -> Matrix:
        """Add a matrix of the caller to the tape."""
        array = np.atleast_2d(np.asarray(array, self.dtype))
        if array.ndim != 2 or array.size == 0:
            raise ValueError(f"expected a matrix that is not empty, not shape {array.shape}")
        cdef Matrix made = self._wrap(tape_leaf(&self.tape, array.shape[0], array.shape[1]))
        self.write(made.mat.value, made.mat, array)
        return made

    def assign(self, Matrix leaf, array) -> None:
        """Set new values of a leaf, of the same shape."""
        self._mine(leaf)
        self.write(leaf.mat.value, leaf.mat, array)

    def embed(self, Matrix wte, Matrix wpe, ids, size_t time) -> Matrix:
        """Return `wte[ids] + wpe[position]` for ids in sequences of `time`."""
        self._mine(wte, wpe)
        cdef size_t n = len(ids)
        if wte.mat.cols != wpe.mat.cols or time == 0 or n == 0 or n % time or time > wpe.mat.rows:
            raise ValueError("wte and wpe must have the same columns, and ids come in sequences that wpe can number")
        return self._wrap(tape_embed(&self.tape, wte.mat, wpe.mat, self._ids(ids, wte.mat.rows), n, time))

    def rmsnorm(self, Matrix x) -> Matrix:
        """Return RMSNorm: each row divided by the root of its mean square."""
        self._mine(x)
        return self._wrap(tape_rmsnorm(&self.tape, x.mat))

    def linear(self, Matrix x, Matrix w) -> Matrix:
        """Return `x @ w.T` for x [rows, n_in] and w [n_out, n_in]."""
        self._mine(x, w)
        if x.mat.cols != w.mat.cols:
            raise ValueError(f"x has {x.mat.cols} columns and w has {w.mat.cols}")
        return self._wrap(tape_linear(&self.tape, x.mat, w.mat))

    def attention(self, Matrix q, Matrix k, Matrix v, size_t time, size_t heads) -> Matrix:
        """Return causal attention within each sequence of `time` rows; each of `heads` heads is a band of columns."""
        self._mine(q, k, v)
        if not (q.shape == k.shape == v.shape) or time == 0 or heads == 0 or q.mat.rows % time or q.mat.cols % heads:
            raise ValueError("q, k, v must have one shape, whole sequences of rows and whole heads of columns")
        return self._wrap(tape_attention(&self.tape, q.mat, k.mat, v.mat, time, heads))

    def add(self, Matrix a, Matrix b) -> Matrix:
        """Return `a + b`."""
        self._mine(a, b)
        if a.shape != b.shape:
            raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
        return self._wrap(tape_add(&self.tape, a.mat, b.mat))

    def relu(self, Matrix x) -> Matrix:
        """Return ReLU: `max(x, 0)`."""
        self._mine(x)
        return self._wrap(tape_relu(&self.tape, x.mat))

    def cross_entropy(self, Matrix logits, targets) -> Matrix:
        """Return the cross entropy: the mean over rows of `-log(softmax(logits)[target])`, a 1 x 1 matrix."""
        self._mine(logits)
        if <size_t>len(targets) != logits.mat.rows:
            raise ValueError(f"{logits.mat.rows} rows of logits need as many targets, not {len(targets)}")
        return self._wrap(tape_cross_entropy(&self.tape, logits.mat, self._ids(targets, logits.mat.cols),
                                             1.0 / logits.mat.rows))

    def forward(self) -> None:
        """Run the forward pass: compute every recorded operation in order."""
        self._check_fit()
        with nogil:
            tape_forward(&self.tape)

    def backward(self, Matrix output, seed=1.0) -> None:
        """Run the backward pass from `output`, whose gradient is `seed` (a number, or an array of its shape)."""
        self._check_fit()
        self._mine(output)
        tape_zero(&self.tape)
        self.write(output.mat.grad, output.mat, np.broadcast_to(np.asarray(seed, self.dtype), output.shape))
        cdef size_t last = 0
        while self.tape.ops[last].out.grad != output.mat.grad:
            last += 1
        with nogil:
            tape_backward(&self.tape, last + 1)
