"""Generate: take a token, compute the logits of the next one, and keep the keys and values of all earlier tokens.

The same arithmetic as `record_gpt` of architecture.pyx, for a single row and without a tape. tests/gpt/test_micro.py
compares the two.
"""

from libc.math cimport sqrt
from libc.stdint cimport int32_t

cimport pybpe.gpt.ops as ops
from pybpe.gpt.architecture cimport checked_shape, count_parameters, cursor_t, next_matrix, shape_t
from pybpe.gpt.ops cimport best_level, real
from pybpe.gpt.tape cimport Block, arena_t, block, mat_t, take

import numpy as np

# ---------------------------------------------------------------- C: no Python below this line, up to the door

cdef struct work_t:  # the rows that one token passes through, and the cache: [layer][position][n_embd] twice
    void* x
    void* normed
    void* q
    void* mixed
    void* added
    void* hidden
    void* shares
    void* logits
    void* scale
    void* keys
    void* values


cdef work_t lay_out(arena_t* arena, const shape_t* shape, size_t width) noexcept nogil:
    cdef work_t work
    work.x = take(arena, shape.n_embd, width)
    work.normed = take(arena, shape.n_embd, width)
    work.q = take(arena, shape.n_embd, width)
    work.mixed = take(arena, shape.n_embd, width)
    work.added = take(arena, shape.n_embd, width)
    work.hidden = take(arena, 4 * shape.n_embd, width)
    work.shares = take(arena, shape.block_size, width)
    work.logits = take(arena, shape.n_vocab, width)
    work.scale = take(arena, 1, width)
    work.keys = take(arena, shape.n_layer * shape.block_size * shape.n_embd, width)
    work.values = take(arena, shape.n_layer * shape.block_size * shape.n_embd, width)
    return work


# Attention of one head at position `at`: the band of `width` columns that starts at q, keys, values.
cdef void look_back(int level, real* out, real* shares, const real* q, const real* keys, const real* values, size_t at,
                    size_t cols, size_t width) noexcept nogil:
    cdef size_t t, i
    for t in range(at + 1):
        shares[t] = ops.dot(level, q, keys + t * cols, width)
    ops.softmax(level, shares, at + 1, <real>(1.0 / sqrt(<double>width)))
    for i in range(width):
        out[i] = 0
    for t in range(at + 1):
        for i in range(width):
            out[i] += shares[t] * values[t * cols + i]


cdef void decode(const shape_t* shape, const work_t* work, cursor_t weights, int32_t token, size_t at,
                 real* kind) noexcept nogil:
    cdef int level = best_level()
    cdef size_t cols = shape.n_embd, width = cols // shape.n_head, layer, head
    cdef mat_t wte = next_matrix(&weights, shape.n_vocab, cols)
    cdef mat_t wpe = next_matrix(&weights, shape.block_size, cols)
    cdef mat_t lm_head = next_matrix(&weights, shape.n_vocab, cols)
    cdef mat_t wq, wk, wv, wo, fc1, fc2
    cdef real* x = <real*>work.x
    cdef real* normed = <real*>work.normed
    cdef real* q = <real*>work.q
    cdef real* mixed = <real*>work.mixed
    cdef real* added = <real*>work.added
    cdef real* hidden = <real*>work.hidden
    cdef real* keys = <real*>work.keys
    cdef real* values = <real*>work.values

    ops.embed_forward(added, <const real*>wte.value, <const real*>wpe.value + at * cols, &token, 1, 1, cols)
    ops.rmsnorm_forward(level, x, <real*>work.scale, <const real*>added, 1, cols)
    for layer in range(shape.n_layer):
        wq = next_matrix(&weights, cols, cols)
        wk = next_matrix(&weights, cols, cols)
        wv = next_matrix(&weights, cols, cols)
        wo = next_matrix(&weights, cols, cols)
        fc1 = next_matrix(&weights, 4 * cols, cols)
        fc2 = next_matrix(&weights, cols, 4 * cols)
        ops.rmsnorm_forward(level, normed, <real*>work.scale, <const real*>x, 1, cols)
        ops.linear_forward(level, q, <const real*>normed, <const real*>wq.value, 1, cols, cols, NULL)
        ops.linear_forward(level, keys + at * cols, <const real*>normed, <const real*>wk.value, 1, cols, cols, NULL)
        ops.linear_forward(level, values + at * cols, <const real*>normed, <const real*>wv.value, 1, cols, cols, NULL)
        for head in range(shape.n_head):
            look_back(level, mixed + head * width, <real*>work.shares, <const real*>q + head * width,
                      <const real*>keys + head * width, <const real*>values + head * width, at, cols, width)
        ops.linear_forward(level, added, <const real*>mixed, <const real*>wo.value, 1, cols, cols, NULL)
        ops.accumulate(level, x, <const real*>added, cols)
        ops.rmsnorm_forward(level, normed, <real*>work.scale, <const real*>x, 1, cols)
        ops.linear_forward(level, hidden, <const real*>normed, <const real*>fc1.value, 1, cols, 4 * cols, NULL)
        ops.relu_forward(hidden, <const real*>hidden, 4 * cols)
        ops.linear_forward(level, added, <const real*>hidden, <const real*>fc2.value, 1, 4 * cols, cols, NULL)
        ops.accumulate(level, x, <const real*>added, cols)
        keys += shape.block_size * cols
        values += shape.block_size * cols
    ops.linear_forward(level, <real*>work.logits, <const real*>x, <const real*>lm_head.value, 1, cols, shape.n_vocab,
                       NULL)


