/* The places of the lowest and the highest bit of a number that is not 0. */
#ifndef PYBPE_BITS_H
#define PYBPE_BITS_H

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

#endif
