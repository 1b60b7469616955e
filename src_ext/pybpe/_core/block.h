/* The classes of 64 bytes at a time, as one bit a byte: what the scanner's arithmetic on words works on.
 *
 * Every form gives the same masks. AVX-512 and AVX2 are chosen when the program starts, by what the processor can;
 * SSE2 is part of every x86-64 and NEON of every ARM64; the portable form reads one byte after another. */
#ifndef PYBPE_BLOCK_H
#define PYBPE_BLOCK_H

#include <stdint.h>
#include <string.h>

#include "bits.h"

typedef struct {
    uint64_t letters;     /* a-z and A-Z */
    uint64_t capitals;    /* A-Z */
    uint64_t digits;      /* 0-9 */
    uint64_t spaces;      /* tab, newline, vertical tab, form feed, return, blank */
    uint64_t newlines;    /* newline, return */
    uint64_t blanks;      /* the character ' ' */
    uint64_t apostrophes;
    uint64_t wide;        /* not ASCII */
    uint64_t tails;       /* 0x80-0xBF: not the first byte of a character; this and the next two only where `wide` is not 0 */
    uint64_t uncased;     /* first bytes of three that are certainly a letter without case: most Han, Kana and Hangul */
    uint64_t pairs;       /* first bytes of two that are certainly a letter: most Latin, Greek and Cyrillic */
} pybpe_block;

typedef void (*pybpe_block_form)(const uint8_t *text, pybpe_block *out);

static inline int pybpe_tail_in(uint8_t byte, int first, int last) { return byte >= first && byte <= last; }

static inline int pybpe_is_uncased(const uint8_t *text) {
    const uint8_t first = text[0], second = text[1], third = text[2];
    if (!pybpe_tail_in(second, 0x80, 0xBF) || !pybpe_tail_in(third, 0x80, 0xBF)) return 0;
    if (first == 0xE3 && second == 0x81) return third > 0x80;                          /* U+3041-307F */
    if (first == 0xE3 && second == 0x82) return third < 0x97 || third > 0xA0;          /* U+3080-3096, 30A1-30BF */
    if (first == 0xE3 && second == 0x83) return third != 0xBB;                         /* U+30C0-30FF but 30FB */
    if (first == 0xE4) return second >= 0xB8;                                          /* U+4E00-4FFF */
    if (first == 0xEA) return second >= 0xB0;                                          /* U+AC00-AFFF */
    if (first == 0xED) return second < 0x9E;                                           /* U+D000-D77F */
    return (first >= 0xE5 && first <= 0xE9) || first == 0xEB || first == 0xEC;         /* U+5000-9FFF, B000-CFFF */
}

static inline int pybpe_is_pair(const uint8_t *text) {
    const uint8_t first = text[0], second = text[1];
    if (!pybpe_tail_in(second, 0x80, 0xBF)) return 0;
    if (first >= 0xC3 && first <= 0xCA) return second != 0x97 && second != 0xB7;       /* U+00C0-02BF but some */
    if (first == 0xCE || first == 0xCF) return second >= 0x90 && second != 0xA2 && second != 0xB6; /* some of U+0390-03FF */
    return first == 0xD0 || first == 0xD1;                                             /* U+0400-047F */
}

static void pybpe_block_portable(const uint8_t *text, pybpe_block *out) {
    int i;
    memset(out, 0, sizeof *out);
    for (i = 0; i < 64; i++) {
        const uint8_t byte = text[i];
        const uint64_t bit = (uint64_t)1 << i;
        if ((uint8_t)((byte | 0x20) - 'a') < 26) out->letters |= bit;
        if ((uint8_t)(byte - 'A') < 26) out->capitals |= bit;
        if ((uint8_t)(byte - '0') < 10) out->digits |= bit;
        if (byte == ' ' || (uint8_t)(byte - 9) < 5) out->spaces |= bit;
        if (byte == '\n' || byte == '\r') out->newlines |= bit;
        if (byte == ' ') out->blanks |= bit;
        if (byte == '\'') out->apostrophes |= bit;
        if (byte >= 0x80) out->wide |= bit;
        if ((byte & 0xC0) == 0x80) out->tails |= bit;
        if (i < 62) out->uncased |= (uint64_t)pybpe_is_uncased(text + i) << i;
        if (i < 63) out->pairs |= (uint64_t)pybpe_is_pair(text + i) << i;
    }
}

