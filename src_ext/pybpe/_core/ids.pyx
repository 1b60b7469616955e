from cpython.buffer cimport PyBUF_FORMAT
from cpython.list cimport PyList_GET_ITEM, PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.stdlib cimport free, realloc

from pybpe._core.memory cimport grow
from pybpe._core.types cimport token_t


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
        return 0

    cdef int trim(self) except -1:
        """Give back the unused tail; an array over the buffer may live long."""
        cdef token_t* smaller
        if self.exports == 0 and self.size and self.size < self.capacity:
            smaller = <token_t*>realloc(self.data, self.size * sizeof(token_t))
            if smaller != NULL:
                self.data = smaller
                self.capacity = self.size
        return 0

    cdef list to_list(self, list table):
        """The ids as a list whose items are taken from `table`, where table[i] == i for every id."""
        cdef list ids = PyList_New(<Py_ssize_t>self.size)
        cdef size_t i
        cdef object item
        for i in range(self.size):
            item = <object>PyList_GET_ITEM(table, <Py_ssize_t>self.data[i])
            Py_INCREF(item)
            PyList_SET_ITEM(ids, <Py_ssize_t>i, item)
        return ids

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
