# What every compiled splitter does: the ends of words, a block at a time.
from libc.stdint cimport uint8_t

cdef enum:
    LEAST_ROOM = 16


cdef class Splitter:
    # True if the end of a word depends on what is behind it only as far as a run of white space goes. Then words that
    # end before a place, and before the white space in front of it, are the same if the text ends at that place.
    cdef readonly bint looks_ahead_in_spaces

    # The next `capacity` word ends at most, from `pos` on, into `ends`; returns how many: at least one where pos < n.
    # text[:pos] is whole words, and `capacity` at least LEAST_ROOM.
    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil
