# How often each word occurs. Words up to 15 bytes, nearly all, are their own keys in a table of 32-byte entries; longer
# ones stand in one arena of bytes behind a hash table.
cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from pybpe._core.cache cimport mix_key
from pybpe._core.types cimport count_t


ctypedef struct ShortWord:
    uint64_t low  # as in the cache of the encoder
    uint64_t high  # 0 in a free entry
    count_t count
    int64_t first_seen


ctypedef struct LongWord:
    uint64_t hash
    uint64_t start  # in the arena
    uint64_t size
    count_t count
    int64_t first_seen


@cython.final
cdef class WordCounter:
    cdef ShortWord* shorts  # open addressing
    cdef size_t short_mask
    cdef int short_shift
    cdef size_t n_shorts
    cdef size_t short_bytes  # of all short words together
    cdef uint8_t* arena
    cdef size_t arena_size
    cdef size_t arena_capacity
    cdef LongWord* longs
    cdef size_t n_longs
    cdef size_t long_capacity
    cdef uint32_t* table  # open addressing: index into longs, NONE when free
    cdef size_t mask

    cdef inline size_t slot_of(self, uint64_t low, uint64_t high) noexcept nogil:
        """Where in the table to begin to look for a short word."""
        return mix_key(low, high) >> self.short_shift

    cdef int make_room(self, size_t words) noexcept nogil
    cdef int tally_short(
        self, size_t slot, uint64_t low, uint64_t high, count_t times, int64_t first_seen
    ) noexcept nogil
    cdef int rehash(self, size_t capacity) noexcept nogil
    cdef int tally_long(
        self, const uint8_t* word, size_t size, uint64_t hash, count_t times, int64_t first_seen
    ) noexcept nogil
    cdef int tally(self, const uint8_t* word, size_t size, count_t times, int64_t first_seen) noexcept nogil
    cdef int take(self, WordCounter other, count_t count, int64_t first_seen) noexcept nogil
    cdef int64_t count_words(
        self, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t found, int64_t serial
    ) noexcept nogil
