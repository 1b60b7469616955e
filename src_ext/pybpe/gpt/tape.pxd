# The tape: a list of operations over matrices that all lie in one arena.
#
# Recording computes nothing. It lays out the results of each operation in the arena and notes what to compute; so
# whether everything fits is known before the first number is. `tape_forward` then walks the list, `tape_backward`
# walks it in reverse, and both can be repeated for ever without asking for memory.
from libc.stdint cimport int32_t

cdef struct arena_t:  # a region handed out from the front; `used` goes on counting past `size`, to say what is needed
    char* base
    size_t size
    size_t used

cdef struct mat_t:  # a matrix and the gradient of the loss with respect to it
    void* value
    void* grad
    size_t rows
    size_t cols

cdef enum kind_t:
    LEAF  # a matrix that comes from outside
    EMBED
    RMSNORM
    LINEAR
    ATTENTION
    ADD
    RELU
    CROSS_ENTROPY

cdef struct op_t:
    kind_t kind
    mat_t out
    mat_t a
    mat_t b
    mat_t c
    bint first_a  # walking back, this operation is the first to reach a's gradient: it stores, others add; so for b, c
    bint first_b
    bint first_c
    void* saved  # what the forward pass keeps for the backward pass
    const int32_t* ids  # embed: the tokens; cross-entropy: the targets
    size_t time  # rows come in sequences of `time`
    size_t heads
    double share

cdef struct tape_t:
    arena_t* arena
    op_t* ops
    size_t n_ops
    size_t max_ops
    size_t width  # bytes of a number: 4 or 8
    int level  # the processor level of kernels.h
    void* scratch  # where products pack their blocks

cdef size_t times(size_t a, size_t b) noexcept nogil  # a * b, or the largest size there is
cdef void* take(arena_t* arena, size_t count, size_t width) noexcept nogil  # NULL when it does not fit
cdef bint fits(const arena_t* arena) noexcept nogil

cdef tape_t tape_begin(arena_t* arena, size_t max_ops, size_t width, void* scratch) noexcept nogil
cdef mat_t tape_leaf(tape_t* tape, size_t rows, size_t cols) noexcept nogil
cdef mat_t tape_embed(tape_t* tape, mat_t wte, mat_t wpe, const int32_t* ids, size_t rows, size_t time) noexcept nogil
cdef mat_t tape_rmsnorm(tape_t* tape, mat_t x) noexcept nogil
cdef mat_t tape_linear(tape_t* tape, mat_t x, mat_t w) noexcept nogil
cdef mat_t tape_attention(tape_t* tape, mat_t q, mat_t k, mat_t v, size_t time, size_t heads) noexcept nogil
cdef mat_t tape_add(tape_t* tape, mat_t a, mat_t b) noexcept nogil
cdef mat_t tape_relu(tape_t* tape, mat_t x) noexcept nogil
cdef mat_t tape_cross_entropy(tape_t* tape, mat_t logits, const int32_t* targets, double share) noexcept nogil

cdef void tape_forward(const tape_t* tape) noexcept nogil
cdef void tape_zero(const tape_t* tape) noexcept nogil  # every gradient on the tape becomes 0
# From the gradient of the result of operation last - 1, which is set, to all that it came from. What has no part in it
# keeps the gradient it has; so tape_zero comes before, unless every operation leads to that result.
cdef void tape_backward(const tape_t* tape, size_t last) noexcept nogil

cdef class Block:  # the one owner of a piece of memory
    cdef char* at  # aligned to a cache line
    cdef void* whole

cdef Block block(size_t size)
