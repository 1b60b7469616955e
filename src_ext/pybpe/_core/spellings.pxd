# The bytes of every token while the vocabulary grows.
cimport cython
from libc.stdint cimport uint8_t, uint32_t

from pybpe._core.types cimport NONE, pair_t, token_t

cdef enum:
    MOST_SPELLED = 64  # bytes of two tokens that `spell` and `comes_before` take: 16 characters


@cython.final
cdef class Spellings:
    cdef uint8_t* blob
    cdef size_t capacity
    cdef size_t* ends  # token i is blob[ends[i - 1]:ends[i]]
    cdef size_t ends_capacity
    cdef size_t count
    cdef uint32_t* table  # open addressing over hash_bytes: the first token of these bytes, NONE when free
    cdef size_t mask

    cdef inline size_t end(self) noexcept nogil:
        return self.ends[self.count - 1] if self.count else 0

    cdef inline size_t start_of(self, token_t token) noexcept nogil:
        return self.ends[token - 1] if token else 0

    cdef inline size_t size_of(self, token_t token) noexcept nogil:
        return self.ends[token] - self.start_of(token)

    # The first token with the bytes of two, NONE if there is none.
    cdef token_t find_joined(self, token_t left, token_t right) noexcept nogil
    # The next token, whose bytes are those of two; 0, or -1 when memory ran out.
    cdef int add_joined(self, token_t left, token_t right) noexcept nogil

    cdef int reserve(self, size_t size) noexcept nogil
    cdef int rehash(self, size_t capacity) noexcept nogil
    cdef size_t place_of(self, const uint8_t* data, size_t size) noexcept nogil
    cdef void join(self, token_t left, token_t right) noexcept nogil
    cdef int close(self, size_t size) noexcept nogil

    # The bytes of a pair, into room for MOST_SPELLED; how many.
    cdef size_t spell(self, pair_t pair, uint8_t* out) noexcept nogil
    # Whether a pair comes first by its bytes.
    cdef bint comes_before(self, pair_t pair, pair_t other) noexcept nogil
