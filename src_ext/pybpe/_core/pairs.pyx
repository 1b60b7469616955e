from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from pybpe._core.memory cimport grow
from pybpe._core.types cimport NONE, count_t, pair_t

cdef enum:
    FIRST_BITS = 16


cdef class Pairs:
    cdef int rehash(self, int bits) noexcept nogil:
        """Make the table anew with 2**bits places."""
        cdef size_t capacity = <size_t>1 << bits, i, slot
        cdef uint32_t* table = <uint32_t*>malloc(capacity * sizeof(uint32_t))
        if table == NULL:
            return -1
        memset(table, 0xFF, capacity * sizeof(uint32_t))
        free(self.table)
        self.table = table
        self.mask = capacity - 1
        self.shift = 64 - bits
        for i in range(self.count):
            if self.items[i].owner == i:
                slot = (self.items[i].pair * <pair_t>0x9E3779B97F4A7C15ULL) >> self.shift
                while table[slot] != NONE:
                    slot = (slot + 1) & self.mask
                table[slot] = <uint32_t>i
        return 0

    cdef uint32_t make(self, pair_t pair, count_t count, uint32_t n_places, bint listed) noexcept nogil:
        cdef size_t slot = (pair * <pair_t>0x9E3779B97F4A7C15ULL) >> self.shift
        cdef void* grown
        cdef Pair* entry
        if self.count == self.capacity:
            grown = grow(self.items, &self.capacity, self.count + 1, sizeof(Pair)) if self.count < NONE - 1 else NULL
            if grown == NULL:
                return NONE
            self.items = <Pair*>grown
        entry = &self.items[self.count]
        entry.pair = pair
        entry.count = count
        entry.n_places = n_places
        entry.cursor = 0
        entry.next = NONE
        if n_places > 1:
            entry.places.many = <uint32_t*>malloc(n_places * sizeof(uint32_t))
            if entry.places.many == NULL:
                return NONE
        entry.owner = <uint32_t>self.count if listed else NONE
        self.count += 1
        if listed:
            while self.table[slot] != NONE:
                slot = (slot + 1) & self.mask
            self.table[slot] = <uint32_t>(self.count - 1)
            if self.count * 2 > self.mask and self.rehash(65 - self.shift) < 0:
                return NONE
        return <uint32_t>(self.count - 1)

    cdef void relist(self, uint32_t index) noexcept nogil:
        cdef size_t slot = (self.items[index].pair * <pair_t>0x9E3779B97F4A7C15ULL) >> self.shift
        while self.items[self.table[slot]].pair != self.items[index].pair:
            slot = (slot + 1) & self.mask
        self.table[slot] = index

    cdef void drop_places(self, uint32_t index) noexcept nogil:
        if self.items[index].n_places > 1:
            free(self.items[index].places.many)
        self.items[index].n_places = 0

    cdef int clear(self) noexcept nogil:
        """Forget all pairs."""
        cdef size_t i
        for i in range(self.count):
            self.drop_places(<uint32_t>i)
        free(self.items)
        self.items = NULL
        self.count = self.capacity = 0
        return self.rehash(FIRST_BITS)

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self):
        if self.rehash(FIRST_BITS) < 0:
            raise MemoryError

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.count):
            self.drop_places(<uint32_t>i)
        free(self.items)
        free(self.table)
