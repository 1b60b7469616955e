from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from pybpe._core.cache cimport SHORT_KEY, Item, load_short, mix_key
from pybpe._core.memory cimport grow, map_zeros, prefetch, unmap
from pybpe._core.splitter cimport Splitter
from pybpe._core.types cimport NONE, count_t
from pybpe._core.vocab cimport hash_bytes

cdef enum:
    BLOCK = 256  # words split at a time
    BLOCKS_A_SIGNAL = 1 << 13  # about 10 MB of text between two looks at Ctrl-C
    ORDER_BITS = 32  # first_seen = order of the text << 32 | number of the word in it
    LEAST_BITS = 10  # of places in a new table
    AHEAD = 16  # entries whose places in another table are asked for early
    # What a tally returns when it fails.
    OUT_OF_MEMORY = -1
    OVERFLOW = -2


cdef class WordCounter:
    cdef int make_room(self, size_t words) noexcept nogil:
        """Let so many new short words come without moving the table, which stays at most five eighths full."""
        cdef int bits = 64 - self.short_shift if self.shorts != NULL else LEAST_BITS
        cdef ShortWord* old = self.shorts
        cdef ShortWord* table
        cdef size_t i, slot, mask
        while (self.n_shorts + words) * 8 > (<size_t>5 << bits):
            bits += 1
        if old != NULL and bits == 64 - self.short_shift:
            return 0
        mask = (<size_t>1 << bits) - 1
        table = <ShortWord*>map_zeros((mask + 1) * sizeof(ShortWord))
        if table == NULL:
            return OUT_OF_MEMORY
        for i in range(self.short_mask + 1 if old != NULL else 0):
            if old[i].high:
                slot = mix_key(old[i].low, old[i].high) >> (64 - bits)
                while table[slot].high:
                    slot = (slot + 1) & mask
                table[slot] = old[i]
        unmap(old, (self.short_mask + 1) * sizeof(ShortWord))
        self.shorts = table
        self.short_mask = mask
        self.short_shift = 64 - bits
        return 0

    cdef int tally_short(
        self, size_t slot, uint64_t low, uint64_t high, count_t times, int64_t first_seen
    ) noexcept nogil:
        """As `tally`, for a key and where to look for it first, after `make_room`."""
        cdef ShortWord* entry = &self.shorts[slot]
        while entry.high:
            if entry.low == low and entry.high == high:
                if entry.count > INT64_MAX - times:
                    return OVERFLOW
                entry.count += times
                if first_seen < entry.first_seen:
                    entry.first_seen = first_seen
                return 0
            slot = (slot + 1) & self.short_mask
            entry = &self.shorts[slot]
        entry.low = low
        entry.high = high
        entry.count = times
        entry.first_seen = first_seen
        self.n_shorts += 1
        self.short_bytes += high >> 56
        return 0

    cdef int rehash(self, size_t capacity) noexcept nogil:
        """Rebuild the table of long words with `capacity` slots, a power of two."""
        cdef size_t i, slot
        cdef uint32_t* table = <uint32_t*>malloc(capacity * sizeof(uint32_t))
        if table == NULL:
            return OUT_OF_MEMORY
        memset(table, 0xFF, capacity * sizeof(uint32_t))
        for i in range(self.n_longs):
            slot = self.longs[i].hash & (capacity - 1)
            while table[slot] != NONE:
                slot = (slot + 1) & (capacity - 1)
            table[slot] = <uint32_t>i
        free(self.table)
        self.table = table
        self.mask = capacity - 1
        return 0

    cdef int tally_long(
        self, const uint8_t* word, size_t size, uint64_t hash, count_t times, int64_t first_seen
    ) noexcept nogil:
        cdef size_t slot = hash & self.mask
        cdef LongWord* entry
        cdef void* grown
        while self.table[slot] != NONE:
            entry = &self.longs[self.table[slot]]
            if entry.hash == hash and entry.size == size and memcmp(self.arena + entry.start, word, size) == 0:
                if entry.count > INT64_MAX - times:
                    return OVERFLOW
                entry.count += times
                if first_seen < entry.first_seen:
                    entry.first_seen = first_seen
                return 0
            slot = (slot + 1) & self.mask
        if self.n_longs == NONE - 1:
            return OUT_OF_MEMORY
        if self.n_longs == self.long_capacity:
            grown = grow(self.longs, &self.long_capacity, self.n_longs + 1, sizeof(LongWord))
            if grown == NULL:
                return OUT_OF_MEMORY
            self.longs = <LongWord*>grown
        if size > self.arena_capacity - self.arena_size:
            grown = grow(self.arena, &self.arena_capacity, self.arena_size + size, 1)
            if grown == NULL:
                return OUT_OF_MEMORY
            self.arena = <uint8_t*>grown
        memcpy(self.arena + self.arena_size, word, size)
        entry = &self.longs[self.n_longs]
        entry.hash = hash
        entry.start = self.arena_size
        entry.size = size
        entry.count = times
        entry.first_seen = first_seen
        self.table[slot] = <uint32_t>self.n_longs
        self.arena_size += size
        self.n_longs += 1
        if self.n_longs * 2 > self.mask:
            return self.rehash((self.mask + 1) * 2)
        return 0

    cdef int tally(self, const uint8_t* word, size_t size, count_t times, int64_t first_seen) noexcept nogil:
        """Add `times` to the count of a word; 0, OUT_OF_MEMORY or OVERFLOW, with nothing changed on failure."""
        cdef Item key
        if size > SHORT_KEY:
            return self.tally_long(word, size, hash_bytes(word, size), times, first_seen)
        load_short(&key, word, size, False)
        if self.make_room(1) < 0:
            return OUT_OF_MEMORY
        return self.tally_short(self.slot_of(key.low, key.high), key.low, key.high, times, first_seen)

    cdef int take(self, WordCounter other, count_t count, int64_t first_seen) noexcept nogil:
        """Add another's words that occur more than `count` times, or so many and were seen by `first_seen`.

        0, OUT_OF_MEMORY or OVERFLOW, with some of them added on failure.
        """
        cdef int status
        cdef size_t i
        cdef const ShortWord* short
        cdef const LongWord* word
        for i in range(other.short_mask + 1):
            if i + AHEAD <= other.short_mask and other.shorts[i + AHEAD].high:
                short = &other.shorts[i + AHEAD]
                prefetch(&self.shorts[self.slot_of(short.low, short.high)])
            short = &other.shorts[i]
            if short.high and (short.count > count or (short.count == count and short.first_seen <= first_seen)):
                status = self.make_room(1)
                if status == 0:
                    status = self.tally_short(
                        self.slot_of(short.low, short.high), short.low, short.high, short.count, short.first_seen
                    )
                if status:
                    return status
        for i in range(other.n_longs):
            word = &other.longs[i]
            if word.count > count or (word.count == count and word.first_seen <= first_seen):
                status = self.tally_long(other.arena + word.start, word.size, word.hash, word.count, word.first_seen)
                if status:
                    return status
        return 0

    cdef int64_t count_words(
        self, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t found, int64_t serial
    ) noexcept nogil:
        """Count a block of words, of which the first has the number `serial`; the number that is next, or a failure."""
        cdef Item keys[BLOCK]
        cdef size_t slots[BLOCK]
        cdef size_t i, begin = start, size
        cdef int status
        if self.make_room(found) < 0:
            return OUT_OF_MEMORY
        for i in range(found):
            size = ends[i] - begin
            if size <= SHORT_KEY:
                load_short(&keys[i], text + begin, size, n - begin >= 16)
                slots[i] = self.slot_of(keys[i].low, keys[i].high)
                prefetch(&self.shorts[slots[i]])
            begin = ends[i]
        for i in range(found):
            size = ends[i] - start
            if size <= SHORT_KEY:
                status = self.tally_short(slots[i], keys[i].low, keys[i].high, 1, serial)
            else:
                status = self.tally_long(text + start, size, hash_bytes(text + start, size), 1, serial)
            if status < 0:
                return status
            serial += 1
            start = ends[i]
        return serial

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self):
        if self.rehash(<size_t>1 << LEAST_BITS) < 0 or self.make_room(0) < 0:
            raise MemoryError

    def __dealloc__(self):
        unmap(self.shorts, (self.short_mask + 1) * sizeof(ShortWord))
        free(self.arena)
        free(self.longs)
        free(self.table)

    def __len__(self):
        return <Py_ssize_t>(self.n_shorts + self.n_longs)

    @property
    def n_bytes(self):
        return self.short_bytes + self.arena_size

    @property
    def total(self):
        cdef object sum_of_all = 0
        cdef size_t i
        for i in range(self.short_mask + 1):
            sum_of_all += self.shorts[i].count
        for i in range(self.n_longs):
            sum_of_all += self.longs[i].count
        return sum_of_all

    def count_text(self, Splitter splitter not None, bytes text not None, int64_t order, int64_t number=0):
        cdef const uint8_t* data = <const uint8_t*><const char*>text
        cdef size_t n = <size_t>len(text), start = 0, found
        cdef size_t ends[BLOCK]
        cdef size_t blocks = 0
        cdef int64_t serial = order << ORDER_BITS | number
        if not 0 <= order < <int64_t>1 << 31:
            raise ValueError(f"order is {order}, must be 0 to 2**31 - 1")
        with nogil:
            while start < n and serial >= 0:
                found = splitter.scan(data, n, start, ends, BLOCK)
                serial = self.count_words(data, n, start, ends, found, serial)
                start = ends[found - 1]
                blocks += 1
                if blocks % BLOCKS_A_SIGNAL == 0:
                    with gil:
                        PyErr_CheckSignals()
        check(<int>min(serial, 0))
        return serial - (order << ORDER_BITS)

    def add(self, bytes word not None, count_t times, int64_t first_seen):
        if times < 1:
            raise ValueError(f"count is {times}, must be at least 1")
        if not word:
            raise ValueError("a word must have at least one byte")
        check(self.tally(<const uint8_t*><const char*>word, <size_t>len(word), times, first_seen))

    def merge(self, WordCounter other not None):
        cdef int status
        if other is self:
            raise ValueError("cannot merge counts into themselves")
        with nogil:
            status = self.take(other, 0, -1)
        check(status)

    def kept(self, count_t count, int64_t first_seen):
        cdef WordCounter made = WordCounter()
        cdef int status
        if count < 0:
            raise ValueError(f"count is {count}, must be 0 or more")
        with nogil:
            status = made.take(self, count, first_seen)
        check(status)
        return made

    def fill(
        self, uint8_t[::1] blob not None, uint32_t[::1] sizes not None, int64_t[::1] counts not None,
        int64_t[::1] first_seen not None
    ):
        cdef size_t i, word = 0, end = 0, size
        cdef size_t n_words = self.n_shorts + self.n_longs
        if <size_t>blob.shape[0] != self.short_bytes + self.arena_size or <size_t>sizes.shape[0] != n_words or (
            <size_t>counts.shape[0] != n_words or <size_t>first_seen.shape[0] != n_words
        ):
            raise ValueError("the arrays do not have the sizes of the words and their bytes")
        for i in range(self.short_mask + 1):
            size = self.shorts[i].high >> 56
            if size:
                memcpy(&blob[end], &self.shorts[i].low, size if size < 8 else 8)
                if size > 8:
                    memcpy(&blob[end + 8], &self.shorts[i].high, size - 8)
                sizes[word] = <uint32_t>size
                counts[word] = self.shorts[i].count
                first_seen[word] = self.shorts[i].first_seen
                word += 1
                end += size
        for i in range(self.n_longs):
            size = self.longs[i].size
            if size >= NONE:
                raise ValueError("a word of 4 GiB or more cannot be trained on")
            memcpy(&blob[end], self.arena + self.longs[i].start, size)
            sizes[word] = <uint32_t>size
            counts[word] = self.longs[i].count
            first_seen[word] = self.longs[i].first_seen
            word += 1
            end += size


cdef int check(int status) except -1:
    if status == OUT_OF_MEMORY:
        raise MemoryError("out of memory while counting words")
    if status == OVERFLOW:
        raise OverflowError("the count of a word exceeds 2**63 - 1")
    return 0
