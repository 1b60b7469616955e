"""The operations of the GPT, each with its forward and its backward pass, and a door to the matrix product alone.

The backward of an operation is the chain rule written out: given d loss / d out it adds to d loss / d input.
tests/gpt/test_tape.py compares every one with central differences.
"""

from libc.math cimport sqrt
from libc.string cimport memset

cdef extern from "kernels.h":
    ctypedef struct kernels_f32:
        void (*matmul)(float*, size_t, const float*, size_t, size_t, const float*, size_t, size_t,
                       size_t, size_t, size_t, int, void*) noexcept nogil
        float (*dot)(const float*, const float*, size_t) noexcept nogil
        void (*softmax)(float*, size_t, float) noexcept nogil
        float (*logsumexp)(const float*, size_t) noexcept nogil
        void (*put_exp)(float*, const float*, size_t, float, float, int) noexcept nogil
        void (*add)(float*, const float*, size_t) noexcept nogil
        void (*put_where)(float*, const float*, const float*, size_t, int) noexcept nogil
        void (*adam)(float*, float*, float*, const float*, size_t, const float*) noexcept nogil
    ctypedef struct kernels_f64:
        void (*matmul)(double*, size_t, const double*, size_t, size_t, const double*, size_t, size_t,
                       size_t, size_t, size_t, int, void*) noexcept nogil
        double (*dot)(const double*, const double*, size_t) noexcept nogil
        void (*softmax)(double*, size_t, double) noexcept nogil
        double (*logsumexp)(const double*, size_t) noexcept nogil
        void (*put_exp)(double*, const double*, size_t, double, double, int) noexcept nogil
        void (*add)(double*, const double*, size_t) noexcept nogil
        void (*put_where)(double*, const double*, const double*, size_t, int) noexcept nogil
        void (*adam)(double*, double*, double*, const double*, size_t, const double*) noexcept nogil
    const kernels_f32* KERNELS_F32
    const kernels_f64* KERNELS_F64
    const int KERNELS_LEVELS
    const size_t KERNELS_SCRATCH
    int kernels_best_level() noexcept nogil

# ---------------------------------------------------------------- C: no Python below this line, up to the door
# No function here checks a bound: the tape hands over matrices that it laid out itself, and ids were checked when
# they came in (engine.pyx, tape.pyx).


cdef int best_level() noexcept nogil:
    return kernels_best_level()


cdef size_t scratch_bytes() noexcept nogil:
    return KERNELS_SCRATCH


cdef inline void matmul(int level, real* c, size_t c_row, const real* a, size_t a_row, size_t a_col, const real* b,
                        size_t b_row, size_t b_col, size_t m, size_t n, size_t k, int add,
                        void* scratch) noexcept nogil:
    if real is float:
        KERNELS_F32[level].matmul(c, c_row, a, a_row, a_col, b, b_row, b_col, m, n, k, add, scratch)
    else:
        KERNELS_F64[level].matmul(c, c_row, a, a_row, a_col, b, b_row, b_col, m, n, k, add, scratch)


cdef real dot(int level, const real* a, const real* b, size_t n) noexcept nogil:
    if real is float:
        return KERNELS_F32[level].dot(a, b, n)
    else:
        return KERNELS_F64[level].dot(a, b, n)


cdef void softmax(int level, real* row, size_t n, real scale) noexcept nogil:
    if real is float:
        KERNELS_F32[level].softmax(row, n, scale)
    else:
        KERNELS_F64[level].softmax(row, n, scale)


# out[r] = wte[ids[r]] + wpe[r mod time]: the token embedding plus the position embedding.
cdef void embed_forward(real* out, const real* wte, const real* wpe, const int32_t* ids, size_t rows, size_t time,
                        size_t cols) noexcept nogil:
    cdef size_t r
    for r in range(rows):
        add_forward(out + r * cols, wte + <size_t>ids[r] * cols, wpe + (r % time) * cols, cols)


cdef void embed_backward(int level, const real* d_out, real* d_wte, real* d_wpe, const int32_t* ids, size_t rows,
                         size_t time, size_t cols) noexcept nogil:
    cdef size_t r
    for r in range(rows):
        accumulate(level, d_wte + <size_t>ids[r] * cols, d_out + r * cols, cols)
        accumulate(level, d_wpe + (r % time) * cols, d_out + r * cols, cols)


# out = x * s with s = (mean(x^2) + 1e-5)^(-1/2): RMSNorm. s is kept for the backward pass.
cdef void rmsnorm_forward(int level, real* out, real* scales, const real* x, size_t rows, size_t cols) noexcept nogil:
    cdef size_t r, i
    cdef const real* row
    cdef real* to
    cdef real scale
    for r in range(rows):
        row = x + r * cols
        to = out + r * cols
        scale = <real>(1.0 / sqrt(dot(level, row, row, cols) / <double>cols + 1e-5))
        scales[r] = scale
        for i in range(cols):
            to[i] = row[i] * scale


