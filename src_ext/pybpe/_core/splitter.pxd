# What every compiled splitter does: the ends of words, a block at a time.
from libc.stdint cimport uint8_t

cdef enum:
    LEAST_ROOM = 16


cdef class Splitter:
    # The next `capacity` word ends at most, from `pos` on, into `ends`; returns how many: at least one where pos < n.
    # text[:pos] is whole words, and `capacity` at least LEAST_ROOM.
    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil
