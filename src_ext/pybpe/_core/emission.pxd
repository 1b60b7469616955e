# What each symbol that merging works on is written as. Vocabularies of characters have symbols that are no token: bytes,
# and parts of characters.
cimport cython
from libc.stdint cimport uint32_t

from pybpe._core.types cimport token_t


@cython.final
cdef class Emission:
    cdef uint32_t* ends  # symbol i is written as ids[ends[i - 1]:ends[i]]
    cdef token_t* ids
    cdef size_t count
    cdef size_t n_ids

    # Write out[:n], symbols, as ids, in place; how many. There is room for an id for each byte of the symbols.
    cdef size_t write(self, token_t* out, size_t n) noexcept nogil