# s depends on every x of its row: ds/dx_i = -s^3 x_i / cols, hence the second term.
cdef void rmsnorm_backward(int level, const real* d_out, real* d_x, const real* scales, const real* x, size_t rows,
                           size_t cols, bint add) noexcept nogil:
    cdef size_t r, i
    cdef const real* row
    cdef const real* above
    cdef real* to
    cdef real scale, pull
    for r in range(rows):
        row = x + r * cols
        above = d_out + r * cols
        to = d_x + r * cols
        scale = scales[r]
        pull = scale * scale * scale * dot(level, above, row, cols) / <real>cols
        if add:
            for i in range(cols):
                to[i] += above[i] * scale - row[i] * pull
        else:
            for i in range(cols):
                to[i] = above[i] * scale - row[i] * pull


# out[rows, n_out] = x[rows, n_in] w' with w[n_out, n_in]: each output is the dot product of x with one row of w.
cdef void linear_forward(int level, real* out, const real* x, const real* w, size_t rows, size_t n_in, size_t n_out,
                         void* scratch) noexcept nogil:
    cdef size_t j
    if rows == 1:  # generation goes token by token; packing w would cost as much as using it
        for j in range(n_out):
            out[j] = dot(level, x, w + j * n_in, n_in)
        return
    matmul(level, out, n_out, x, n_in, 1, w, 1, n_in, rows, n_out, n_in, 0, scratch)


cdef void linear_backward(int level, const real* d_out, real* d_x, real* d_w, const real* x, const real* w, size_t rows,
                          size_t n_in, size_t n_out, bint add_x, bint add_w, void* scratch) noexcept nogil:
    matmul(level, d_x, n_in, d_out, n_out, 1, w, n_in, 1, rows, n_in, n_out, add_x, scratch)  # d_x += d_out w
    matmul(level, d_w, n_in, d_out, 1, n_out, x, n_in, 1, n_out, n_in, rows, add_w, scratch)  # d_w += d_out' x


