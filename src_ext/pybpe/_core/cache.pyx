from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy

from pybpe._core.memory cimport allocate, allocate_zeros
from pybpe._core.types cimport token_t


cdef class WordCache:
    cdef size_t get(self, const uint8_t* word, size_t size, uint64_t hash, token_t* ids) noexcept nogil:
        cdef const LongEntry* entry = &self.longs[hash >> (64 - LONG_BITS)]
        cdef const uint8_t* record
        if entry.hash != hash or entry.size != size or self.written - entry.place > RING_BYTES:
            return 0
        record = self.ring + (entry.place & (RING_BYTES - 1))
        if memcmp(record + entry.count * sizeof(token_t), word, size) != 0:
            return 0
        memcpy(ids, record, entry.count * sizeof(token_t))
        return entry.count

    cdef void put(self, const uint8_t* word, size_t size, uint64_t hash, const token_t* ids, size_t count) noexcept nogil:
        cdef LongEntry* entry = &self.longs[hash >> (64 - LONG_BITS)]
        cdef size_t needed = count * sizeof(token_t) + size
        cdef size_t offset = self.written & (RING_BYTES - 1)
        cdef uint8_t* record
        if offset + needed > RING_BYTES:  # a record does not wrap around: the rest of the ring stays unused
            self.written += RING_BYTES - offset
            offset = 0
        record = self.ring + offset
        memcpy(record, ids, count * sizeof(token_t))
        memcpy(record + count * sizeof(token_t), word, size)
        entry.hash = hash
        entry.place = self.written
        entry.size = <uint32_t>size
        entry.count = <uint32_t>count
        self.written += needed

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self):
        self.shorts_memory = allocate_zeros((<size_t>2 << SHORT_BITS) * sizeof(ShortEntry) + CACHE_LINE, 1)
        self.shorts = <ShortEntry*>((<uintptr_t>self.shorts_memory + CACHE_LINE - 1) & ~<uintptr_t>(CACHE_LINE - 1))
        self.longs = <LongEntry*>allocate_zeros(<size_t>1 << LONG_BITS, sizeof(LongEntry))
        self.ring = <uint8_t*>allocate(RING_BYTES, 1)

    def __dealloc__(self):
        free(self.shorts_memory)
        free(self.longs)
        free(self.ring)
