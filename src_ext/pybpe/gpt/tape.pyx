"""Reverse-mode autograd on a tape of matrix operations: record them, run the forward pass, run the backward pass.

Used through tape.pxd: by the GPT (architecture.pyx, engine.pyx) and by a small Python face (autograd.pyx).
"""

from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cimport pybpe.gpt.ops as ops
from pybpe.gpt.ops cimport ATTENTION_ROWS, best_level, real

import numpy as np

cdef enum:
    LINE = 64  # bytes of a cache line; everything in an arena starts on one

# ---------------------------------------------------------------- C: no Python below this line, up to the door


cdef size_t times(size_t a, size_t b) noexcept nogil:
    return a * b if b == 0 or a <= <size_t>-1 // b else <size_t>-1


cdef void* take(arena_t* arena, size_t count, size_t width) noexcept nogil:
    cdef size_t size = times(count, width), at = arena.used
    if size > <size_t>-1 - LINE - at:
        arena.used = <size_t>-1
        return NULL
    arena.used = at + (size + LINE - 1) // LINE * LINE
    return arena.base + at if fits(arena) and arena.base != NULL else NULL


cdef bint fits(const arena_t* arena) noexcept nogil:
    return arena.used <= arena.size


cdef tape_t tape_begin(arena_t* arena, size_t max_ops, size_t width, void* scratch) noexcept nogil:
    cdef tape_t tape
    tape.arena = arena
    tape.ops = <op_t*>take(arena, max_ops, sizeof(op_t))
    tape.n_ops = 0
    tape.max_ops = max_ops
    tape.width = width
    tape.level = best_level()
    tape.scratch = scratch
    return tape


# In the backward pass the operation recorded last comes first: it stores a gradient, and those before it add to it.
cdef bint reaches_first(tape_t* tape, void* grad) noexcept nogil:
    cdef size_t i
    if grad == NULL:
        return False
    for i in range(tape.n_ops):
        tape.ops[i].first_a = tape.ops[i].first_a and tape.ops[i].a.grad != grad
        tape.ops[i].first_b = tape.ops[i].first_b and tape.ops[i].b.grad != grad
        tape.ops[i].first_c = tape.ops[i].first_c and tape.ops[i].c.grad != grad
    return True


# Record an operation: reserve memory for its result and gradient, and append it to the tape. If the arena or the tape
# is full, nothing is written, but the sizes are still added up.
cdef mat_t record(tape_t* tape, op_t* op, size_t rows, size_t cols, size_t saved) noexcept nogil:
    op.out.rows = rows
    op.out.cols = cols
    op.out.value = take(tape.arena, times(rows, cols), tape.width)
    op.out.grad = take(tape.arena, times(rows, cols), tape.width)
    op.saved = take(tape.arena, saved, tape.width)
    if tape.ops != NULL and tape.n_ops < tape.max_ops:
        op.first_a = reaches_first(tape, op.a.grad)
        op.first_b = op.b.grad != op.a.grad and reaches_first(tape, op.b.grad)
        op.first_c = op.c.grad != op.b.grad and op.c.grad != op.a.grad and reaches_first(tape, op.c.grad)
        tape.ops[tape.n_ops] = op[0]
    tape.n_ops += 1
    return op.out


cdef op_t blank(kind_t kind) noexcept nogil:
    cdef op_t op
    memset(&op, 0, sizeof(op_t))
    op.kind = kind
    return op


cdef mat_t tape_leaf(tape_t* tape, size_t rows, size_t cols) noexcept nogil:
    cdef op_t op = blank(LEAF)
    return record(tape, &op, rows, cols, 0)


cdef mat_t tape_embed(tape_t* tape, mat_t wte, mat_t wpe, const int32_t* ids, size_t rows, size_t time) noexcept nogil:
    cdef op_t op = blank(EMBED)
    op.a = wte
    op.b = wpe
    op.ids = ids
    op.time = time
    return record(tape, &op, rows, wte.cols, 0)


