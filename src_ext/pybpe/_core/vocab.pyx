from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from pybpe._core.memory cimport allocate
from pybpe._core.types cimport NONE, token_t

from pybpe.errors import TokenIdError


cdef class Vocabulary:
    def __cinit__(self, list tokens not None):
        cdef size_t i, slot, size, total = 0, capacity = 8
        cdef bytes token
        if len(tokens) >= NONE:
            raise ValueError(f"{len(tokens)} tokens do not fit 32-bit ids")
        for token in tokens:
            total += <size_t>len(token)
        self.blob = <uint8_t*>allocate(total, 1)
        self.offsets = <uint64_t*>allocate(<size_t>len(tokens) + 1, sizeof(uint64_t))
        self.offsets[0] = 0
        while capacity < <size_t>len(tokens) * 2:
            capacity *= 2
        self.table = <token_t*>allocate(capacity, sizeof(token_t))
        memset(self.table, 0xFF, capacity * sizeof(token_t))
        self.mask = capacity - 1
        for token in tokens:
            i = self.count
            size = <size_t>len(token)
            memcpy(self.blob + self.offsets[i], PyBytes_AS_STRING(token), size)
            self.offsets[i + 1] = self.offsets[i] + size
            self.count += 1
            if size == 0:
                continue  # an id without bytes: a hole, which no text gives
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

    def token_bytes(self, token):
        cdef object index = token
        if not 0 <= index < self.count:
            raise TokenIdError(f"id {token} is outside the vocabulary, which has ids 0 to {self.count - 1}")
        cdef size_t i = index
        return PyBytes_FromStringAndSize(
            <char*>self.blob + self.offsets[i], <Py_ssize_t>(self.offsets[i + 1] - self.offsets[i])
        )

    def to_list(self):
        return [self.token_bytes(i) for i in range(self.count)]

    def decode(self, const token_t[::1] ids not None):
        cdef size_t n = <size_t>ids.shape[0], i, total = 0, size
        cdef const token_t* data = &ids[0] if n else NULL
        cdef size_t bad = n
        cdef bytes text
        cdef char* out
        with nogil:
            for i in range(n):
                if data[i] >= self.count:
                    bad = i
                    break
                total += self.offsets[data[i] + 1] - self.offsets[data[i]]
        if bad < n:
            raise TokenIdError(
                f"id {data[bad]} at position {bad} is outside the vocabulary, which has ids 0 to {self.count - 1}"
            )
        text = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>total)
        out = PyBytes_AS_STRING(text)
        with nogil:
            for i in range(n):
                size = self.offsets[data[i] + 1] - self.offsets[data[i]]
                memcpy(out, self.blob + self.offsets[data[i]], size)
                out += size
        return text
