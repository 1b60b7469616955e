from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from pybpe._core.memory cimport map_zeros, unmap
from pybpe._core.types cimport token_t


cdef inline Entry* neighbour(Entry* entries, Entry* line) noexcept nogil:
    """The other line of a pair."""
    return &entries[<size_t>(line - entries) ^ 2]


cdef class WordCache:
    cdef size_t from_ring(self, const Entry* entry, const Item* item, token_t* ids) noexcept nogil:
        """The ids of an entry whose key is that of the item, if they are still in the ring and its word is the same."""
        cdef uint64_t place = entry.ids[0] | <uint64_t>entry.ids[1] << 32
        cdef size_t count = entry.count & 0xFFFFFF
        cdef const uint8_t* record
        if self.written - place > self.ring_size:
            return 0
        record = self.ring + (place & (self.ring_size - 1))
        if size_of(item) > SHORT_KEY and memcmp(record + count * sizeof(token_t), item.word, size_of(item)) != 0:
            return 0
        memcpy(ids, record, COPIED_IDS * sizeof(token_t))
        if count > COPIED_IDS:
            memcpy(ids + COPIED_IDS, record + COPIED_IDS * sizeof(token_t), (count - COPIED_IDS) * sizeof(token_t))
        return count

    cdef size_t read(self, const Entry* entry, const Item* item, token_t* ids) noexcept nogil:
        if entry.low != item.low or entry.high != item.high:
            return 0
        if entry.count >> 24 == IN_RING:
            return self.from_ring(entry, item, ids)
        if entry.count > INLINE_IDS:
            return unpack(entry, ids)
        memcpy(ids, entry.ids, INLINE_IDS * sizeof(token_t))
        return entry.count

    cdef bint is_char(self, const Entry* line) noexcept nogil:
        return self.chars <= line < self.chars + CHARS

    cdef size_t recall(self, Item* item, token_t* ids) noexcept nogil:
        cdef Entry* line = item.line
        cdef Entry* other = neighbour(self.entries, line)
        cdef Entry found
        cdef size_t count, i
        if self.is_char(line):
            return 0
        for i in range(2):
            count = self.read(&line[i], item, ids)
            if count:
                return count
        for i in range(2):
            count = self.read(&other[i], item, ids)
            if count:  # to the front of its own line, for the next time
                found = other[i]
                other[i] = line[1]
                line[1] = line[0]
                line[0] = found
                return count
        return 0

    cdef void insert(self, Entry* line, const Entry* entry) noexcept nogil:
        """Put an entry into the first place of its line; the others move down, the last to the neighbour's line."""
        cdef Entry* other = neighbour(self.entries, line)
        if line[0].low == entry.low and line[0].high == entry.high:
            line[0] = entry[0]
            return
        if line[1].count and not (line[1].low == entry.low and line[1].high == entry.high):
            if other[0].count == 0:
                other[0] = line[1]
            else:
                self.lost += other[1].count != 0
                other[1] = line[1]
        line[1] = line[0]
        line[0] = entry[0]

    cdef void remember(self, Item* item, const token_t* ids, size_t count) noexcept nogil:
        cdef Entry entry
        cdef size_t offset, needed, size = size_of(item)
        entry.low = item.low
        entry.high = item.high
        entry.count = <uint32_t>count
        if size <= SHORT_KEY and count <= INLINE_IDS:
            memcpy(entry.ids, ids, count * sizeof(token_t))
        elif size > SHORT_KEY or not pack(&entry, ids, count):
            needed = count * sizeof(token_t) + size
            offset = self.written & (self.ring_size - 1)
            if offset + needed > self.ring_size:  # a record does not wrap around: the rest of the ring stays unused
                self.written += self.ring_size - offset
                offset = 0
            memcpy(self.ring + offset, ids, count * sizeof(token_t))
            memcpy(self.ring + offset + count * sizeof(token_t), item.word, size)
            entry.ids[0] = <uint32_t>self.written
            entry.ids[1] = <uint32_t>(self.written >> 32)
            entry.count = <uint32_t>IN_RING << 24 | <uint32_t>count
            self.written += needed
        if self.is_char(item.line):
            item.line[item.low >> 16 & 1] = entry
        else:
            self.insert(item.line, &entry)

    cdef void grow(self) noexcept nogil:
        cdef Entry* old = self.entries
        cdef size_t size = self.lines * CACHE_LINE
        cdef Py_ssize_t i
        if self.lost <= self.lines >> 3 or self.lines >= self.most_lines or not self.make(2 * self.lines):
            return
        for i in range(<Py_ssize_t>self.lines - 1, -1, -1):  # the last first, so that the order in a line stays
            if old[i].count:
                self.insert(&self.entries[mix_key(old[i].low, old[i].high) >> self.shift << 1], &old[i])
        unmap(old, size)
        self.lost = 0

    cdef bint make(self, size_t lines) noexcept nogil:
        """Take an empty table of so many lines, a power of two from 2 on; False, and nothing changed, without memory."""
        cdef Entry* entries = <Entry*>map_zeros(lines * CACHE_LINE)
        if entries == NULL:
            return False
        self.entries = entries
        self.lines = lines
        self.shift = 64
        while lines > 1:
            lines >>= 1
            self.shift -= 1
        return True

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, size_t limit):
        self.most_lines = 64
        while self.most_lines * 2 * CACHE_LINE <= limit // 3 * 2:
            self.most_lines *= 2
        self.ring_size = 4096
        while self.ring_size * 2 <= limit // 3:
            self.ring_size *= 2
        self.ring = <uint8_t*>map_zeros(self.ring_size + RING_SLACK)
        self.chars = <Entry*>map_zeros(CHARS_BYTES)
        if self.ring == NULL or self.chars == NULL or not self.make(min(self.most_lines, <size_t>(LEAST_CACHE // CACHE_LINE))):
            raise MemoryError

    def __dealloc__(self):
        unmap(self.entries, self.lines * CACHE_LINE)
        unmap(self.chars, CHARS_BYTES)
        unmap(self.ring, self.ring_size + RING_SLACK)
