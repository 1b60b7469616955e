# The tokens: id -> bytes in one blob, and bytes -> id by a hash table.
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from pybpe._core.types cimport token_t

cdef inline uint64_t hash_bytes(const uint8_t* data, size_t n) noexcept nogil:
    """A multiplicative hash of 8 bytes a step; good in its high half."""
    cdef uint64_t value = 0x9E3779B97F4A7C15ULL ^ n, chunk
    cdef size_t i = 0, k
    while i + 8 <= n:
        chunk = (
            <uint64_t>data[i] | <uint64_t>data[i + 1] << 8 | <uint64_t>data[i + 2] << 16 | <uint64_t>data[i + 3] << 24
            | <uint64_t>data[i + 4] << 32 | <uint64_t>data[i + 5] << 40 | <uint64_t>data[i + 6] << 48
            | <uint64_t>data[i + 7] << 56
        )
        value = (value ^ chunk) * 0xD6E8FEB86659FD93ULL
        value ^= value >> 32
        i += 8
    chunk = 0
    for k in range(i, n):
        chunk = chunk << 8 | data[k]
    value = (value ^ chunk) * 0xD6E8FEB86659FD93ULL
    value ^= value >> 29
    value *= 0x9E3779B97F4A7C15ULL
    return value ^ value >> 32


ctypedef struct Known:  # a place of the hash table
    uint32_t tag  # the high half of the hash, which the place itself does not tell
    token_t token  # NONE marks a free place


@cython.final
cdef class Vocabulary:
    cdef uint8_t* blob
    cdef uint64_t* offsets  # token i is blob[offsets[i]:offsets[i + 1]]
    cdef size_t count
    cdef Known* table  # open addressing over hash_bytes
    cdef size_t mask
    cdef readonly object empty  # the id of the token without bytes, None if there is none
    cdef readonly bint has_twins  # whether two tokens have the same bytes

    cdef inline size_t size_of(self, token_t token) noexcept nogil:
        return <size_t>(self.offsets[token + 1] - self.offsets[token])

    cdef bint holds(self, token_t token, const uint8_t* data, size_t n) noexcept nogil
    cdef token_t find(self, const uint8_t* data, size_t n) noexcept nogil
    cdef bint joins(self, const token_t* row) noexcept nogil


cdef unknown_id(token, count)
