# What words encode to, remembered, in memory that never grows. Most text is the same few thousand words again.
#
# Words up to 15 bytes that give up to 3 ids sit in a two-way table whose key is one 128-bit load. All others up
# to LONG_WORD bytes sit in a ring of records, ids and bytes of a word, found through a second direct-mapped table; the
# ring overwrites its oldest records, and an entry knows by its place whether its record is still there.
#
# There is no lock: each running call has a cache of its own.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from pybpe._core.types cimport token_t

cdef enum:
    CACHE_LINE = 64
    SHORT_KEY = 15  # bytes of a word in a short entry
    SHORT_IDS = 3
    LONG_WORD = 1024
    SHORT_BITS = 17  # pairs of entries: 8 MiB
    LONG_BITS = 16  # 1.5 MiB of entries
    RING_BYTES = 1 << 22


ctypedef struct ShortEntry:  # 32 bytes, two to a cache line
    uint64_t low  # the first 8 bytes of the word
    uint64_t high  # the other 7, and the length in the top byte; no word has length 0, so a free entry never matches
    token_t ids[SHORT_IDS]
    uint32_t count


ctypedef struct LongEntry:
    uint64_t hash
    uint64_t place  # bytes written to the ring before this record, ever
    uint32_t size  # of the word; 0 in a free entry
    uint32_t count  # of its ids


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
    #if defined(__GNUC__) || defined(__clang__)
    #define PYBPE_PREFETCH(address) __builtin_prefetch(address)
    #else
    #define PYBPE_PREFETCH(address) ((void)0)
    #endif
    """
    const uint64_t KEY_MASKS[16][2]
    void prefetch "PYBPE_PREFETCH"(const void* address) noexcept nogil


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
    """The first of the two entries, in one cache line, where the word of a key may be."""
    cdef uint64_t mixed = (key.low ^ (key.high * 0x9FB21C651E98DF25ULL)) * 0x9E3779B97F4A7C15ULL
    return (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93ULL >> (64 - SHORT_BITS) << 1


cdef class WordCache:
    cdef void* shorts_memory
    cdef ShortEntry* shorts  # in shorts_memory, from the first cache line on
    cdef LongEntry* longs
    cdef uint8_t* ring
    cdef uint64_t written  # bytes that went into the ring, ever

    # The ids of a word that was put, into `ids`; how many, 0 if it is not there.
    cdef size_t get(self, const uint8_t* word, size_t size, uint64_t hash, token_t* ids) noexcept nogil
    cdef void put(self, const uint8_t* word, size_t size, uint64_t hash, const token_t* ids, size_t count) noexcept nogil
