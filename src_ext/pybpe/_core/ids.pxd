# A growing buffer of token ids that numpy adopts without a copy.
cimport cython
from cpython.object cimport PyObject

from pybpe._core.types cimport token_t

cdef extern from "Python.h":
    PyObject** items_of "PySequence_Fast_ITEMS"(object sequence) noexcept  # of a list or a tuple, borrowed

cdef enum:
    LARGE_IDS = 1 << 20  # 4 MiB: from here on in large pages
    HUGE_PAGE = 1 << 21


@cython.final
cdef class IdBuffer:
    cdef token_t* data
    cdef size_t size
    cdef size_t capacity
    cdef size_t mapped  # bytes in large pages; 0 while `data` is from malloc
    cdef readonly bint kept  # else ids are counted and forgotten
    cdef size_t forgotten  # how many were
    cdef Py_ssize_t exports  # views handed out; while there are any, the buffer must not move
    cdef Py_ssize_t shape[1]

    # Room for `extra` more ids; 0, or -1 when memory ran out (the buffer stays as it was).
    cdef int reserve(self, size_t extra) noexcept nogil
    # The ids of a text of so many bytes will come: take room for all at once, where that costs nothing.
    cdef void expect(self, size_t bytes) noexcept nogil

    # A block of ids is complete.
    cdef int put(self, token_t token) except -1 nogil
    cdef void settle(self) noexcept nogil

    cdef void release(self) noexcept nogil
    cdef int enlarge(self, size_t wanted) noexcept nogil
    cdef void trim(self) noexcept nogil


# ids[start:end] as a list of the items of `table`, where table[i] == i.
cdef list list_of(IdBuffer ids, list table, size_t start, size_t end)


cdef class Rows:
    cdef const token_t[::1] flat
    cdef Py_ssize_t shape[2]
    cdef Py_ssize_t strides[2]