# ---------------------------------------------------------------- the door: everything is checked here


cdef class Decoder:
    """Computes logits token by token with parameters that Python owns, and a cache of keys and values of its own."""

    cdef shape_t shape
    cdef size_t width
    cdef readonly size_t position  # how many tokens the cache holds
    cdef work_t work
    cdef arena_t arena
    cdef Block memory
    cdef const unsigned char[::1] params

    def __init__(self, tuple sizes, params):
        self.shape = checked_shape(sizes)
        if params.dtype not in (np.float32, np.float64) or params.shape != (count_parameters(&self.shape),):
            raise ValueError(f"params must be {count_parameters(&self.shape)} float32 or float64 numbers")
        self.params = params.view(np.uint8)
        self.width = params.dtype.itemsize
        self.position = 0
        self.arena.base = NULL
        self.arena.size = <size_t>-1
        self.arena.used = 0
        lay_out(&self.arena, &self.shape, self.width)  # without memory this only counts the bytes
        self.memory = block(self.arena.used)
        self.arena.base = self.memory.at
        self.arena.size = self.arena.used
        self.arena.used = 0
        self.work = lay_out(&self.arena, &self.shape, self.width)

    def clear(self) -> None:
        """Empty the cache."""
        self.position = 0

    def feed(self, token: int) -> None:
        """Compute one token at the next position. ValueError if the id is out of range or the cache is full."""
        cdef cursor_t weights
        if not 0 <= token < self.shape.n_vocab:
            raise ValueError(f"id {token} is not one of 0..{self.shape.n_vocab - 1}")
        if self.position >= self.shape.block_size:
            raise ValueError(f"the context of {self.shape.block_size} tokens is full")
        cdef int32_t id_ = token
        weights.value = <char*>&self.params[0]
        weights.grad = NULL
        weights.width = self.width
        with nogil:
            if self.width == sizeof(float):
                decode(&self.shape, &self.work, weights, id_, self.position, <float*>NULL)
            else:
                decode(&self.shape, &self.work, weights, id_, self.position, <double*>NULL)
        self.position += 1

    def logits(self):
        """Return the logits after the last token, float64[n_vocab]. ValueError before the first token."""
        if self.position == 0:
            raise ValueError("feed a token first")
        cdef const unsigned char[::1] view = <unsigned char[:self.shape.n_vocab * self.width]>self.work.logits
        return np.asarray(view).view(np.float32 if self.width == sizeof(float) else np.float64).astype(np.float64)
