# What becomes of words before they are merged.
cimport cython
from libc.stdint cimport uint8_t


@cython.final
cdef class Marks:
    cdef readonly bint before, behind, drops_space

    # Words of text, the first from `start`, each up to its end, one after another into `out`, and where they end there;
    # how many are left. `out` has room for all their bytes and two more for each, `made` for all their ends.
    cdef size_t write(
        self, const uint8_t* text, size_t start, const size_t* ends, size_t count, uint8_t* out, size_t* made
    ) noexcept nogil
