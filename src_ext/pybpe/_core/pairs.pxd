# The pairs that training keeps: how often each occurs and where, found by a hash table.
cimport cython
from libc.stdint cimport uint32_t

from pybpe._core.types cimport NONE, count_t, pair_t


ctypedef union Places:
    uint32_t one
    uint32_t* many  # if there are several


ctypedef struct Pair:
    pair_t pair
    count_t count  # of adjacent windows over all words; exact at all times
    Places places  # where its second symbol begins, ascending; some may have lost the pair since
    uint32_t n_places
    uint32_t cursor  # all places before it have lost the pair
    uint32_t next  # in a list of the queue
    uint32_t owner  # the entry that holds the count: itself, unless a later merge made the same pair again


@cython.final
cdef class Pairs:
    cdef Pair* items
    cdef size_t count
    cdef size_t capacity
    cdef uint32_t* table  # open addressing: pair -> index into items, NONE when free
    cdef size_t mask
    cdef int shift

    cdef int rehash(self, int bits) noexcept nogil
    # A new entry with room for `n_places`, which the table finds if `listed`; NONE when memory ran out.
    cdef uint32_t make(self, pair_t pair, count_t count, uint32_t n_places, bint listed) noexcept nogil
    # Let the table find this entry of a pair that it finds already.
    cdef void relist(self, uint32_t index) noexcept nogil
    cdef void drop_places(self, uint32_t index) noexcept nogil
    cdef int clear(self) noexcept nogil


cdef inline uint32_t find_pair(Pairs pairs, pair_t pair) noexcept nogil:
    """The index of a pair, NONE if it is not kept."""
    cdef size_t slot = (pair * <pair_t>0x9E3779B97F4A7C15ULL) >> pairs.shift
    while pairs.table[slot] != NONE and pairs.items[pairs.table[slot]].pair != pair:
        slot = (slot + 1) & pairs.mask
    return pairs.table[slot]


cdef inline uint32_t* places_of(Pair* entry) noexcept nogil:
    """The places of an entry."""
    return &entry.places.one if entry.n_places == 1 else entry.places.many
