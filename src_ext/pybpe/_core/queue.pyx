from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from pybpe._core.memory cimport allocate, grow


cdef inline bint before(const Candidate* a, const Candidate* b) noexcept nogil:
    return a.count > b.count or (a.count == b.count and a.key < b.key)


cdef class Queue:
    cdef void clear(self) noexcept nogil:
        """Empty the queue."""
        memset(self.lists, 0xFF, LEVELS * sizeof(uint32_t))
        self.size = 0
        self.level = LEVELS

    cdef int push(self, Candidate item) noexcept nogil:
        cdef size_t child = self.size, parent
        cdef void* grown
        if child == self.capacity:
            grown = grow(self.heap, &self.capacity, child + 1, sizeof(Candidate))
            if grown == NULL:
                return -1
            self.heap = <Candidate*>grown
        self.size += 1
        while child > 0:
            parent = (child - 1) >> 1
            if not before(&item, &self.heap[parent]):
                break
            self.heap[child] = self.heap[parent]
            child = parent
        self.heap[child] = item
        return 0

    cdef void pop(self) noexcept nogil:
        cdef Candidate last
        cdef size_t parent = 0, child
        self.size -= 1
        last = self.heap[self.size]
        while True:
            child = 2 * parent + 1
            if child >= self.size:
                break
            if child + 1 < self.size and before(&self.heap[child + 1], &self.heap[child]):
                child += 1
            if not before(&self.heap[child], &last):
                break
            self.heap[parent] = self.heap[child]
            parent = child
        self.heap[parent] = last

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self):
        self.lists = <uint32_t*>allocate(LEVELS, sizeof(uint32_t))
        self.clear()

    def __dealloc__(self):
        free(self.heap)
        free(self.lists)
