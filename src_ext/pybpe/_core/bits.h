/* The lowest and the highest bit of a number that is not 0, how many bits it has, and the places of all of them. */
#ifndef PYBPE_BITS_H
#define PYBPE_BITS_H

#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static inline int pybpe_lowest(uint64_t bits) {
    unsigned long index;
#if defined(_M_X64) || defined(_M_ARM64)
    _BitScanForward64(&index, bits);
#else
    if (_BitScanForward(&index, (unsigned long)bits)) return (int)index;
    _BitScanForward(&index, (unsigned long)(bits >> 32));
    index += 32;
#endif
    return (int)index;
}
static inline int pybpe_highest(uint64_t bits) {
    unsigned long index;
#if defined(_M_X64) || defined(_M_ARM64)
    _BitScanReverse64(&index, bits);
#else
    if (_BitScanReverse(&index, (unsigned long)(bits >> 32))) return (int)index + 32;
    _BitScanReverse(&index, (unsigned long)bits);
#endif
    return (int)index;
}
#else
static inline int pybpe_lowest(uint64_t bits) { return __builtin_ctzll(bits); }
static inline int pybpe_highest(uint64_t bits) { return 63 - __builtin_clzll(bits); }
#endif

static inline size_t pybpe_bit_count(uint64_t bits) {
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    return (size_t)(((bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu) * 0x0101010101010101u >> 56);
}

/* Write base + the place of every bit of a number that is not 0 to `places`, in ascending order; return how many.
   `places` has room for 64: they are written eight at a time, and those behind the last bit mean nothing, so that the
   processor has to predict the number of eights and not the number of bits. */
static inline size_t pybpe_flatten(uint64_t bits, size_t base, size_t *places) {
    const size_t count = pybpe_bit_count(bits);
    const size_t *end = places + count;
    do {
        int i;
        for (i = 0; i < 8; i++) {
            places[i] = base + (size_t)pybpe_lowest(bits | (uint64_t)1 << 63);
            bits &= bits - 1;
        }
        places += 8;
    } while (places < end);
    return count;
}

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
/* What a function is marked with whose code is for processors with AVX-512 and VBMI2; and whether this one has them. */
#define PYBPE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,lzcnt,popcnt")))
static inline int pybpe_has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
        && __builtin_cpu_supports("popcnt"); /* lzcnt came with bmi2 or before it */
}

/* As `pybpe_flatten`: the places are a run of numbers from which those without a bit are left out. */
PYBPE_AVX512 static inline size_t pybpe_flatten_avx512(uint64_t bits, size_t base, size_t *places) {
    static const uint8_t numbers[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const size_t count = (size_t)__builtin_popcountll(bits);
    const __m512i bases = _mm512_set1_epi64((long long)base);
    uint8_t found[64];
    size_t i;
    _mm512_storeu_si512(found, _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(numbers)));
    for (i = 0; i < count; i += 8) {
        const __m128i eight = _mm_loadl_epi64((const __m128i *)(found + i));
        _mm512_storeu_si512(places + i, _mm512_add_epi64(bases, _mm512_cvtepu8_epi64(eight)));
    }
    return count;
}
#else
#define PYBPE_AVX512
#define pybpe_has_avx512() 0
#define pybpe_flatten_avx512 pybpe_flatten
#endif

/* What an inline function is marked with that is compiled anew wherever it is called, for the processor of its caller. */
#if defined(__GNUC__) || defined(__clang__)
#define PYBPE_ALWAYS_INLINE __attribute__((always_inline))
#elif defined(_MSC_VER)
#define PYBPE_ALWAYS_INLINE __forceinline
#else
#define PYBPE_ALWAYS_INLINE
#endif

#endif
