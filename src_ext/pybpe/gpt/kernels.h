/* The few loops where nearly all the time of a GPT goes, compiled once for each kind of processor.
 *
 * `kernels_isa.h` is a template: it is included below for float and for double at every level this compiler and
 * machine can build, and each inclusion fills one row of a table of function pointers. A caller picks the row once
 * (`kernels_best_level()`), so that a wheel built for any x86-64 still runs AVX-512 where there is AVX-512.
 *
 * Level 0 needs nothing special: SSE2 on x86-64, NEON on ARM64, plain C where the compiler has no vector types
 * (MSVC). Sums are formed in another order at each level, so levels agree to rounding, not to the last bit.
 */
#ifndef PYBPE_GPT_KERNELS_H
#define PYBPE_GPT_KERNELS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && defined(__x86_64__)
#define KERNELS_X86 1 /* GCC and clang: vector types, target attributes, a cpu check at run time */
#endif

#if defined(__GNUC__)
#define KERNELS_VECTOR_BYTES 16
#define KERNELS_INLINE static inline __attribute__((always_inline, unused))
#else
#define KERNELS_INLINE static __inline
#endif

/* How deep, tall and wide a block of a product is packed at once; 2 * 240 KiB of doubles at most. */
#define KERNELS_DEPTH 256
#define KERNELS_TALL 96
#define KERNELS_WIDE 256
#define KERNELS_SCRATCH ((size_t)KERNELS_DEPTH * (KERNELS_TALL + KERNELS_WIDE) * sizeof(double))

#define KERNELS_TABLE(TABLE, REAL)                                                                                 \
    typedef struct {                                                                                               \
        void (*matmul)(REAL *c, size_t c_row, const REAL *a, size_t a_row, size_t a_col, const REAL *b,            \
                       size_t b_row, size_t b_col, size_t m, size_t n, size_t k, int add, void *scratch);          \
        REAL (*dot)(const REAL *a, const REAL *b, size_t n);                                                       \
        void (*softmax)(REAL *row, size_t n, REAL scale);                                                          \
        REAL (*logsumexp)(const REAL *row, size_t n);                                                              \
        void (*put_exp)(REAL *out, const REAL *row, size_t n, REAL shift, REAL factor, int add);                   \
        void (*add)(REAL *out, const REAL *x, size_t n);                                                           \
        void (*put_where)(REAL *out, const REAL *x, const REAL *gate, size_t n, int add);                          \
        void (*adam)(REAL *p, REAL *m, REAL *v, const REAL *g, size_t n, const REAL *rates);                       \
    } TABLE;
KERNELS_TABLE(kernels_f32, float)
KERNELS_TABLE(kernels_f64, double)

/* exp for floats below about 88, to 1 or 2 units in the last place, in arithmetic that compilers turn into vector
 * code (libm's expf stays a call). x = n ln 2 + r with |r| <= ln(2)/2; exp(r) by its Taylor terms up to r^7; then n
 * is added to the exponent's bits. Adding 1.5 * 2^23 rounds to an integer and leaves n in the low bits. */
KERNELS_INLINE float exp_f32(float x) {
    float shifted, n, r, y;
    int32_t bits, power;
    x = x > -87.0f ? x : -87.0f; /* exp(-87) is 1.6e-38, the edge of what a float can hold in full */
    shifted = x * 1.44269504f + 12582912.0f;
    n = shifted - 12582912.0f;
    r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    y = 1.0f / 5040.0f;
    y = y * r + 1.0f / 720.0f;
    y = y * r + 1.0f / 120.0f;
    y = y * r + 1.0f / 24.0f;
    y = y * r + 1.0f / 6.0f;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    memcpy(&power, &shifted, sizeof power);
    memcpy(&bits, &y, sizeof bits);
    bits = (int32_t)((uint32_t)bits + ((uint32_t)power << 23));
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* ---- level 0: whatever every machine of this family has ---- */
#define TARGET
#define MR 6
#if defined(__aarch64__)
#define NV 4
#else
#define NV 2
#endif
#define LEVEL(x) x##_base
#ifdef KERNELS_VECTOR_BYTES
#define VECTOR_BYTES KERNELS_VECTOR_BYTES
#endif
#include "kernels_both.h"

#ifdef KERNELS_X86
/* ---- level 1: 16 registers of 32 bytes; 6 x 2 of them hold a tile ---- */
#define TARGET __attribute__((target("avx2,fma")))
#define MR 6
#define NV 2
#define LEVEL(x) x##_avx2
#define VECTOR_BYTES 32
#include "kernels_both.h"

/* ---- level 2: 32 registers of 64 bytes; 12 x 2 of them hold a tile ---- */
#define TARGET __attribute__((target("avx512f,avx2,fma")))
#define MR 12
#define NV 2
#define LEVEL(x) x##_avx512
#define VECTOR_BYTES 64
#include "kernels_both.h"
#endif

#define KERNELS_ROW(LEVEL, T)                                                                                      \
    { matmul_##T##LEVEL, dot_##T##LEVEL, softmax_##T##LEVEL, logsumexp_##T##LEVEL, put_exp_##T##LEVEL,             \
      add_##T##LEVEL, put_where_##T##LEVEL, adam_##T##LEVEL }

#ifdef KERNELS_X86
#define KERNELS_LEVELS 3
static const kernels_f32 KERNELS_F32[3] = {KERNELS_ROW(_base, f32), KERNELS_ROW(_avx2, f32), KERNELS_ROW(_avx512, f32)};
static const kernels_f64 KERNELS_F64[3] = {KERNELS_ROW(_base, f64), KERNELS_ROW(_avx2, f64), KERNELS_ROW(_avx512, f64)};
static int kernels_best_level(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    return __builtin_cpu_supports("avx512f") ? 2 : 1;
}
#else
#define KERNELS_LEVELS 1
static const kernels_f32 KERNELS_F32[1] = {KERNELS_ROW(_base, f32)};
static const kernels_f64 KERNELS_F64[1] = {KERNELS_ROW(_base, f64)};
static int kernels_best_level(void) { return 0; }
#endif

#endif