/* The vector forms are one text over a few operations on vectors of bytes, whose names begin with that of the form:
 *   LOAD(i)      the i-th vector of the block
 *   EQ(v, b)     the bytes equal to b
 *   BELOW(v,a,k) the bytes in a .. a + k - 1
 *   OR(a, b)     of two such results
 *   BITS(i, m)   a result as bits, at the place of the i-th vector */
#define PYBPE_BLOCK_BODY(FORM, VECTORS)                                                                                                              \
    int i;                                                                                                                                           \
    uint64_t letters = 0, capitals = 0, digits = 0, spaces = 0, newlines = 0, blanks = 0, apostrophes = 0, wide = 0;                                 \
    for (i = 0; i < VECTORS; i++) {                                                                                                                  \
        const FORM##_VECTOR v = FORM##_LOAD(i);                                                                                                      \
        const FORM##_VECTOR folded = FORM##_FOLD(v);                                                                                                 \
        letters |= FORM##_BITS(i, FORM##_BELOW(folded, 'a', 26));                                                                                    \
        capitals |= FORM##_BITS(i, FORM##_BELOW(v, 'A', 26));                                                                                        \
        digits |= FORM##_BITS(i, FORM##_BELOW(v, '0', 10));                                                                                          \
        blanks |= FORM##_BITS(i, FORM##_EQ(v, ' '));                                                                                                 \
        spaces |= FORM##_BITS(i, FORM##_BELOW(v, 9, 5));                                                                                             \
        newlines |= FORM##_BITS(i, FORM##_OR(FORM##_EQ(v, '\n'), FORM##_EQ(v, '\r')));                                                               \
        apostrophes |= FORM##_BITS(i, FORM##_EQ(v, '\''));                                                                                           \
        wide |= FORM##_BITS(i, FORM##_BELOW(v, 0x80, 0x80));                                                                                         \
    }                                                                                                                                                \
    out->letters = letters;                                                                                                                          \
    out->capitals = capitals;                                                                                                                        \
    out->digits = digits;                                                                                                                            \
    out->spaces = spaces | blanks;                                                                                                                   \
    out->newlines = newlines;                                                                                                                        \
    out->blanks = blanks;                                                                                                                            \
    out->apostrophes = apostrophes;                                                                                                                  \
    out->wide = wide;                                                                                                                                \
    if (wide) {                                                                                                                                      \
        uint64_t tails = 0, plain = 0, three = 0, kana = 0, s81 = 0, s82 = 0, s83 = 0, from_b0 = 0, from_b8 = 0;                                     \
        uint64_t below_9e = 0, e4 = 0, ea = 0, ed = 0, t80 = 0, tbb = 0, t82 = 0;                                                                    \
        uint64_t latin = 0, not_latin = 0, greek = 0, greek_tails = 0, cyrillic = 0;                                                                 \
        for (i = 0; i < VECTORS; i++) {                                                                                                              \
            const FORM##_VECTOR v = FORM##_LOAD(i);                                                                                                  \
            tails |= FORM##_BITS(i, FORM##_BELOW(v, 0x80, 0x40));                                                                                    \
            plain |= FORM##_BITS(i, FORM##_OR(FORM##_BELOW(v, 0xE5, 5), FORM##_BELOW(v, 0xEB, 2)));                                                  \
            three |= FORM##_BITS(i, FORM##_BELOW(v, 0xE0, 0x10));                                                                                    \
            latin |= FORM##_BITS(i, FORM##_BELOW(v, 0xC3, 8));                                                                                       \
            not_latin |= FORM##_BITS(i, FORM##_OR(FORM##_EQ(v, 0x97), FORM##_EQ(v, 0xB7)));                                                          \
            greek |= FORM##_BITS(i, FORM##_BELOW(v, 0xCE, 2));                                                                                       \
            greek_tails |= FORM##_BITS(i, FORM##_OR(FORM##_OR(FORM##_BELOW(v, 0x90, 0x12), FORM##_BELOW(v, 0xA3, 0x13)), FORM##_BELOW(v, 0xB7, 9))); \
            cyrillic |= FORM##_BITS(i, FORM##_BELOW(v, 0xD0, 2));                                                                                    \
        }                                                                                                                                            \
        out->tails = tails;                                                                                                                          \
        out->pairs = (latin & ~(not_latin >> 1) & tails >> 1) | (greek & greek_tails >> 1) | (cyrillic & tails >> 1);                                \
        if (three) {                                                                                                                                 \
            for (i = 0; i < VECTORS; i++) {                                                                                                          \
                const FORM##_VECTOR v = FORM##_LOAD(i);                                                                                              \
                kana |= FORM##_BITS(i, FORM##_EQ(v, 0xE3));                                                                                          \
                e4 |= FORM##_BITS(i, FORM##_EQ(v, 0xE4));                                                                                            \
                ea |= FORM##_BITS(i, FORM##_EQ(v, 0xEA));                                                                                            \
                ed |= FORM##_BITS(i, FORM##_EQ(v, 0xED));                                                                                            \
                s81 |= FORM##_BITS(i, FORM##_EQ(v, 0x81));                                                                                           \
                s82 |= FORM##_BITS(i, FORM##_EQ(v, 0x82));                                                                                           \
                s83 |= FORM##_BITS(i, FORM##_EQ(v, 0x83));                                                                                           \
                t80 |= FORM##_BITS(i, FORM##_EQ(v, 0x80));                                                                                           \
                tbb |= FORM##_BITS(i, FORM##_EQ(v, 0xBB));                                                                                           \
                t82 |= FORM##_BITS(i, FORM##_OR(FORM##_BELOW(v, 0x80, 0x17), FORM##_BELOW(v, 0xA1, 0x1F)));                                          \
                from_b0 |= FORM##_BITS(i, FORM##_BELOW(v, 0xB0, 0x10));                                                                              \
                from_b8 |= FORM##_BITS(i, FORM##_BELOW(v, 0xB8, 8));                                                                                 \
                below_9e |= FORM##_BITS(i, FORM##_BELOW(v, 0x80, 0x1E));                                                                             \
            }                                                                                                                                        \
            kana &= (s81 >> 1 & ~(t80 >> 2)) | (s82 >> 1 & t82 >> 2) | (s83 >> 1 & ~(tbb >> 2));                                                     \
            plain |= kana | (e4 & from_b8 >> 1) | (ea & from_b0 >> 1) | (ed & below_9e >> 1);                                                        \
        }                                                                                                                                            \
        out->uncased = plain & tails >> 1 & tails >> 2;                                                                                              \
    }

