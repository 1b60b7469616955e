from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from pybpe._core.memory cimport grow
from pybpe._core.types cimport NONE, pair_t, token_t
from pybpe._core.vocab cimport hash_bytes


cdef class Spellings:
    cdef int reserve(self, size_t size) noexcept nogil:
        """Room for one more token of so many bytes."""
        cdef void* grown
        if self.count == self.ends_capacity:
            grown = grow(self.ends, &self.ends_capacity, self.count + 1, sizeof(size_t))
            if grown == NULL:
                return -1
            self.ends = <size_t*>grown
        if size > self.capacity - self.end():
            grown = grow(self.blob, &self.capacity, self.end() + size, 1)
            if grown == NULL:
                return -1
            self.blob = <uint8_t*>grown
        return 0

    cdef int rehash(self, size_t capacity) noexcept nogil:
        cdef uint32_t* table = <uint32_t*>malloc(capacity * sizeof(uint32_t))
        cdef size_t i, place
        if table == NULL:
            return -1
        memset(table, 0xFF, capacity * sizeof(uint32_t))
        free(self.table)
        self.table = table
        self.mask = capacity - 1
        for i in range(self.count):
            if self.size_of(<token_t>i):
                place = self.place_of(self.blob + self.start_of(<token_t>i), self.size_of(<token_t>i))
                if self.table[place] == NONE:
                    self.table[place] = <uint32_t>i
        return 0

    cdef size_t place_of(self, const uint8_t* data, size_t size) noexcept nogil:
        """Where in the table these bytes are or would be."""
        cdef size_t place = hash_bytes(data, size) & self.mask
        cdef uint32_t token
        while self.table[place] != NONE:
            token = self.table[place]
            if self.size_of(token) == size and memcmp(self.blob + self.start_of(token), data, size) == 0:
                break
            place = (place + 1) & self.mask
        return place

    cdef void join(self, token_t left, token_t right) noexcept nogil:
        """The bytes of two tokens behind the last token, where there is room for them."""
        memcpy(self.blob + self.end(), self.blob + self.start_of(left), self.size_of(left))
        memcpy(self.blob + self.end() + self.size_of(left), self.blob + self.start_of(right), self.size_of(right))

    cdef token_t find_joined(self, token_t left, token_t right) noexcept nogil:
        cdef size_t size = self.size_of(left) + self.size_of(right)
        if self.reserve(size) < 0:
            return NONE
        self.join(left, right)
        return self.table[self.place_of(self.blob + self.end(), size)]

    cdef int add_joined(self, token_t left, token_t right) noexcept nogil:
        cdef size_t size = self.size_of(left) + self.size_of(right)
        if self.reserve(size) < 0:
            return -1
        self.join(left, right)
        return self.close(size)

    cdef int close(self, size_t size) noexcept nogil:
        """Make a token of the `size` bytes behind the last one."""
        cdef size_t place = self.place_of(self.blob + self.end(), size)
        if size and self.table[place] == NONE:
            self.table[place] = <uint32_t>self.count
        self.ends[self.count] = self.end() + size
        self.count += 1
        if self.count * 2 > self.mask:
            return self.rehash((self.mask + 1) * 2)
        return 0

    cdef size_t spell(self, pair_t pair, uint8_t* out) noexcept nogil:
        cdef token_t left = <token_t>(pair >> 32), right = <token_t>pair
        cdef size_t size = self.size_of(left)
        memcpy(out, self.blob + self.start_of(left), size)
        memcpy(out + size, self.blob + self.start_of(right), self.size_of(right))
        return size + self.size_of(right)

    cdef bint comes_before(self, pair_t pair, pair_t other) noexcept nogil:
        cdef uint8_t first[MOST_SPELLED]
        cdef uint8_t second[MOST_SPELLED]
        cdef size_t n = self.spell(pair, first), m = self.spell(other, second)
        cdef int difference = memcmp(first, second, n if n < m else m)
        return difference < 0 or (difference == 0 and n < m)

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, list tokens not None):
        cdef bytes token
        cdef size_t size
        if self.rehash(1024) < 0:
            raise MemoryError
        for token in tokens:
            size = <size_t>len(token)
            if self.reserve(size) < 0:
                raise MemoryError
            memcpy(self.blob + self.end(), <const char*>token, size)
            if self.close(size) < 0:
                raise MemoryError

    def __dealloc__(self):
        free(self.blob)
        free(self.ends)
        free(self.table)

    def __len__(self):
        return <Py_ssize_t>self.count

    def to_list(self):
        return [self.blob[self.start_of(<token_t>i):self.ends[i]] for i in range(self.count)]