cdef mat_t tape_rmsnorm(tape_t* tape, mat_t x) noexcept nogil:
    cdef op_t op = blank(RMSNORM)
    op.a = x
    return record(tape, &op, x.rows, x.cols, x.rows)


cdef mat_t tape_linear(tape_t* tape, mat_t x, mat_t w) noexcept nogil:
    cdef op_t op = blank(LINEAR)
    op.a = x
    op.b = w
    return record(tape, &op, x.rows, w.rows, 0)


cdef mat_t tape_attention(tape_t* tape, mat_t q, mat_t k, mat_t v, size_t time, size_t heads) noexcept nogil:
    cdef op_t op = blank(ATTENTION)
    op.a = q
    op.b = k
    op.c = v
    op.time = time
    op.heads = heads
    return record(tape, &op, q.rows, q.cols, times(times(q.rows, heads) + ATTENTION_ROWS, time))


cdef mat_t tape_add(tape_t* tape, mat_t a, mat_t b) noexcept nogil:
    cdef op_t op = blank(ADD)
    op.a = a
    op.b = b
    return record(tape, &op, a.rows, a.cols, 0)


cdef mat_t tape_relu(tape_t* tape, mat_t x) noexcept nogil:
    cdef op_t op = blank(RELU)
    op.a = x
    return record(tape, &op, x.rows, x.cols, 0)


cdef mat_t tape_cross_entropy(tape_t* tape, mat_t logits, const int32_t* targets, double share) noexcept nogil:
    cdef op_t op = blank(CROSS_ENTROPY)
    op.a = logits
    op.ids = targets
    op.share = share
    return record(tape, &op, 1, 1, logits.rows)


# `kind` only tells the compiler which type to compile for; its value is not used.
cdef void forward_one(const tape_t* tape, const op_t* op, real* kind) noexcept nogil:
    cdef real* out = <real*>op.out.value
    cdef real* saved = <real*>op.saved
    cdef const real* a = <const real*>op.a.value
    cdef const real* b = <const real*>op.b.value
    cdef const real* c = <const real*>op.c.value
    cdef size_t rows = op.a.rows, cols = op.a.cols
    if op.kind == EMBED:
        ops.embed_forward(out, a, b, op.ids, op.out.rows, op.time, cols)
    elif op.kind == RMSNORM:
        ops.rmsnorm_forward(tape.level, out, saved, a, rows, cols)
    elif op.kind == LINEAR:
        ops.linear_forward(tape.level, out, a, b, rows, cols, op.b.rows, tape.scratch)
    elif op.kind == ATTENTION:
        ops.attention_forward(tape.level, out, saved, a, b, c, rows, op.time, op.heads, cols, tape.scratch)
    elif op.kind == ADD:
        ops.add_forward(out, a, b, rows * cols)
    elif op.kind == RELU:
        ops.relu_forward(out, a, rows * cols)
    elif op.kind == CROSS_ENTROPY:
        ops.cross_entropy_forward(tape.level, out, saved, a, op.ids, rows, cols, <real>op.share)


cdef void clear(const tape_t* tape, const mat_t* mat) noexcept nogil:
    memset(mat.grad, 0, mat.rows * mat.cols * tape.width)


cdef void sum_into(const tape_t* tape, real* d_x, const real* d_out, size_t n, bint first) noexcept nogil:
    if first:
        memcpy(d_x, d_out, n * sizeof(real))
    else:
        ops.accumulate(tape.level, d_x, d_out, n)


