from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport SIZE_MAX, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pybpe._core.memory cimport UNTOUCHED_IS_FREE, grow, map_any, prefetch, retire, unmap
from pybpe._core.types cimport token_t

cdef enum:
    AHEAD = 16  # ids whose int objects are asked for before the first of them gets its reference


cdef extern from "Python.h":
    void PyObject_GC_UnTrack(void* op)
    void PyObject_GC_Track(void* op)
    bint PyObject_GC_IsTracked(object op)


cdef token_t NOTHING = 0  # an empty view still needs an address


cdef list list_of(IdBuffer ids, list table, size_t start, size_t end):
    cdef list made = PyList_New(<Py_ssize_t>(end - start))
    cdef const token_t* data = ids.data
    cdef PyObject** items = items_of(table)
    cdef PyObject* item  # and not `object`, which Cython would count references to once more
    cdef size_t i, limit = <size_t>len(table)
    cdef object beyond
    for i in range(start, end):
        if i + AHEAD < end and data[i + AHEAD] < limit:
            prefetch(items[data[i + AHEAD]])  # the object: counting a reference writes to it
        if data[i] < limit:
            item = items[data[i]]
        else:
            beyond = int(data[i])
            item = <PyObject*>beyond
        Py_INCREF(<object>item)
        PyList_SET_ITEM(made, <Py_ssize_t>(i - start), <object>item)
    return made


def track(list lists not None):
    cdef object made
    for made in lists:
        if isinstance(made, list) and not PyObject_GC_IsTracked(made):
            PyObject_GC_Track(<PyObject*>made)


cdef class IdBuffer:
    cdef void release(self) noexcept nogil:
        if self.mapped:
            retire(self.data, self.mapped)
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
        cdef token_t* grown = <token_t*>map_any(bytes) if wanted < SIZE_MAX // 8 else NULL
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

    cdef int put(self, token_t token) except -1 nogil:
        if self.reserve(1) < 0:
            raise MemoryError
        self.data[self.size] = token
        self.size += 1
        return 0

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

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, *, bint kept=True, size_t expected=0):
        self.kept = kept
        self.expect(expected)

    def __dealloc__(self):
        self.release()

    def to_list(self, list table not None):
        return list_of(self, table, 0, self.size)

    def to_lists(self, list table not None, const int64_t[::1] offsets not None):
        cdef list lists = [], made
        cdef Py_ssize_t i
        for i in range(offsets.shape[0] - 1):
            if not 0 <= offsets[i] <= offsets[i + 1] <= <int64_t>self.size:
                raise ValueError(f"{offsets[i]} to {offsets[i + 1]} is not a part of {self.size} ids")
            made = list_of(self, table, <size_t>offsets[i], <size_t>offsets[i + 1])
            PyObject_GC_UnTrack(<PyObject*>made)
            lists.append(made)
        return lists

    def to_numpy(self):
        self.trim()
        import numpy  # here, so that importing the core costs nothing

        return numpy.frombuffer(self, dtype=numpy.uint32)

    def append(self, token_t token):
        if self.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        self.put(token)

    def unite(self, size_t start, token_t token):
        cdef size_t i, size = start
        if self.exports:
            raise BufferError("an array over these ids exists; they can no longer move")
        if start > self.size:
            raise ValueError(f"there are {self.size} ids, none from {start} on")
        for i in range(start, self.size):
            if self.data[i] != token or i == start or self.data[i - 1] != token:
                self.data[size] = self.data[i]
                size += 1
        self.size = size

    def take(self, IdBuffer other not None):
        if self.exports or other.exports or self is other:
            raise BufferError("an array over these ids exists; they can no longer move")
        if self.size == 0 and self.capacity < other.size:
            self.data, other.data = other.data, self.data
            self.capacity, other.capacity = other.capacity, self.capacity
            self.mapped, other.mapped = other.mapped, self.mapped
        else:
            if self.reserve(other.size) < 0:
                raise MemoryError
            if other.size:
                memcpy(self.data + self.size, other.data, other.size * sizeof(token_t))
        self.size += other.size
        self.forgotten += other.forgotten
        other.size = other.forgotten = 0

    def clear(self):
        if self.exports:
            raise BufferError("an array over these ids exists; they can no longer go")
        self.size = self.forgotten = 0

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
