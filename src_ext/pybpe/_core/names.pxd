# Strings that are found in a text before it is split: special tokens and added tokens, by their names.
cimport cython
from libc.stdint cimport uint8_t, uint32_t

from pybpe._core.types cimport token_t

cdef extern from "filter.h" nogil:
    ctypedef struct Filter "pybpe_filter":
        pass
    ctypedef const uint8_t* (*FilterForm "pybpe_filter_form")(
        const Filter* filter, const uint8_t* place, const uint8_t* end
    ) noexcept nogil


@cython.final
cdef class Names:
    cdef bytes joined  # all names, sorted by their bytes, one behind the other
    cdef const uint8_t* blob
    cdef size_t* offsets  # name i is blob[offsets[i]:offsets[i + 1]]
    cdef token_t* tokens
    cdef size_t count
    cdef uint32_t firsts[257]  # names firsts[b] to firsts[b + 1] begin with byte b
    cdef Filter filter
    cdef FilterForm candidates

    # The number of the longest name that text[:n] begins with; -1 if it begins with none.
    cdef Py_ssize_t at(self, const uint8_t* text, size_t n) noexcept nogil
    # The first place in start .. end where a name begins, and the longest one there; `end` and -1 if there is none.
    # The name may go beyond `end`, up to n.
    cdef size_t find(self, const uint8_t* text, size_t n, size_t start, size_t end, Py_ssize_t* name) noexcept nogil
    cdef bint occurs_in(self, const uint8_t* text, size_t n) noexcept nogil  # any of them
    cdef size_t size_of(self, Py_ssize_t name) noexcept nogil


# What the names in a text mean to one call.
@cython.final
cdef class Plan:
    cdef Names taken  # become their ids; None if there are none
    cdef Names refused  # a text with any of these is not encoded; None if there are none
    cdef Names apart  # the same, but found in the text before it is prepared
