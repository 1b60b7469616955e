from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pybpe._core.memory cimport allocate
from pybpe._core.types cimport token_t
from pybpe._core.vocab cimport Vocabulary


cdef class Emission:
    cdef size_t write(self, token_t* out, size_t n) noexcept nogil:
        # From the end, so that no symbol is overwritten before it is read: each is one id or more.
        cdef size_t i, size, total = 0, place
        cdef uint32_t start
        for i in range(n):
            total += self.ends[out[i]] - (self.ends[out[i] - 1] if out[i] else 0)
        place = total
        for i in range(n, 0, -1):
            start = self.ends[out[i - 1] - 1] if out[i - 1] else 0
            size = self.ends[out[i - 1]] - start
            place -= size
            memcpy(out + place, self.ids + start, size * sizeof(token_t))
        return total

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, Vocabulary symbols not None, const uint32_t[::1] ends not None, const token_t[::1] ids not None):
        cdef size_t i
        cdef uint32_t start = 0
        self.count = <size_t>ends.shape[0]
        self.n_ids = <size_t>ids.shape[0]
        if self.count != symbols.count or self.count == 0:
            raise ValueError(f"there are {symbols.count} symbols, and what {self.count} are written as")
        for i in range(self.count):
            if ends[i] <= start or ends[i] - start > symbols.size_of(<token_t>i) or ends[i] > self.n_ids:
                raise ValueError(f"symbol {i} is not written as one id or more, and at most one a byte")
            start = ends[i]
        self.ends = <uint32_t*>allocate(self.count, sizeof(uint32_t))
        self.ids = <token_t*>allocate(self.n_ids, sizeof(token_t))
        memcpy(self.ends, &ends[0], self.count * sizeof(uint32_t))
        memcpy(self.ids, &ids[0], self.n_ids * sizeof(token_t))

    def __dealloc__(self):
        free(self.ends)
        free(self.ids)