#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
/* Signed comparison only: shift the range so that its first byte is the smallest. */
#define SSE2_VECTOR __m128i
#define SSE2_LOAD(i) _mm_loadu_si128((const __m128i *)text + (i))
#define SSE2_FOLD(v) _mm_or_si128(v, _mm_set1_epi8(0x20))
#define SSE2_EQ(v, b) _mm_cmpeq_epi8(v, _mm_set1_epi8((char)(b)))
#define SSE2_BELOW(v, a, k)                                                                                                \
    _mm_cmplt_epi8(_mm_sub_epi8(v, _mm_set1_epi8((char)((a) + 128))), _mm_set1_epi8((char)((k)-128)))
#define SSE2_OR(a, b) _mm_or_si128(a, b)
#define SSE2_BITS(i, m) ((uint64_t)(uint32_t)_mm_movemask_epi8(m) << (16 * (i)))
static void pybpe_block_base(const uint8_t *text, pybpe_block *out) { PYBPE_BLOCK_BODY(SSE2, 4) }
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
static inline uint64_t pybpe_neon_bits(uint8x16_t found) {
    static const uint8_t powers[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t bits = vandq_u8(found, vld1q_u8(powers));
    return (uint64_t)vaddv_u8(vget_low_u8(bits)) | (uint64_t)vaddv_u8(vget_high_u8(bits)) << 8;
}
#define NEON_VECTOR uint8x16_t
#define NEON_LOAD(i) vld1q_u8(text + 16 * (i))
#define NEON_FOLD(v) vorrq_u8(v, vdupq_n_u8(0x20))
#define NEON_EQ(v, b) vceqq_u8(v, vdupq_n_u8(b))
#define NEON_BELOW(v, a, k) vcltq_u8(vsubq_u8(v, vdupq_n_u8(a)), vdupq_n_u8(k))
#define NEON_OR(a, b) vorrq_u8(a, b)
#define NEON_BITS(i, m) (pybpe_neon_bits(m) << (16 * (i)))
static void pybpe_block_base(const uint8_t *text, pybpe_block *out) { PYBPE_BLOCK_BODY(NEON, 4) }
#else
#define pybpe_block_base pybpe_block_portable
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define PYBPE_BLOCK_FORMS 4
#define AVX2_VECTOR __m256i
#define AVX2_LOAD(i) _mm256_loadu_si256((const __m256i *)text + (i))
#define AVX2_FOLD(v) _mm256_or_si256(v, _mm256_set1_epi8(0x20))
#define AVX2_EQ(v, b) _mm256_cmpeq_epi8(v, _mm256_set1_epi8((char)(b)))
#define AVX2_BELOW(v, a, k)                                                                                                \
    _mm256_cmpgt_epi8(_mm256_set1_epi8((char)((k)-128)), _mm256_sub_epi8(v, _mm256_set1_epi8((char)((a) + 128))))
#define AVX2_OR(a, b) _mm256_or_si256(a, b)
#define AVX2_BITS(i, m) ((uint64_t)(uint32_t)_mm256_movemask_epi8(m) << (32 * (i)))
__attribute__((target("avx2"))) static void pybpe_block_avx2(const uint8_t *text, pybpe_block *out) {
    PYBPE_BLOCK_BODY(AVX2, 2)
}
#define AVX512_VECTOR __m512i
#define AVX512_LOAD(i) _mm512_loadu_si512((const __m512i *)text + (i))
#define AVX512_FOLD(v) _mm512_or_si512(v, _mm512_set1_epi8(0x20))
#define AVX512_EQ(v, b) _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8((char)(b)))
#define AVX512_BELOW(v, a, k)                                                                                                \
    _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8((char)(a))), _mm512_set1_epi8((char)(k)))
