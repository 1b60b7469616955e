from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport uint8_t


cdef class Splitter:
    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil:
        ends[0] = n  # without a rule the rest of the text is one word
        return 1

    # -----------------------------------------------------------------------------------------------------------------

    def split(self, bytes text not None, Py_ssize_t block=4096):
        cdef const uint8_t* data = <const uint8_t*><const char*>text
        cdef size_t n = <size_t>len(text), pos = 0, count, i
        if block < LEAST_ROOM:
            raise ValueError(f"block is {block}, must be at least {LEAST_ROOM}")
        cdef size_t* ends = <size_t*>PyMem_Calloc(<size_t>block, sizeof(size_t))
        if ends == NULL:
            raise MemoryError
        words = []
        try:
            while pos < n:
                count = self.scan(data, n, pos, ends, <size_t>block)
                for i in range(count):
                    words.append(text[pos:ends[i]])
                    pos = ends[i]
        finally:
            PyMem_Free(ends)
        return words
