/* Template: the kernels for one type at one level. Set before including: REAL, NAME(x), EXP, LOG, SQRT, TARGET, and
 * the shape of a tile: MR rows by NV vectors of VECTOR_BYTES (no VECTOR_BYTES: a "vector" is one number).
 *
 * A product C = A B is computed tile by tile. A tile of C stays in registers while the depth runs by; what it reads
 * is packed first, so that the innermost loop walks two straight lines of memory whatever the layout of A and B was.
 * That is also why one function serves A B, A B' and A' B: a transpose is only another pair of strides.
 */
#ifdef VECTOR_BYTES
typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL NAME(loose) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias)); /* in memory */
#define LANES (VECTOR_BYTES / sizeof(REAL))
#else
typedef REAL NAME(vector), NAME(loose);
#define LANES 1
#endif
#define NR ((size_t)NV * LANES)
#define SPREAD 16 /* independent sums in a reduction, so that additions need not wait for each other */

/* Pack `depth` columns of `rows` (<= tile) rows into [depth][tile], zeros where there is no row. */
TARGET static void NAME(pack)(REAL *out, const REAL *in, size_t row, size_t col, size_t rows, size_t tile, size_t depth) {
    size_t i, p;
    if (rows < tile) memset(out, 0, tile * depth * sizeof(REAL));
    if (row == 1) {
        if (rows == tile) {
            for (p = 0; p < depth; p++) memcpy(out + p * tile, in + p * col, tile * sizeof(REAL));
        } else {
            for (p = 0; p < depth; p++)
                for (i = 0; i < rows; i++) out[p * tile + i] = in[p * col + i];
        }
    } else {
        for (i = 0; i < rows; i++)
            for (p = 0; p < depth; p++) out[p * tile + i] = in[i * row + p * col];
    }
}

/* C tile (rows x cols of MR x NR) = or += packed A [depth][MR] times packed B [depth][NR]. */
TARGET static void NAME(tile)(REAL *c, size_t c_row, const REAL *a, const REAL *b, size_t depth, size_t rows,
                              size_t cols, int add) {
    NAME(vector) sum[MR][NV];
    size_t i, j, p;
    memset(sum, 0, sizeof sum);
    for (p = 0; p < depth; p++, a += MR, b += NR) {
        const NAME(loose) *line = (const NAME(loose) *)b;
        for (i = 0; i < MR; i++)
            for (j = 0; j < NV; j++) sum[i][j] += line[j] * a[i];
    }
    if (rows == MR && cols == NR) {
        for (i = 0; i < MR; i++) {
            NAME(loose) *to = (NAME(loose) *)(c + i * c_row);
            for (j = 0; j < NV; j++) {
                if (add) sum[i][j] += to[j];
                to[j] = sum[i][j];
            }
        }
    } else { /* an edge of C: the tile was computed whole, only its inner part is kept */
        REAL whole[MR][NV * LANES];
        memcpy(whole, sum, sizeof whole);
        for (i = 0; i < rows; i++)
            for (j = 0; j < cols; j++) c[i * c_row + j] = add ? c[i * c_row + j] + whole[i][j] : whole[i][j];
    }
}

/* C[m, n] = (or +=) A[m, k] B[k, n]; element (i, j) of A lies at a[i * a_row + j * a_col], C's columns are adjacent. */
TARGET static void NAME(matmul)(REAL *c, size_t c_row, const REAL *a, size_t a_row, size_t a_col, const REAL *b,
                                size_t b_row, size_t b_col, size_t m, size_t n, size_t k, int add, void *scratch) {
    REAL *packed_b = (REAL *)scratch, *packed_a = packed_b + (size_t)KERNELS_DEPTH * KERNELS_WIDE;
    size_t i0, j0, p0, i, j;
    for (j0 = 0; j0 < n; j0 += KERNELS_WIDE) {
        size_t wide = n - j0 < KERNELS_WIDE ? n - j0 : KERNELS_WIDE;
        for (p0 = 0; p0 < k; p0 += KERNELS_DEPTH) {
            size_t depth = k - p0 < KERNELS_DEPTH ? k - p0 : KERNELS_DEPTH;
            int keep = add || p0 > 0;
            for (j = 0; j < wide; j += NR)
                NAME(pack)(packed_b + j * depth, b + p0 * b_row + (j0 + j) * b_col, b_col, b_row,
                           wide - j < NR ? wide - j : NR, NR, depth);
            for (i0 = 0; i0 < m; i0 += KERNELS_TALL) {
                size_t tall = m - i0 < KERNELS_TALL ? m - i0 : KERNELS_TALL;
                for (i = 0; i < tall; i += MR)
                    NAME(pack)(packed_a + i * depth, a + (i0 + i) * a_row + p0 * a_col, a_row, a_col,
                               tall - i < MR ? tall - i : MR, MR, depth);
                for (j = 0; j < wide; j += NR)
                    for (i = 0; i < tall; i += MR)
                        NAME(tile)(c + (i0 + i) * c_row + j0 + j, c_row, packed_a + i * depth, packed_b + j * depth,
                                   depth, tall - i < MR ? tall - i : MR, wide - j < NR ? wide - j : NR, keep);
            }
        }
    }
}

