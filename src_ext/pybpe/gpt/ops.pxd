# What one operation of the GPT computes, forwards and backwards, on bare pointers: the mathematics, without the tape.
#
# Every matrix is row-major without gaps: row r of an [n, c] matrix starts at r * c. Backward functions ADD to the
# gradients of their inputs, because an input may feed several operations and its gradients sum; those with `add` store
# them instead where it is false, for the first of the sum. Names: `d_x` is d loss / d x. `kernels` of kernels.h do the
# heavy loops; `level` picks the processor they were compiled for.
from libc.stdint cimport int32_t

ctypedef fused real:  # one source, compiled twice: float is fast, double is exact
    float
    double

cdef int best_level() noexcept nogil  # the fastest kernels that this machine can run
cdef size_t scratch_bytes() noexcept nogil  # what `scratch` must point to, wherever it is asked for

cdef real dot(int level, const real* a, const real* b, size_t n) noexcept nogil
cdef void softmax(int level, real* row, size_t n, real scale) noexcept nogil  # row = softmax(scale * row)

cdef void embed_forward(real* out, const real* wte, const real* wpe, const int32_t* ids, size_t rows, size_t time,
                        size_t cols) noexcept nogil
cdef void embed_backward(int level, const real* d_out, real* d_wte, real* d_wpe, const int32_t* ids, size_t rows,
                         size_t time, size_t cols) noexcept nogil

cdef void rmsnorm_forward(int level, real* out, real* scales, const real* x, size_t rows, size_t cols) noexcept nogil
cdef void rmsnorm_backward(int level, const real* d_out, real* d_x, const real* scales, const real* x, size_t rows,
                           size_t cols, bint add) noexcept nogil

cdef void linear_forward(int level, real* out, const real* x, const real* w, size_t rows, size_t n_in, size_t n_out,
                         void* scratch) noexcept nogil
cdef void linear_backward(int level, const real* d_out, real* d_x, real* d_w, const real* x, const real* w, size_t rows,
                          size_t n_in, size_t n_out, bint add_x, bint add_w, void* scratch) noexcept nogil

# How many queries are compared with the keys at once; `saved` of attention holds, for each head of each sequence, the
# [time, time] shares of attention, and after all of them one block of [ATTENTION_ROWS, time].
cdef enum:
    ATTENTION_ROWS = 32

cdef void attention_forward(int level, real* out, real* saved, const real* q, const real* k, const real* v,
                            size_t rows, size_t time, size_t heads, size_t cols, void* scratch) noexcept nogil
cdef void attention_backward(int level, const real* d_out, real* d_q, real* d_k, real* d_v, real* saved, const real* q,
                             const real* k, const real* v, size_t rows, size_t time, size_t heads, size_t cols,
                             void* scratch) noexcept nogil

cdef void add_forward(real* out, const real* a, const real* b, size_t n) noexcept nogil
cdef void accumulate(int level, real* into, const real* x, size_t n) noexcept nogil  # into += x

cdef void relu_forward(real* out, const real* x, size_t n) noexcept nogil
cdef void relu_backward(int level, const real* d_out, real* d_x, const real* x, size_t n, bint add) noexcept nogil

cdef void cross_entropy_forward(int level, real* loss, real* lse, const real* logits, const int32_t* targets,
                                size_t rows, size_t cols, real share) noexcept nogil
cdef void cross_entropy_backward(int level, const real* d_loss, real* d_logits, const real* lse, const real* logits,
                                 const int32_t* targets, size_t rows, size_t cols, real share,
                                 bint add) noexcept nogil

cdef void adam(int level, real* params, real* m, real* v, const real* grads, size_t n, const real* rates) noexcept nogil
