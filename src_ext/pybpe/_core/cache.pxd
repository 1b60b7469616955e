# What words encode to, remembered. Two direct-mapped tables of fixed size: words up to 15 bytes, whose key is one
# 128-bit load, and words up to 38 bytes. Most text is the same few thousand words again.
#
# A newcomer replaces what its slot held: the table can neither grow nor go stale, and needs no lock, because each
# running call has a cache of its own.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from pybpe._core.types cimport token_t

cdef enum:
    SHORT_KEY = 15  # bytes of a word in a short entry
    SHORT_IDS = 3
    LONG_KEY = 38
    LONG_IDS = 6
    SHORT_BITS = 16
    LONG_BITS = 14


ctypedef struct ShortEntry:  # 32 bytes, two to a cache line
    uint64_t low  # the first 8 bytes of the word
    uint64_t high  # the other 7, and the length in the top byte; no word has length 0, so a free entry never matches
    token_t ids[SHORT_IDS]
    uint32_t count


ctypedef struct LongEntry:  # 64 bytes, a cache line
    uint8_t length
    uint8_t count
    uint8_t word[LONG_KEY]
    token_t ids[LONG_IDS]


ctypedef struct WordKey:
    uint64_t low
    uint64_t high


cdef extern from *:
    """
    static const uint64_t KEY_MASKS[16][2] = {
        {0, 0}, {0xFFull, 0}, {0xFFFFull, 0}, {0xFFFFFFull, 0}, {0xFFFFFFFFull, 0}, {0xFFFFFFFFFFull, 0},
        {0xFFFFFFFFFFFFull, 0}, {0xFFFFFFFFFFFFFFull, 0}, {~0ull, 0}, {~0ull, 0xFFull}, {~0ull, 0xFFFFull},
        {~0ull, 0xFFFFFFull}, {~0ull, 0xFFFFFFFFull}, {~0ull, 0xFFFFFFFFFFull}, {~0ull, 0xFFFFFFFFFFFFull},
        {~0ull, 0xFFFFFFFFFFFFFFull},
    };
    """
    const uint64_t KEY_MASKS[16][2]


cdef inline WordKey load_key(const uint8_t* word, size_t length, bint readable) noexcept nogil:
    """The key of a word of 1 to 15 bytes; `readable` says that 16 bytes may be read from `word`."""
    cdef WordKey key
    cdef uint64_t both[2]
    both[0] = both[1] = 0
    if readable:
        memcpy(both, word, 16)
    else:
        memcpy(both, word, length)
    key.low = both[0] & KEY_MASKS[length][0]
    key.high = (both[1] & KEY_MASKS[length][1]) | <uint64_t>length << 56
    return key


cdef inline size_t short_slot(WordKey key) noexcept nogil:
    cdef uint64_t mixed = (key.low ^ (key.high * 0x9FB21C651E98DF25ULL)) * 0x9E3779B97F4A7C15ULL
    return (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93ULL >> (64 - SHORT_BITS)


cdef class WordCache:
    cdef ShortEntry* shorts
    cdef LongEntry* longs
