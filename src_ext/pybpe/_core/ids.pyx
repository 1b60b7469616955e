from cpython.buffer cimport PyBUF_FORMAT
from cpython.list cimport PyList_GET_ITEM, PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdint cimport SIZE_MAX
from libc.stdlib cimport free
from libc.string cimport memcpy

from pybpe._core.memory cimport UNTOUCHED_IS_FREE, grow, map_zeros, unmap
from pybpe._core.types cimport token_t

cdef class IdBuffer:
    def __cinit__(self, *, bint kept=True):
        self.kept = kept

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept nogil:
        if self.mapped:
            unmap(self.data, self.mapped)
        else:
            free(self.data)

    cdef int reserve(self, size_t extra) noexcept nogil:
        cdef token_t* grown
        if extra <= self.capacity - self.size:
            return 0
        if not UNTOUCHED_IS_FREE or (self.mapped == 0 and self.size + extra < LARGE_IDS):
            grown = <token_t*>grow(self.data, &self.capacity, self.size + extra, sizeof(token_t))
            if grown == NULL:
                return -1
            self.data = grown
            return 0
        return self.enlarge(self.size + extra if self.size + extra > 2 * self.size else 2 * self.size)

    cdef int enlarge(self, size_t wanted) noexcept nogil:
        """Move to large pages, with room for `wanted` ids."""
        cdef size_t bytes = (wanted * sizeof(token_t) + HUGE_PAGE - 1) & ~<size_t>(HUGE_PAGE - 1)
        cdef token_t* grown = <token_t*>map_zeros(bytes) if wanted < SIZE_MAX // 8 else NULL
        if grown == NULL:
            return -1
        if self.size:
            memcpy(grown, self.data, self.size * sizeof(token_t))
        self.release()
        self.data = grown
        self.mapped = bytes
        self.capacity = bytes // sizeof(token_t)
        return 0

    cdef void expect(self, size_t bytes) noexcept nogil:
        # One id a byte is the most there can be; the rest is never touched and goes back in `to_numpy`.
        if self.kept and UNTOUCHED_IS_FREE and bytes >= LARGE_IDS and self.capacity - self.size < bytes:
            self.enlarge(self.size + bytes + HUGE_PAGE)  # without success, `reserve` tries again with less

    # -----------------------------------------------------------------------------------------------------------------

    def to_list(self, list table not None):
        """The ids as a list of the items of `table`, where table[i] == i: a reference an id, not an allocation."""
        cdef list ids = PyList_New(<Py_ssize_t>self.size)
        cdef size_t i, limit = <size_t>len(table)
        cdef object item
        for i in range(self.size):
            item = <object>PyList_GET_ITEM(table, self.data[i]) if self.data[i] < limit else int(self.data[i])
            Py_INCREF(item)
            PyList_SET_ITEM(ids, <Py_ssize_t>i, item)
        return ids

    cdef void settle(self) noexcept nogil:
        if not self.kept:
            self.forgotten += self.size
            self.size = 0

    cdef void trim(self) noexcept nogil:
        """Give back large pages that hold no ids."""
        cdef size_t bytes = (self.size * sizeof(token_t) + HUGE_PAGE) & ~<size_t>(HUGE_PAGE - 1)
        if UNTOUCHED_IS_FREE and bytes < self.mapped:
            unmap(<char*>self.data + bytes, self.mapped - bytes)
            self.mapped = bytes
            self.capacity = bytes // sizeof(token_t)

    def to_numpy(self):
        self.trim()
        import numpy  # here, so that importing the core costs nothing

        return numpy.frombuffer(self, dtype=numpy.uint32)

    def append(self, token_t token):
        if self.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        if self.reserve(1) < 0:
            raise MemoryError
        self.data[self.size] = token
        self.size += 1

    def extend(self, IdBuffer other not None):
        if self.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        if self.reserve(other.size) < 0:
            raise MemoryError
        if other.size:
            memcpy(self.data + self.size, other.data, other.size * sizeof(token_t))
        self.size += other.size
        self.forgotten += other.forgotten

    def __len__(self):
        return <Py_ssize_t>(self.forgotten + self.size)

    def __getbuffer__(self, Py_buffer* view, int flags):
        if self.reserve(1) < 0:  # an empty view still needs an address
            raise MemoryError
        self.shape[0] = <Py_ssize_t>self.size
        view.buf = self.data
        view.obj = self
        view.len = <Py_ssize_t>(self.size * sizeof(token_t))
        view.itemsize = sizeof(token_t)
        view.readonly = 0
        view.format = NULL
        if flags & PyBUF_FORMAT:
            view.format = "I"
        view.ndim = 1
        view.shape = self.shape
        view.strides = &view.itemsize
        view.suboffsets = NULL
        view.internal = NULL
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.exports -= 1
