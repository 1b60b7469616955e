# Which pair goes next: the highest count, and of equal counts the smallest key.
#
# The queue costs nothing for what never has its turn. It goes down through the counts: what is at or above `level` is in
# a heap, what is below is in a list for each count, in no order. An entry may stand too high, because a pair loses
# occurrences while it waits, but never too low; who takes it from the queue looks, and puts it back if so.
cimport cython
from libc.stdint cimport uint32_t, uint64_t

from pybpe._core.pairs cimport Pair
from pybpe._core.types cimport count_t

cdef enum:
    LEVELS = 1 << 16  # counts with a list of their own; higher ones begin in the heap


ctypedef struct Candidate:
    count_t count
    uint64_t key
    uint32_t index


@cython.final
cdef class Queue:
    cdef Candidate* heap
    cdef size_t size
    cdef size_t capacity
    cdef uint32_t* lists  # the first entry of each
    cdef count_t level

    cdef void clear(self) noexcept nogil
    # Put a candidate into the heap; 0, or -1 when memory ran out.
    cdef int push(self, Candidate item) noexcept nogil
    # Take the first candidate of the heap out.
    cdef void pop(self) noexcept nogil


cdef inline void wait(Queue queue, Pair* entry, uint32_t index, count_t count) noexcept nogil:
    """Put an entry into the list of a count below the level."""
    entry.next = queue.lists[count]
    queue.lists[count] = index
