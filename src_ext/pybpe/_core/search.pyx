from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memchr, memcmp

from pybpe._core.memory cimport allocate
from pybpe._core.utf8 cimport utf8_of


cdef bint holds(const uint8_t* text, size_t n, const uint8_t* needle, size_t size) noexcept nogil:
    cdef const uint8_t* end
    cdef const uint8_t* place = text
    if n < size:
        return False
    end = text + (n - size + 1)
    while place < end:
        place = <const uint8_t*>memchr(place, needle[0], <size_t>(end - place))
        if place == NULL:
            return False
        if memcmp(place, needle, size) == 0:
            return True
        place += 1
    return False


def texts_with(list texts not None, bytes needle not None):
    cdef size_t count = <size_t>len(texts), i, size = <size_t>len(needle)
    cdef const uint8_t* wanted = needle
    cdef const uint8_t** data = NULL
    cdef Py_ssize_t* sizes = NULL
    cdef bint* found = NULL
    if size == 0:
        return list(range(count))
    try:
        data = <const uint8_t**>allocate(count, sizeof(uint8_t*))
        sizes = <Py_ssize_t*>allocate(count, sizeof(Py_ssize_t))
        found = <bint*>allocate(count, sizeof(bint))
        for i in range(count):
            data[i] = utf8_of(texts[i], &sizes[i])
        with nogil:
            for i in range(count):
                found[i] = holds(data[i], <size_t>sizes[i], wanted, size)
        return [i for i in range(count) if found[i]]
    finally:
        free(data)
        free(sizes)
        free(found)
