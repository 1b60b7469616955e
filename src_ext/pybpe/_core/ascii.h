/* How many of 16 bytes, from the first on, are ASCII letters. SSE2 is part of every x86-64 and NEON of every ARM64, so
   the form is chosen when compiling; the others read 8 bytes at a time as one number. All give the same. */
#ifndef PYBPE_ASCII_H
#define PYBPE_ASCII_H

#include <stdint.h>
#include <string.h>

#include "bits.h"

/* Eight bytes: bit 7 of every byte that is no letter is set in the result. Exact up to the first such byte. */
static inline uint64_t pybpe_not_letters(uint64_t bytes) {
    const uint64_t ones = 0x0101010101010101ull, high = 0x8080808080808080ull;
    uint64_t lower = (bytes | 0x20 * ones) & ~high;
    uint64_t from_a = lower + (0x80 - 'a') * ones;  /* bit 7: at least 'a' */
    uint64_t past_z = lower + (0x7F - 'z') * ones;  /* bit 7: more than 'z' */
    return (bytes | ~from_a | past_z) & high;
}

static inline int pybpe_letters_swar(const uint8_t *text) {
    int count = 0;
    while (count < 16) {
        uint64_t bytes = 0, found;
        int i;
        for (i = 0; i < 8; i++) bytes |= (uint64_t)text[count + i] << (8 * i);  /* compilers make one load of it */
        found = pybpe_not_letters(bytes);
        if (found) return count + pybpe_lowest(found) / 8;
        count += 8;
    }
    return 16;
}

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
static inline int pybpe_letters(const uint8_t *text) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)text);
    __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    /* Shifted so that 'a' is the smallest signed byte: letters are the 26 smallest. */
    __m128i shifted = _mm_sub_epi8(lower, _mm_set1_epi8((char)('a' + 128)));
    __m128i letters = _mm_cmplt_epi8(shifted, _mm_set1_epi8((char)(-128 + 26)));
    return pybpe_lowest((uint64_t)(~_mm_movemask_epi8(letters) | 0x10000));
}
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
static inline int pybpe_letters(const uint8_t *text) {
    uint8x16_t lower = vorrq_u8(vld1q_u8(text), vdupq_n_u8(0x20));
    uint8x16_t others = vcgeq_u8(vsubq_u8(lower, vdupq_n_u8('a')), vdupq_n_u8(26));
    /* Four bits a byte, the first byte in the lowest. */
    uint64_t nibbles = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(others), 4)), 0);
    return nibbles ? pybpe_lowest(nibbles) / 4 : 16;
}
#else
static inline int pybpe_letters(const uint8_t *text) { return pybpe_letters_swar(text); }
#endif

#endif