#define AVX512_OR(a, b) ((a) | (b))
#define AVX512_BITS(i, m) ((uint64_t)(m))
__attribute__((target("avx512f,avx512bw"))) static void pybpe_block_avx512(const uint8_t *text, pybpe_block *out) {
    PYBPE_BLOCK_BODY(AVX512, 1)
}
/* The same once more, for a caller that is itself compiled for AVX-512: nobody takes its address, so it is inlined. */
PYBPE_AVX512 static inline void pybpe_block_avx512_inline(const uint8_t *text, pybpe_block *out) {
    PYBPE_BLOCK_BODY(AVX512, 1)
}
#else
#define PYBPE_BLOCK_FORMS 2
#define pybpe_block_avx512_inline pybpe_block_portable
#endif

/* The forms by number, slowest first; NULL for one that this processor cannot run. */
static pybpe_block_form pybpe_block_get(int number) {
    if (number == 0) return pybpe_block_portable;
    if (number == 1) return pybpe_block_base;
#if PYBPE_BLOCK_FORMS == 4
    if (number == 2 && __builtin_cpu_supports("avx2")) return pybpe_block_avx2;
    if (number == 3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) return pybpe_block_avx512;
#endif
    return NULL;
}

static pybpe_block_form pybpe_block_best(void) {
    int number = PYBPE_BLOCK_FORMS - 1;
    while (pybpe_block_get(number) == NULL) number--;
    return pybpe_block_get(number);
}

#endif
