from cpython.buffer cimport PyBUF_FORMAT
from cpython.list cimport PyList_GET_ITEM, PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdlib cimport free

from pybpe._core.memory cimport advise_huge, grow
from pybpe._core.types cimport token_t

cdef enum:
    HUGE_IDS = 1 << 20  # 4 MiB: worth large pages


cdef class IdBuffer:
    def __dealloc__(self):
        free(self.data)

    cdef int reserve(self, size_t extra) noexcept nogil:
        cdef token_t* grown
        if extra <= self.capacity - self.size:
            return 0
        grown = <token_t*>grow(self.data, &self.capacity, self.size + extra, sizeof(token_t))
        if grown == NULL:
            return -1
        self.data = grown
        if self.capacity >= HUGE_IDS:
            advise_huge(grown, self.capacity * sizeof(token_t))
        return 0

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

    def to_numpy(self):
        import numpy  # here, so that importing the core costs nothing

        return numpy.frombuffer(self, dtype=numpy.uint32)

    def append(self, token_t token):
        if self.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        if self.reserve(1) < 0:
            raise MemoryError
        self.data[self.size] = token
        self.size += 1

    def __len__(self):
        return <Py_ssize_t>self.size

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
