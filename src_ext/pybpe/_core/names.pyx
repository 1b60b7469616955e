from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from pybpe._core.memory cimport allocate
from pybpe._core.types cimport token_t
from pybpe._core.utf8 cimport utf8_of

cdef extern from "filter.h" nogil:
    void add_to_filter "pybpe_filter_add"(Filter* filter, const uint8_t* string, size_t size, int group)
    FilterForm filter_form "pybpe_filter_get"(int number)


cdef class Names:
    cdef size_t size_of(self, Py_ssize_t name) noexcept nogil:
        return self.offsets[name + 1] - self.offsets[name]

    cdef Py_ssize_t at(self, const uint8_t* text, size_t n) noexcept nogil:
        # Names low to high share the first `depth` bytes with the text. The shortest of them is the first.
        cdef size_t depth = 1, low, high, middle, limit, side
        cdef Py_ssize_t longest = -1
        if n == 0:
            return -1
        low = self.firsts[text[0]]
        high = self.firsts[text[0] + 1]
        while low < high:
            if self.offsets[low + 1] - self.offsets[low] == depth:
                longest = <Py_ssize_t>low
                low += 1
            if depth == n:
                break
            for side in range(2):  # first the names below text[depth], then the names above it are left out
                middle = low
                limit = high
                while middle < limit:
                    if self.blob[self.offsets[(middle + limit) >> 1] + depth] < text[depth] + side:
                        middle = ((middle + limit) >> 1) + 1
                    else:
                        limit = (middle + limit) >> 1
                if side == 0:
                    low = middle
                else:
                    high = middle
            depth += 1
        return longest

    cdef size_t find(self, const uint8_t* text, size_t n, size_t start, size_t end, Py_ssize_t* name) noexcept nogil:
        cdef const uint8_t* place = text + start
        cdef const uint8_t* last = text + (end if end < n else n - 1)  # the filter reads the byte behind a candidate
        name[0] = -1
        while start < end:
            if place < last:
                place = self.candidates(&self.filter, place, last)
            if place == text + end:
                break
            name[0] = self.at(place, n - <size_t>(place - text))
            if name[0] >= 0:
                return <size_t>(place - text)
            place += 1
            start = <size_t>(place - text)
        return end

    cdef bint occurs_in(self, const uint8_t* text, size_t n) noexcept nogil:
        cdef Py_ssize_t name
        self.find(text, n, 0, n, &name)
        return name >= 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, tokens not None, int form=-1):
        cdef list names = [], encoded = []
        cdef size_t i, start
        cdef int group = -1, byte = -1
        for name, token in tokens.items():
            names.append((name.encode(), token))
        names.sort()
        for name, token in names:
            encoded.append(name)
        if not names or not encoded[0]:
            raise ValueError("there must be one name or more, none of them empty")
        self.candidates = filter_form(form) if form >= 0 else filter_form(1)
        if self.candidates == NULL and form < 0:
            self.candidates = filter_form(0)
        if self.candidates == NULL:
            raise ValueError(f"form {form} does not run on this processor")
        self.count = <size_t>len(names)
        self.joined = b"".join(encoded)
        self.blob = <const uint8_t*><const char*>self.joined
        self.offsets = <size_t*>allocate(self.count + 1, sizeof(size_t))
        self.tokens = <token_t*>allocate(self.count, sizeof(token_t))
        self.offsets[0] = 0
        memset(&self.filter, 0, sizeof(Filter))
        memset(self.firsts, 0, sizeof(self.firsts))
        for i in range(self.count):
            start = self.offsets[i]
            self.offsets[i + 1] = start + <size_t>len(encoded[i])
            self.tokens[i] = <token_t>names[i][1]
            if self.blob[start] != byte:
                byte = self.blob[start]
                group = (group + 1) % 8
            add_to_filter(&self.filter, self.blob + start, self.offsets[i + 1] - start, group)
            self.firsts[byte + 1] = <uint32_t>(i + 1)
        for i in range(256):
            if self.firsts[i + 1] < self.firsts[i]:
                self.firsts[i + 1] = self.firsts[i]

    def __dealloc__(self):
        free(self.offsets)
        free(self.tokens)

    def first_in(self, text, size_t start=0):
        cdef Py_ssize_t n, name
        cdef const uint8_t* data = utf8_of(text, &n)
        cdef size_t place
        if start > <size_t>n:
            raise ValueError(f"start is {start}, the text has {n} bytes")
        with nogil:
            place = self.find(data, <size_t>n, start, <size_t>n, &name)
        return None if name < 0 else (place, place + self.size_of(name), self.tokens[name])


cdef class Plan:
    def __cinit__(self, Names taken=None, Names refused=None, Names apart=None):
        self.taken = taken
        self.refused = refused
        self.apart = apart