cdef void backward_one(const tape_t* tape, const op_t* op, real* kind) noexcept nogil:
    cdef const real* d_out = <const real*>op.out.grad
    cdef real* saved = <real*>op.saved
    cdef const real* a = <const real*>op.a.value
    cdef const real* b = <const real*>op.b.value
    cdef const real* c = <const real*>op.c.value
    cdef real* d_a = <real*>op.a.grad
    cdef real* d_b = <real*>op.b.grad
    cdef real* d_c = <real*>op.c.grad
    cdef size_t rows = op.a.rows, cols = op.a.cols
    if op.kind == EMBED or op.kind == ATTENTION:  # these add here and there, and so begin with zeros
        if op.first_a:
            clear(tape, &op.a)
        if op.first_b:
            clear(tape, &op.b)
        if op.first_c:
            clear(tape, &op.c)
    if op.kind == EMBED:
        ops.embed_backward(tape.level, d_out, d_a, d_b, op.ids, op.out.rows, op.time, cols)
    elif op.kind == RMSNORM:
        ops.rmsnorm_backward(tape.level, d_out, d_a, saved, a, rows, cols, not op.first_a)
    elif op.kind == LINEAR:
        ops.linear_backward(tape.level, d_out, d_a, d_b, a, b, rows, cols, op.b.rows, not op.first_a, not op.first_b,
                            tape.scratch)
    elif op.kind == ATTENTION:
        ops.attention_backward(tape.level, d_out, d_a, d_b, d_c, saved, a, b, c, rows, op.time, op.heads, cols,
                               tape.scratch)
    elif op.kind == ADD:
        sum_into(tape, d_a, d_out, rows * cols, op.first_a)
        sum_into(tape, d_b, d_out, rows * cols, op.first_b)
    elif op.kind == RELU:
        ops.relu_backward(tape.level, d_out, d_a, a, rows * cols, not op.first_a)
    elif op.kind == CROSS_ENTROPY:
        ops.cross_entropy_backward(tape.level, d_out, d_a, saved, a, op.ids, rows, cols, <real>op.share,
                                   not op.first_a)


cdef void tape_forward(const tape_t* tape) noexcept nogil:
    cdef size_t i
    for i in range(tape.n_ops):
        if tape.width == sizeof(float):
            forward_one(tape, &tape.ops[i], <float*>NULL)
        else:
            forward_one(tape, &tape.ops[i], <double*>NULL)


cdef void tape_zero(const tape_t* tape) noexcept nogil:
    cdef size_t i
    for i in range(tape.n_ops):
        clear(tape, &tape.ops[i].out)


cdef void tape_backward(const tape_t* tape, size_t last) noexcept nogil:
    cdef size_t i
    for i in range(last, 0, -1):
        if tape.width == sizeof(float):
            backward_one(tape, &tape.ops[i - 1], <float*>NULL)
        else:
            backward_one(tape, &tape.ops[i - 1], <double*>NULL)


# ---------------------------------------------------------------- the door: everything is checked here

cdef size_t _blocks = 0  # how often memory was asked for, so that a test can see that training asks for none


def allocations() -> int:
    """Return the number of blocks of memory that the engine has allocated since the process began."""
    return _blocks


cdef class Block:
    def __dealloc__(self):
        free(self.whole)


cdef Block block(size_t size):
    """Return a block of `size` zero bytes, aligned to a cache line. MemoryError if the system has no memory left."""
    global _blocks
    cdef Block made = Block.__new__(Block)
    cdef size_t room = size + LINE
    made.whole = malloc(room) if room > size else NULL
    if made.whole == NULL:
        raise MemoryError(f"no {size:,} bytes for the arena")
    made.at = <char*>((<size_t>made.whole + LINE - 1) // LINE * LINE)
    memset(made.at, 0, size)
    _blocks += 1
    return made


def checked_ids(ids, limit: int):
    """Return `ids` as a contiguous int32 array of the same shape. ValueError unless all lie in 0..limit - 1.

    ValueError for anything else: floats, ids out of range (it names the first and where it stands).
    """
    array = np.asarray(ids)
    if array.dtype.kind not in "iu":
        raise ValueError(f"ids must be integers, not {array.dtype}")
    wrong = (array < 0) | (array >= limit)
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"id {array.reshape(-1)[where]} at position {where} is not one of 0..{limit - 1}")
    return np.ascontiguousarray(array, np.int32)
