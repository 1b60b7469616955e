# How often each word occurs: a hash table over one arena of bytes.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from pybpe._core.types cimport count_t


ctypedef struct WordEntry:
    uint64_t hash
    uint64_t start  # in the arena
    uint64_t size
    count_t count
    int64_t first_seen


cdef class WordCounter:
    cdef uint8_t* arena
    cdef size_t arena_size
    cdef size_t arena_capacity
    cdef WordEntry* words  # in the order in which they were first met here
    cdef size_t count
    cdef size_t capacity
    cdef uint32_t* table  # open addressing: index into words, NONE when free
    cdef size_t mask

    cdef int rehash(self, size_t capacity) noexcept nogil
    cdef int tally(
        self, const uint8_t* word, size_t size, uint64_t hash, count_t times, int64_t first_seen
    ) noexcept nogil
