from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from pybpe._core.memory cimport allocate
from pybpe._core.types cimport NONE, token_t

from pybpe.errors import TokenIdError


cdef class Vocabulary:
    def __cinit__(self, bytes blob not None, const uint32_t[::1] sizes not None):
        cdef size_t i, slot, size, total = 0, capacity = 8
        cdef size_t count = <size_t>sizes.shape[0]
        if count >= NONE:
            raise ValueError(f"{count} tokens do not fit 32-bit ids")
        for i in range(count):
            total += sizes[i]
        if total != <size_t>len(blob):
            raise ValueError(f"the sizes of the tokens add up to {total} bytes, but there are {len(blob)}")
        while capacity < count * 2:
            capacity *= 2
        self.blob = <uint8_t*>allocate(total, 1)
        self.offsets = <uint64_t*>allocate(count + 1, sizeof(uint64_t))
        self.table = <token_t*>allocate(capacity, sizeof(token_t))
        memcpy(self.blob, PyBytes_AS_STRING(blob), total)
        memset(self.table, 0xFF, capacity * sizeof(token_t))
        self.mask = capacity - 1
        self.offsets[0] = 0
        for i in range(count):
            size = sizes[i]
            self.offsets[i + 1] = self.offsets[i] + size
            self.count = i + 1
            if size == 0:
                continue
            slot = hash_bytes(self.blob + self.offsets[i], size) & self.mask
            while self.table[slot] != NONE and not self.holds(self.table[slot], self.blob + self.offsets[i], size):
                slot = (slot + 1) & self.mask
            if self.table[slot] == NONE:  # of equal tokens the smallest id is found
                self.table[slot] = <token_t>i

    def __dealloc__(self):
        free(self.blob)
        free(self.offsets)
        free(self.table)

    cdef bint holds(self, token_t token, const uint8_t* data, size_t n) noexcept nogil:
        cdef uint64_t start = self.offsets[token]
        return self.offsets[token + 1] - start == n and memcmp(self.blob + start, data, n) == 0

    cdef token_t find(self, const uint8_t* data, size_t n) noexcept nogil:
        """The smallest id whose bytes are `data[:n]`, or NONE."""
        cdef size_t slot = hash_bytes(data, n) & self.mask
        while self.table[slot] != NONE:
            if self.holds(self.table[slot], data, n):
                return self.table[slot]
            slot = (slot + 1) & self.mask
        return NONE

    # -----------------------------------------------------------------------------------------------------------------

    def __len__(self):
        return <Py_ssize_t>self.count

    def token_id(self, bytes token not None):
        cdef token_t found = self.find(<const uint8_t*><const char*>token, <size_t>len(token)) if token else NONE
        return None if found == NONE else found

    def token_bytes(self, int64_t token):
        if not 0 <= token < <int64_t>self.count or self.offsets[token] == self.offsets[token + 1]:
            raise unknown_id(token, self.count)
        cdef size_t i = <size_t>token
        return PyBytes_FromStringAndSize(
            <char*>self.blob + self.offsets[i], <Py_ssize_t>(self.offsets[i + 1] - self.offsets[i])
        )

    @property
    def joined(self):
        """The bytes of all tokens, one after the other."""
        return PyBytes_FromStringAndSize(<char*>self.blob, <Py_ssize_t>self.offsets[self.count])

    def to_list(self):
        cdef size_t i
        return [
            PyBytes_FromStringAndSize(
                <char*>self.blob + self.offsets[i], <Py_ssize_t>(self.offsets[i + 1] - self.offsets[i])
            )
            for i in range(self.count)
        ]

    def decode(self, const token_t[::1] ids not None):
        cdef size_t n = <size_t>ids.shape[0], i, total = 0, size
        cdef const token_t* data = &ids[0] if n else NULL
        cdef size_t bad = n
        cdef bytes text
        cdef char* out
        with nogil:
            for i in range(n):
                size = self.offsets[data[i] + 1] - self.offsets[data[i]] if data[i] < self.count else 0
                if size == 0:
                    bad = i
                    break
                total += size
        if bad < n:
            raise unknown_id(data[bad], self.count)
        text = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>total)
        out = PyBytes_AS_STRING(text)
        with nogil:
            for i in range(n):
                size = self.offsets[data[i] + 1] - self.offsets[data[i]]
                memcpy(out, self.blob + self.offsets[data[i]], size)
                out += size
        return text


def unknown_id(token, count):
    if 0 <= token < count:
        return TokenIdError(f"id {token} has no token: it is a gap between the vocabulary's tokens")
    return TokenIdError(f"id {token} is outside the vocabulary, which has ids 0 to {count - 1}")
