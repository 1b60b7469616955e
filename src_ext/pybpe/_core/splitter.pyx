from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t

cdef enum:
    CHUNK = 4096  # word ends fetched at a time by `split`


cdef class Splitter:
    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil:
        ends[0] = n  # without a rule the rest of the text is one word
        return 1

    # -----------------------------------------------------------------------------------------------------------------

    def split(self, bytes text not None):
        cdef const uint8_t* data = <const uint8_t*><const char*>text
        cdef size_t n = <size_t>len(text), pos = 0, count, i
        cdef size_t* ends = <size_t*>PyMem_Malloc(CHUNK * sizeof(size_t))
        if ends == NULL:
            raise MemoryError
        words = []
        try:
            while pos < n:
                count = self.scan(data, n, pos, ends, CHUNK)
                for i in range(count):
                    words.append(text[pos:ends[i]])
                    pos = ends[i]
        finally:
            PyMem_Free(ends)
        return words