TARGET static REAL NAME(total)(const REAL *sums) {
    REAL all = 0;
    size_t j;
    for (j = 0; j < SPREAD; j++) all += sums[j];
    return all;
}

/* The sum of a[i] * b[i]. */
TARGET static REAL NAME(dot)(const REAL *a, const REAL *b, size_t n) {
    REAL sums[SPREAD] = {0};
    size_t i = 0, j;
    for (; i + SPREAD <= n; i += SPREAD)
        for (j = 0; j < SPREAD; j++) sums[j] += a[i + j] * b[i + j];
    for (j = 0; i < n; i++, j++) sums[j] += a[i] * b[i];
    return NAME(total)(sums);
}

TARGET static REAL NAME(largest)(const REAL *row, size_t n) {
    REAL most[SPREAD], all = row[0];
    size_t i = 0, j;
    for (j = 0; j < SPREAD; j++) most[j] = row[0];
    for (; i + SPREAD <= n; i += SPREAD)
        for (j = 0; j < SPREAD; j++) most[j] = row[i + j] > most[j] ? row[i + j] : most[j];
    for (j = 0; i < n; i++, j++) most[j] = row[i] > most[j] ? row[i] : most[j];
    for (j = 0; j < SPREAD; j++) all = most[j] > all ? most[j] : all;
    return all;
}

/* row = softmax(scale * row), in place; scale > 0. The largest is taken off first, so that exp cannot overflow. */
TARGET static void NAME(softmax)(REAL *row, size_t n, REAL scale) {
    REAL top = NAME(largest)(row, n), sums[SPREAD] = {0}, share;
    size_t i, j;
    for (i = 0; i < n; i++) row[i] = EXP((row[i] - top) * scale);
    for (i = 0; i + SPREAD <= n; i += SPREAD)
        for (j = 0; j < SPREAD; j++) sums[j] += row[i + j];
    for (j = 0; i < n; i++, j++) sums[j] += row[i];
    share = 1 / NAME(total)(sums);
    for (i = 0; i < n; i++) row[i] *= share;
}

/* log(sum(exp(row))). */
TARGET static REAL NAME(logsumexp)(const REAL *row, size_t n) {
    REAL top = NAME(largest)(row, n), sums[SPREAD] = {0};
    size_t i, j;
    for (i = 0; i + SPREAD <= n; i += SPREAD)
        for (j = 0; j < SPREAD; j++) sums[j] += EXP(row[i + j] - top);
    for (j = 0; i < n; i++, j++) sums[j] += EXP(row[i] - top);
    return top + LOG(NAME(total)(sums));
}

/* out = (or +=) factor * exp(row - shift): with shift = logsumexp(row), the gradient of -log p but for its one target. */
TARGET static void NAME(put_exp)(REAL *out, const REAL *row, size_t n, REAL shift, REAL factor, int add) {
    size_t i;
    if (add) {
        for (i = 0; i < n; i++) out[i] += factor * EXP(row[i] - shift);
    } else {
        for (i = 0; i < n; i++) out[i] = factor * EXP(row[i] - shift);
    }
}

/* out += x. */
TARGET static void NAME(add)(REAL *out, const REAL *x, size_t n) {
    size_t i;
    for (i = 0; i < n; i++) out[i] += x[i];
}

/* out = (or +=) x where gate is above 0, and 0 elsewhere. */
TARGET static void NAME(put_where)(REAL *out, const REAL *x, const REAL *gate, size_t n, int add) {
    size_t i;
    if (add) {
        for (i = 0; i < n; i++) out[i] += gate[i] > 0 ? x[i] : 0;
    } else {
        for (i = 0; i < n; i++) out[i] = gate[i] > 0 ? x[i] : 0;
    }
}

/* One Adam step on n parameters p with moments m, v and gradient g.
 * rates: beta1, beta2, eps, weight decay, lr, 1 - beta1^t, 1 - beta2^t. */
TARGET static void NAME(adam)(REAL *p, REAL *m, REAL *v, const REAL *g, size_t n, const REAL *rates) {
    const REAL beta1 = rates[0], beta2 = rates[1], eps = rates[2], decay = rates[3], lr = rates[4];
    const REAL unbias1 = rates[5], unbias2 = rates[6];
    size_t i;
    for (i = 0; i < n; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        p[i] -= lr * ((m[i] / unbias1) / (SQRT(v[i] / unbias2) + eps) + decay * p[i]);
    }
}

#undef LANES
#undef NR
#undef SPREAD
