from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t
from libc.stdlib cimport free

from pybpe._core.memory cimport grow, prefetch
from pybpe._core.types cimport token_t

cdef enum:
    AHEAD = 16  # ids whose int objects are asked for before the first of them gets its reference


cdef token_t NOTHING = 0  # an empty view still needs an address


cdef list list_of(IdBuffer ids, list table, size_t start, size_t end):
    """ids[start:end] as a list of the items of `table`."""
    cdef list made = PyList_New(<Py_ssize_t>(end - start))
    cdef const token_t* data = ids.data
    cdef PyObject** items = items_of(table)
    cdef size_t i, limit = <size_t>len(table)
    cdef object item
    for i in range(start, end):
        if i + AHEAD < end and data[i + AHEAD] < limit:
            prefetch(items[data[i + AHEAD]])  # the object: counting a reference writes to it
        item = <object>items[data[i]] if data[i] < limit else int(data[i])
        Py_INCREF(item)
        PyList_SET_ITEM(made, <Py_ssize_t>(i - start), item)
    return made


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

    # -----------------------------------------------------------------------------------------------------------------

    def to_list(self, list table not None):
        """The ids as a list of the items of `table`, where table[i] == i: a reference an id, not an allocation."""
        return list_of(self, table, 0, self.size)

    def to_lists(self, list table not None, const int64_t[::1] offsets not None):
        """As `to_list` for each ids[offsets[i]:offsets[i + 1]]."""
        cdef list lists = []
        cdef Py_ssize_t i
        for i in range(offsets.shape[0] - 1):
            if not 0 <= offsets[i] <= offsets[i + 1] <= <int64_t>self.size:
                raise ValueError(f"{offsets[i]} to {offsets[i + 1]} is not a part of {self.size} ids")
            lists.append(list_of(self, table, <size_t>offsets[i], <size_t>offsets[i + 1]))
        return lists

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


cdef class Rows:
    """Numbers as rows, for whoever asks for the buffer: uint32[n, width]."""

    def __cinit__(self, const token_t[::1] flat not None, Py_ssize_t width):
        if width < 1 or flat.shape[0] % width:
            raise ValueError(f"{flat.shape[0]} numbers are not rows of {width}")
        self.flat = flat
        self.shape[0] = flat.shape[0] // width
        self.shape[1] = width
        self.strides[0] = width * <Py_ssize_t>sizeof(token_t)
        self.strides[1] = sizeof(token_t)

    def __getbuffer__(self, Py_buffer* view, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("these rows are read-only")
        view.buf = <void*>(&self.flat[0] if self.flat.shape[0] else &NOTHING)
        view.obj = self
        view.len = self.shape[0] * self.strides[0]
        view.itemsize = sizeof(token_t)
        view.readonly = 1
        view.format = NULL
        if flags & PyBUF_FORMAT:
            view.format = "I"
        view.ndim = 2
        view.shape = self.shape
        view.strides = self.strides
        view.suboffsets = NULL
        view.internal = NULL
