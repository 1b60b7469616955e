# Learning merges from word counts.
from libc.stdint cimport uint32_t

from pybpe._core.ids cimport IdBuffer
from pybpe._core.types cimport count_t, pair_t, token_t


ctypedef struct Word:
    size_t start  # in the arena of symbols
    uint32_t size  # shrinks as its symbols merge
    count_t count


ctypedef struct Pair:
    pair_t pair
    count_t count  # of adjacent windows over all words; exact at all times
    uint32_t* places  # indices of words that held the pair when it was added; some may have lost it since
    uint32_t n_places
    uint32_t capacity


ctypedef struct Candidate:
    count_t count  # as it was when pushed: at least the count of now
    pair_t pair
    uint32_t index  # into pairs


cdef class Trainer:
    cdef token_t* symbols
    cdef Word* words
    cdef size_t n_words
    cdef Pair* pairs
    cdef size_t n_pairs
    cdef size_t pairs_capacity
    cdef uint32_t* table  # open addressing: pair -> index into pairs, NONE when free
    cdef size_t mask
    cdef int shift
    cdef Candidate* heap
    cdef size_t heap_size
    cdef size_t heap_capacity
    cdef count_t min_count
    cdef token_t next_token
    cdef readonly IdBuffer merges
    cdef readonly count_t last_count

    cdef int rehash(self, int bits) noexcept nogil
    cdef Pair* pair_of(self, pair_t pair) noexcept nogil
    cdef int add(self, pair_t pair, count_t count, uint32_t place) noexcept nogil
    cdef void subtract(self, pair_t pair, count_t count) noexcept nogil
    cdef int push(self, Candidate item) noexcept nogil
    cdef Candidate pop(self) noexcept nogil
    cdef int count_pairs(self) noexcept nogil
    cdef int replace(self, uint32_t place, token_t left, token_t right, token_t joined) noexcept nogil
    cdef int merge_best(self) noexcept nogil