# Causal attention of each head of each sequence: shares = softmax(q k' / sqrt(width)) over the keys up to the query
# itself, and out = shares v. A head is a band of `width` columns of q, k, v, so heads are not copied. Queries are taken
# in blocks of ATTENTION_ROWS, which saves the products with keys that lie in the future of the whole block.
cdef void attention_forward(int level, real* out, real* saved, const real* q, const real* k, const real* v,
                            size_t rows, size_t time, size_t heads, size_t cols, void* scratch) noexcept nogil:
    cdef size_t width = cols // heads, at, i
    cdef real scale = <real>(1.0 / sqrt(<double>width))
    cdef real* shares = saved
    for at in range((rows // time) * heads):
        i = (at // heads) * time * cols + (at % heads) * width  # where this head's band of this sequence starts
        attend_one(level, out + i, shares, q + i, k + i, v + i, time, cols, width, scale, scratch)
        shares += time * time


cdef void attend_one(int level, real* out, real* shares, const real* q, const real* k, const real* v, size_t time,
                     size_t cols, size_t width, real scale, void* scratch) noexcept nogil:
    cdef size_t block, i0, i, n, keys
    for block in range((time + ATTENTION_ROWS - 1) // ATTENTION_ROWS):
        i0 = block * ATTENTION_ROWS
        n = min(<size_t>ATTENTION_ROWS, time - i0)
        keys = i0 + n
        matmul(level, shares + i0 * time, time, q + i0 * cols, cols, 1, k, 1, cols, n, keys, width, 0, scratch)
        for i in range(i0, keys):
            softmax(level, shares + i * time, i + 1, scale)
            memset(shares + i * time + i + 1, 0, (keys - i - 1) * sizeof(real))  # no share for the future
        matmul(level, out + i0 * cols, cols, shares + i0 * time, time, 1, v, cols, 1, n, width, keys, 0, scratch)


cdef void attention_backward(int level, const real* d_out, real* d_q, real* d_k, real* d_v, real* saved, const real* q,
                             const real* k, const real* v, size_t rows, size_t time, size_t heads, size_t cols,
                             void* scratch) noexcept nogil:
    cdef size_t width = cols // heads, at, i
    cdef real scale = <real>(1.0 / sqrt(<double>width))
    cdef real* shares = saved
    cdef real* d_shares = saved + (rows // time) * heads * time * time
    for at in range((rows // time) * heads):
        i = (at // heads) * time * cols + (at % heads) * width
        unattend_one(level, d_out + i, d_q + i, d_k + i, d_v + i, shares, d_shares, q + i, k + i, v + i, time, cols,
                     width, scale, scratch)
        shares += time * time


cdef void unattend_one(int level, const real* d_out, real* d_q, real* d_k, real* d_v, const real* shares,
                       real* d_shares, const real* q, const real* k, const real* v, size_t time, size_t cols,
                       size_t width, real scale, void* scratch) noexcept nogil:
    cdef size_t block, i0, i, j, n, keys
    cdef real pull
    cdef const real* share
    cdef real* d_share
    for block in range((time + ATTENTION_ROWS - 1) // ATTENTION_ROWS):
        i0 = block * ATTENTION_ROWS
        n = min(<size_t>ATTENTION_ROWS, time - i0)
        keys = i0 + n
        share = shares + i0 * time
        matmul(level, d_shares, time, d_out + i0 * cols, cols, 1, v, 1, cols, n, keys, width, 0, scratch)
        matmul(level, d_v, cols, share, 1, time, d_out + i0 * cols, cols, 1, keys, width, n, 1, scratch)
        # Through the softmax: d_score_j = share_j (d_share_j - sum_i share_i d_share_i). Shares are 0 for later keys.
        for i in range(n):
            share = shares + (i0 + i) * time
            d_share = d_shares + i * time
            pull = dot(level, share, d_share, keys)
            for j in range(keys):
                d_share[j] = share[j] * (d_share[j] - pull) * scale
        matmul(level, d_q + i0 * cols, cols, d_shares, time, 1, k, cols, 1, n, width, keys, 1, scratch)
        matmul(level, d_k, cols, d_shares, 1, time, q + i0 * cols, cols, 1, keys, width, n, 1, scratch)


cdef void add_forward(real* out, const real* a, const real* b, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        out[i] = a[i] + b[i]


cdef void accumulate(int level, real* into, const real* x, size_t n) noexcept nogil:
    if real is float:
        KERNELS_F32[level].add(into, x, n)
    else:
        KERNELS_F64[level].add(into, x, n)


cdef void relu_forward(real* out, const real* x, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        out[i] = x[i] if x[i] > 0 else 0


cdef void relu_backward(int level, const real* d_out, real* d_x, const real* x, size_t n, bint add) noexcept nogil:
    if real is float:
        KERNELS_F32[level].put_where(d_x, d_out, x, n, add)
    else:
        KERNELS_F64[level].put_where(d_x, d_out, x, n, add)


# loss = share * sum over rows of -log softmax(logits)[target]; share is 1 / (all positions of the whole batch), so
# that the losses of a batch's micro-batches add up to its mean. lse keeps log(sum(exp(row))) for the backward pass.
cdef void cross_entropy_forward(int level, real* loss, real* lse, const real* logits, const int32_t* targets,
                                size_t rows, size_t cols, real share) noexcept nogil:
    cdef size_t r
    cdef double total = 0
    for r in range(rows):
        if real is float:
            lse[r] = KERNELS_F32[level].logsumexp(logits + r * cols, cols)
        else:
            lse[r] = KERNELS_F64[level].logsumexp(logits + r * cols, cols)
        total += lse[r] - logits[r * cols + <size_t>targets[r]]
    loss[0] = <real>(total * share)


cdef void cross_entropy_backward(int level, const real* d_loss, real* d_logits, const real* lse, const real* logits,
                                 const int32_t* targets, size_t rows, size_t cols, real share,
                                 bint add) noexcept nogil:
    cdef size_t r
    cdef real factor = d_loss[0] * share
    for r in range(rows):
        if real is float:
            KERNELS_F32[level].put_exp(d_logits + r * cols, logits + r * cols, cols, lse[r], factor, add)
        else:
            KERNELS_F64[level].put_exp(d_logits + r * cols, logits + r * cols, cols, lse[r], factor, add)
        d_logits[r * cols + <size_t>targets[r]] -= factor


cdef void adam(int level, real* params, real* m, real* v, const real* grads, size_t n, const real* rates) noexcept nogil:
    if real is float:
        KERNELS_F32[level].adam(params, m, v, grads, n, rates)
    else:
        KERNELS_F64[level].adam(params, m, v, grads, n, rates)


# ---------------------------------------------------------------- the door: everything is checked here


def levels() -> int:
    """Return the highest level of kernels that this machine can run: 1 (base), 2 (AVX2) or 3 (AVX-512)."""
    return kernels_best_level() + 1


def product(real[:, ::1] out, real[:, :] a, real[:, :] b, int level, bint add=False) -> None:
    """Write `a @ b` into `out` (or add it) with the kernels of one level. All of one dtype; strides are free in a, b."""
    cdef size_t m = a.shape[0], k = a.shape[1], n = b.shape[1], size = sizeof(real)
    cdef char[::1] scratch
    if b.shape[0] != a.shape[1] or out.shape[0] != a.shape[0] or out.shape[1] != b.shape[1]:
        raise ValueError(f"shapes do not multiply: [{m}, {k}] @ [{b.shape[0]}, {n}] -> [{out.shape[0]}, {out.shape[1]}]")
    if not 0 <= level < levels():
        raise ValueError(f"level {level} is not one of 0..{levels() - 1} on this machine")
    if a.strides[0] < 0 or a.strides[1] < 0 or b.strides[0] < 0 or b.strides[1] < 0:
        raise ValueError("a and b must not be reversed views")
    if m == 0 or n == 0:
        return
    if k == 0:
        raise ValueError("the inner dimension is empty")
    scratch = bytearray(KERNELS_SCRATCH)
    with nogil:
        matmul(level, &out[0, 0], n, <const real*>&a[0, 0], a.strides[0] // size, a.strides[1] // size,
               <const real*>&b[0, 0], b.strides[0] // size, b.strides[1] // size, m, n, k, add, &scratch[0])
