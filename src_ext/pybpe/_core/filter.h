/* The places where one of many strings may begin, by the first two bytes of the strings.
 *
 * The strings are in eight groups, one bit each. A place is a candidate if some group has a string with its first byte
 * and one with its second byte. The vector forms test nibbles instead of bytes, as Intel's Hyperscan does in its literal
 * matcher "Teddy" (Wang et al., NSDI 2019), and then the bytes of what they find; all forms find the same places. */
#ifndef PYBPE_FILTER_H
#define PYBPE_FILTER_H

#include <stdint.h>
#include <string.h>

#include "bits.h"

typedef struct {
    uint8_t first[256];     /* the groups that have a string with this first byte */
    uint8_t second[256];    /* the same of second bytes; all groups of strings of one byte */
    uint8_t nibbles[4][16]; /* groups by the low and the high half of the first byte, then of the second */
} pybpe_filter;

/* The first candidate in place .. end, or end. The byte at `end` is read. */
typedef const uint8_t *(*pybpe_filter_form)(const pybpe_filter *filter, const uint8_t *place, const uint8_t *end);

/* Add a string of `size` bytes, at least one, to a group, 0 to 7. The filter was filled with zero bytes before. */
static inline void pybpe_filter_add(pybpe_filter *filter, const uint8_t *string, size_t size, int group) {
    const uint8_t bit = (uint8_t)(1 << group);
    int i;
    filter->first[string[0]] |= bit;
    filter->nibbles[0][string[0] & 15] |= bit;
    filter->nibbles[1][string[0] >> 4] |= bit;
    for (i = 0; i < 256; i++) {
        if (size > 1 && i != string[1]) continue;
        filter->second[i] |= bit;
        filter->nibbles[2][i & 15] |= bit;
        filter->nibbles[3][i >> 4] |= bit;
    }
}

static inline int pybpe_is_candidate(const pybpe_filter *filter, const uint8_t *place) {
    return (filter->first[place[0]] & filter->second[place[1]]) != 0;
}

static const uint8_t *pybpe_filter_portable(const pybpe_filter *filter, const uint8_t *place, const uint8_t *end) {
    while (place < end && !pybpe_is_candidate(filter, place)) place++;
    return place;
}

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define PYBPE_FILTER_FORMS 2
__attribute__((target("avx2"))) static inline __m256i pybpe_nibble_groups(const pybpe_filter *filter, int which) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)filter->nibbles[which]));
}
__attribute__((target("avx2"))) static const uint8_t *pybpe_filter_vector(
    const pybpe_filter *filter, const uint8_t *place, const uint8_t *end) {
    const __m256i low = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    const __m256i low_first = pybpe_nibble_groups(filter, 0), high_first = pybpe_nibble_groups(filter, 1);
    const __m256i low_second = pybpe_nibble_groups(filter, 2), high_second = pybpe_nibble_groups(filter, 3);
    if (end - place < 32) return pybpe_filter_portable(filter, place, end);
    for (;;) {
        const __m256i a = _mm256_loadu_si256((const __m256i *)place), b = _mm256_loadu_si256((const __m256i *)(place + 1));
        __m256i groups = _mm256_and_si256(
            _mm256_shuffle_epi8(low_first, _mm256_and_si256(a, low)),
            _mm256_shuffle_epi8(high_first, _mm256_and_si256(_mm256_srli_epi16(a, 4), low)));
        uint32_t found;
        groups = _mm256_and_si256(groups, _mm256_shuffle_epi8(low_second, _mm256_and_si256(b, low)));
        groups = _mm256_and_si256(groups, _mm256_shuffle_epi8(high_second, _mm256_and_si256(_mm256_srli_epi16(b, 4), low)));
        found = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, zero));
        while (found) {
            const int i = pybpe_lowest(found);
            if (pybpe_is_candidate(filter, place + i)) return place + i;
            found &= found - 1;
        }
        if (end - place == 32) return end;
        place = end - place < 64 ? end - 32 : place + 32; /* the last step goes over bytes of the one before */
    }
}
static inline int pybpe_has_vector(void) { return __builtin_cpu_supports("avx2") != 0; }
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define PYBPE_FILTER_FORMS 2
static const uint8_t *pybpe_filter_vector(const pybpe_filter *filter, const uint8_t *place, const uint8_t *end) {
    const uint8x16_t low = vdupq_n_u8(15);
    const uint8x16_t low_first = vld1q_u8(filter->nibbles[0]), high_first = vld1q_u8(filter->nibbles[1]);
    const uint8x16_t low_second = vld1q_u8(filter->nibbles[2]), high_second = vld1q_u8(filter->nibbles[3]);
    for (; end - place >= 16; place += 16) {
        const uint8x16_t a = vld1q_u8(place), b = vld1q_u8(place + 1);
        uint8x16_t groups = vandq_u8(vqtbl1q_u8(low_first, vandq_u8(a, low)), vqtbl1q_u8(high_first, vshrq_n_u8(a, 4)));
        groups = vandq_u8(groups, vqtbl1q_u8(low_second, vandq_u8(b, low)));
        groups = vandq_u8(groups, vqtbl1q_u8(high_second, vshrq_n_u8(b, 4)));
        if (vmaxvq_u8(groups)) {
            const uint8_t *found = pybpe_filter_portable(filter, place, place + 16);
            if (found < place + 16) return found;
        }
    }
    return pybpe_filter_portable(filter, place, end);
}
static inline int pybpe_has_vector(void) { return 1; }
#else
#define PYBPE_FILTER_FORMS 1
#define pybpe_filter_vector pybpe_filter_portable
static inline int pybpe_has_vector(void) { return 0; }
#endif

/* Form 0 is the portable one, 1 that of vectors; NULL for one that this processor cannot run. */
static inline pybpe_filter_form pybpe_filter_get(int number) {
    if (number == 0) return pybpe_filter_portable;
    if (number == 1 && PYBPE_FILTER_FORMS == 2 && pybpe_has_vector()) return pybpe_filter_vector;
    return NULL;
}

#endif
