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

#endif
