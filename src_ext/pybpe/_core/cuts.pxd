# Where merging can never reach across: places in a word that no token spans.
#
# A merge makes a token of neighbouring bytes, so between two characters that stand side by side in no token the word
# falls into two parts that merge as if each stood alone. Long runs of letters without spaces (Chinese, Japanese, Thai)
# nearly all differ, but their parts are short and the same again and again: those are what the cache can hold.
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    SPAN_BITS = 20
    CUTS = 64  # looked for at a time


cdef inline int char_size(uint8_t first) noexcept nogil:
    """How many bytes a character has by its first byte."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@cython.final
cdef class Cuts:
    # A bit for the hash of each (character, next character or its first bytes) side by side in a token
    cdef uint64_t* spans
    # A bit for each character of three bytes, by its code point, that has only a part of the next one in some token
    cdef uint64_t partial[1024]
    # [last byte of a character & 63][first byte of the next]: in a token that begins within the first of the two
    cdef uint64_t torn[64][4]

    cdef uint64_t span(self, uint32_t left, uint32_t right) noexcept nogil
    cdef bint spanned(self, uint32_t left, size_t left_size, uint32_t right, size_t right_size) noexcept nogil
    # The ends of the parts of word[:n], at most `capacity` of them; how many. They need not reach n.
    cdef size_t cut(self, const uint8_t* word, size_t n, size_t* ends, size_t capacity) noexcept nogil
