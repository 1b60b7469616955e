from libc.stdlib cimport free

from pybpe._core.memory cimport allocate_zeros


cdef class WordCache:
    def __cinit__(self):
        self.shorts = <ShortEntry*>allocate_zeros(<size_t>1 << SHORT_BITS, sizeof(ShortEntry))
        self.longs = <LongEntry*>allocate_zeros(<size_t>1 << LONG_BITS, sizeof(LongEntry))

    def __dealloc__(self):
        free(self.shorts)
        free(self.longs)
