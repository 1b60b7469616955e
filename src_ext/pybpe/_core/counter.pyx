from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from pybpe._core.memory cimport grow
from pybpe._core.splitter cimport Splitter
from pybpe._core.types cimport NONE, count_t
from pybpe._core.vocab cimport hash_bytes

cdef enum:
    BLOCK = 256  # words split at a time
    BLOCKS_A_SIGNAL = 1 << 13  # about 10 MB of text between two looks at Ctrl-C
    ORDER_BITS = 32  # first_seen = order of the text << 32 | number of the word in it
    # What `tally` returns when it fails.
    OUT_OF_MEMORY = -1
    OVERFLOW = -2


cdef class WordCounter:
    cdef int rehash(self, size_t capacity) noexcept nogil:
        """Rebuild the table with `capacity` slots, a power of two."""
        cdef size_t i, slot
        cdef uint32_t* table = <uint32_t*>malloc(capacity * sizeof(uint32_t))
        if table == NULL:
            return OUT_OF_MEMORY
        memset(table, 0xFF, capacity * sizeof(uint32_t))
        for i in range(self.count):
            slot = self.words[i].hash & (capacity - 1)
            while table[slot] != NONE:
                slot = (slot + 1) & (capacity - 1)
            table[slot] = <uint32_t>i
        free(self.table)
        self.table = table
        self.mask = capacity - 1
        return 0

    cdef int tally(
        self, const uint8_t* word, size_t size, uint64_t hash, count_t times, int64_t first_seen
    ) noexcept nogil:
        """Add `times` to the count of a word; 0, OUT_OF_MEMORY or OVERFLOW, with nothing changed on failure."""
        cdef size_t slot = hash & self.mask
        cdef WordEntry* entry
        cdef void* grown
        while self.table[slot] != NONE:
            entry = &self.words[self.table[slot]]
            if entry.hash == hash and entry.size == size and memcmp(self.arena + entry.start, word, size) == 0:
                if entry.count > INT64_MAX - times:
                    return OVERFLOW
                entry.count += times
                if first_seen < entry.first_seen:
                    entry.first_seen = first_seen
                return 0
            slot = (slot + 1) & self.mask
        if self.count == NONE - 1:
            return OUT_OF_MEMORY
        if self.count == self.capacity:
            grown = grow(self.words, &self.capacity, self.count + 1, sizeof(WordEntry))
            if grown == NULL:
                return OUT_OF_MEMORY
            self.words = <WordEntry*>grown
        if size > self.arena_capacity - self.arena_size:
            grown = grow(self.arena, &self.arena_capacity, self.arena_size + size, 1)
            if grown == NULL:
                return OUT_OF_MEMORY
            self.arena = <uint8_t*>grown
        memcpy(self.arena + self.arena_size, word, size)
        entry = &self.words[self.count]
        entry.hash = hash
        entry.start = self.arena_size
        entry.size = size
        entry.count = times
        entry.first_seen = first_seen
        self.table[slot] = <uint32_t>self.count
        self.arena_size += size
        self.count += 1
        if self.count * 2 > self.mask:
            return self.rehash((self.mask + 1) * 2)
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self):
        if self.rehash(1024) < 0:
            raise MemoryError

    def __dealloc__(self):
        free(self.arena)
        free(self.words)
        free(self.table)

    def __len__(self):
        return <Py_ssize_t>self.count

    @property
    def total(self):
        """The sum of all counts."""
        return sum(self.words[i].count for i in range(self.count))

    def count_text(self, Splitter splitter not None, bytes text not None, int64_t order):
        cdef const uint8_t* data = <const uint8_t*><const char*>text
        cdef size_t n = <size_t>len(text), start = 0, found, i
        cdef size_t ends[BLOCK]
        cdef size_t blocks = 0
        cdef int64_t serial = order << ORDER_BITS
        cdef int status = 0
        if not 0 <= order < <int64_t>1 << 31:
            raise ValueError(f"order is {order}, must be 0 to 2**31 - 1")
        with nogil:
            while start < n and status == 0:
                found = splitter.scan(data, n, start, ends, BLOCK)
                for i in range(found):
                    status = self.tally(data + start, ends[i] - start, hash_bytes(data + start, ends[i] - start), 1, serial)
                    if status:
                        break
                    serial += 1
                    start = ends[i]
                blocks += 1
                if blocks % BLOCKS_A_SIGNAL == 0:
                    with gil:
                        PyErr_CheckSignals()
        check(status)

    def add(self, bytes word not None, count_t times, int64_t first_seen):
        cdef const uint8_t* data = <const uint8_t*><const char*>word
        if times < 1:
            raise ValueError(f"count is {times}, must be at least 1")
        if not word:
            raise ValueError("a word must have at least one byte")
        check(self.tally(data, <size_t>len(word), hash_bytes(data, <size_t>len(word)), times, first_seen))

    def merge(self, WordCounter other not None):
        cdef int status = 0
        cdef size_t i
        cdef const WordEntry* entry
        if other is self:
            raise ValueError("cannot merge counts into themselves")
        with nogil:
            for i in range(other.count):
                entry = &other.words[i]
                status = self.tally(other.arena + entry.start, entry.size, entry.hash, entry.count, entry.first_seen)
                if status:
                    break
        check(status)

    def items(self):
        return [
            (
                PyBytes_FromStringAndSize(<char*>self.arena + self.words[i].start, <Py_ssize_t>self.words[i].size),
                self.words[i].count,
                self.words[i].first_seen,
            )
            for i in range(self.count)
        ]


cdef int check(int status) except -1:
    if status == OUT_OF_MEMORY:
        raise MemoryError("out of memory while counting words")
    if status == OVERFLOW:
        raise OverflowError("the count of a word exceeds 2**63 - 1")
    return 0
