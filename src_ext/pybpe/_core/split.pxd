# Pretokenization: one scanner that a Scheme of parameters turns into the split of a family of patterns.
from libc.stdint cimport uint8_t

from pybpe._core.scheme cimport Scheme
from pybpe._core.splitter cimport Splitter
from pybpe._core.window cimport BlockForm

# The last place in text[:n] where it can be cut so that splitting both parts gives the words of the whole; 0 if none.
cdef size_t last_cut(const uint8_t* text, size_t n) noexcept nogil


# Word ends from `pos` on into `ends`, as `Splitter.scan`, and how many they are into `count`.
ctypedef void (*ScanForm)(
    const Scheme* scheme, BlockForm classify, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity,
    size_t* count
) noexcept nogil


cdef class SchemeSplitter(Splitter):
    cdef Scheme scheme
    cdef BlockForm classify
    cdef ScanForm scan_form
