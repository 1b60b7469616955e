# What every compiled splitter does: the ends of words, a block at a time.
from libc.stdint cimport uint8_t


cdef class Splitter:
    # The next `capacity` word ends at most, from `pos` on, into `ends`; returns how many. text[:pos] is whole words.
    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil
