# Counts of pairs are kept exact by adding and subtracting at every replacement, never recounted. A pair of two older
# tokens can only lose occurrences (a merge makes none but with its new token), so a candidate in the heap may be too
# high, never too low: one that turns out stale goes back with its count of now.
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from pybpe._core.counter cimport WordCounter
from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate, grow
from pybpe._core.types cimport NONE, count_t, pack_pair, pair_t, token_t

cdef enum:
    OUT_OF_MEMORY = -1
    NO_PAIR_LEFT = 0
    MERGED = 1


cdef inline bint before(const Candidate* a, const Candidate* b) noexcept nogil:
    """The order of merging: the higher count, then the smaller (left, right)."""
    return a.count > b.count or (a.count == b.count and a.pair < b.pair)


cdef class Trainer:
    cdef int rehash(self, int bits) noexcept nogil:
        cdef size_t capacity = <size_t>1 << bits, i, slot
        cdef uint32_t* table = <uint32_t*>malloc(capacity * sizeof(uint32_t))
        if table == NULL:
            return OUT_OF_MEMORY
        memset(table, 0xFF, capacity * sizeof(uint32_t))
        free(self.table)
        self.table = table
        self.mask = capacity - 1
        self.shift = 64 - bits
        for i in range(self.n_pairs):
            slot = (self.pairs[i].pair * <pair_t>0x9E3779B97F4A7C15ULL) >> self.shift
            while table[slot] != NONE:
                slot = (slot + 1) & self.mask
            table[slot] = <uint32_t>i
        return 0

    cdef Pair* pair_of(self, pair_t pair) noexcept nogil:
        """The entry of a pair, made if it is new; NULL when memory ran out. Valid until the next call."""
        cdef size_t slot = (pair * <pair_t>0x9E3779B97F4A7C15ULL) >> self.shift
        cdef Pair* pairs
        while self.table[slot] != NONE:
            if self.pairs[self.table[slot]].pair == pair:
                return &self.pairs[self.table[slot]]
            slot = (slot + 1) & self.mask
        if self.n_pairs == self.pairs_capacity:
            pairs = <Pair*>grow(self.pairs, &self.pairs_capacity, self.n_pairs + 1, sizeof(Pair))
            if pairs == NULL:
                return NULL
            self.pairs = pairs
        memset(&self.pairs[self.n_pairs], 0, sizeof(Pair))
        self.pairs[self.n_pairs].pair = pair
        self.table[slot] = <uint32_t>self.n_pairs
        self.n_pairs += 1
        if self.n_pairs * 2 > self.mask and self.rehash(65 - self.shift) < 0:
            return NULL
        return &self.pairs[self.n_pairs - 1]

    cdef int add(self, pair_t pair, count_t count, uint32_t place) noexcept nogil:
        cdef Pair* entry = self.pair_of(pair)
        cdef size_t capacity
        cdef uint32_t* places
        if entry == NULL:
            return OUT_OF_MEMORY
        entry.count += count
        if entry.n_places and entry.places[entry.n_places - 1] == place:
            return 0  # words are visited one after the other, so a repeat can only be the last
        if entry.n_places == entry.capacity:
            capacity = entry.capacity * 2 if entry.capacity else 2
            places = <uint32_t*>realloc(entry.places, capacity * sizeof(uint32_t))
            if places == NULL:
                return OUT_OF_MEMORY
            entry.places = places
            entry.capacity = <uint32_t>capacity
        entry.places[entry.n_places] = place
        entry.n_places += 1
        return 0

    cdef void subtract(self, pair_t pair, count_t count) noexcept nogil:
        """Take `count` from a pair that exists."""
        cdef size_t slot = (pair * <pair_t>0x9E3779B97F4A7C15ULL) >> self.shift
        while self.pairs[self.table[slot]].pair != pair:
            slot = (slot + 1) & self.mask
        self.pairs[self.table[slot]].count -= count

    cdef int push(self, Candidate item) noexcept nogil:
        cdef size_t child = self.heap_size, parent
        cdef Candidate* heap
        if child == self.heap_capacity:
            heap = <Candidate*>grow(self.heap, &self.heap_capacity, child + 1, sizeof(Candidate))
            if heap == NULL:
                return OUT_OF_MEMORY
            self.heap = heap
        self.heap_size += 1
        while child > 0:
            parent = (child - 1) >> 1
            if not before(&item, &self.heap[parent]):
                break
            self.heap[child] = self.heap[parent]
            child = parent
        self.heap[child] = item
        return 0

    cdef Candidate pop(self) noexcept nogil:
        cdef Candidate best = self.heap[0], last
        cdef size_t parent = 0, child
        self.heap_size -= 1
        last = self.heap[self.heap_size]
        while True:
            child = 2 * parent + 1
            if child >= self.heap_size:
                break
            if child + 1 < self.heap_size and before(&self.heap[child + 1], &self.heap[child]):
                child += 1
            if not before(&self.heap[child], &last):
                break
            self.heap[parent] = self.heap[child]
            parent = child
        self.heap[parent] = last
        return best

    cdef int count_pairs(self) noexcept nogil:
        """Count every window of two symbols and make each pair a candidate."""
        cdef size_t i, k
        cdef const token_t* symbols
        cdef Candidate item
        for i in range(self.n_words):
            symbols = self.symbols + self.words[i].start
            for k in range(1, self.words[i].size):
                if self.add(pack_pair(symbols[k - 1], symbols[k]), self.words[i].count, <uint32_t>i) < 0:
                    return OUT_OF_MEMORY
        for i in range(self.n_pairs):
            item.count = self.pairs[i].count
            item.pair = self.pairs[i].pair
            item.index = <uint32_t>i
            if self.push(item) < 0:
                return OUT_OF_MEMORY
        return 0

    cdef int replace(self, uint32_t place, token_t left, token_t right, token_t joined) noexcept nogil:
        """Replace the pair by `joined` throughout one word, left to right, and correct the counts around it."""
        cdef Word* word = &self.words[place]
        cdef token_t* symbols = self.symbols + word.start
        cdef uint32_t read = 0, write = 0, size = word.size
        while read < size:
            if read + 1 < size and symbols[read] == left and symbols[read + 1] == right:
                if write:
                    self.subtract(pack_pair(symbols[write - 1], left), word.count)
                    if self.add(pack_pair(symbols[write - 1], joined), word.count, place) < 0:
                        return OUT_OF_MEMORY
                if read + 2 < size:
                    self.subtract(pack_pair(right, symbols[read + 2]), word.count)
                    if self.add(pack_pair(joined, symbols[read + 2]), word.count, place) < 0:
                        return OUT_OF_MEMORY
                symbols[write] = joined
                read += 2
            else:
                symbols[write] = symbols[read]
                read += 1
            write += 1
        word.size = write
        return 0

    cdef int merge_best(self) noexcept nogil:
        """Merge the best pair everywhere: MERGED, NO_PAIR_LEFT or OUT_OF_MEMORY."""
        cdef Candidate best
        cdef Candidate item
        cdef uint32_t* places
        cdef uint32_t i, n_places
        cdef size_t first_new = self.n_pairs, k
        cdef token_t left, right
        while True:
            if self.heap_size == 0:
                return NO_PAIR_LEFT
            best = self.pop()
            if best.count == self.pairs[best.index].count:
                break
            best.count = self.pairs[best.index].count
            if best.count > 0 and self.push(best) < 0:
                return OUT_OF_MEMORY
        if best.count < self.min_count:
            return NO_PAIR_LEFT
        left = <token_t>(best.pair >> 32)
        right = <token_t>best.pair
        if self.merges.reserve(3) < 0:
            return OUT_OF_MEMORY
        places = self.pairs[best.index].places
        n_places = self.pairs[best.index].n_places
        self.pairs[best.index].places = NULL
        self.pairs[best.index].n_places = 0
        self.pairs[best.index].capacity = 0
        for i in range(n_places):
            if self.replace(places[i], left, right, self.next_token) < 0:
                free(places)
                return OUT_OF_MEMORY
        free(places)
        self.pairs[best.index].count = 0
        for k in range(first_new, self.n_pairs):
            item.count = self.pairs[k].count
            item.pair = self.pairs[k].pair
            item.index = <uint32_t>k
            if item.count > 0 and self.push(item) < 0:
                return OUT_OF_MEMORY
        self.merges.data[self.merges.size] = left
        self.merges.data[self.merges.size + 1] = right
        self.merges.data[self.merges.size + 2] = self.next_token
        self.merges.size += 3
        self.next_token += 1
        self.last_count = best.count
        return MERGED

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, WordCounter counts not None, count_t min_count):
        cdef size_t i, k, total = 0, start = 0
        self.merges = IdBuffer()
        self.next_token = 256
        self.min_count = max(min_count, 1)
        self.n_words = counts.count
        for i in range(counts.count):
            if counts.words[i].size >= NONE:
                raise ValueError("a word of 4 GiB or more cannot be trained on")
            total += counts.words[i].size
        # Any pair count is at most the number of windows in the corpus: if that fits, nothing overflows.
        if sum(counts.words[i].count * int(counts.words[i].size) for i in range(counts.count)) >= 2**63:
            raise OverflowError("the corpus has 2**63 or more pairs")
        self.symbols = <token_t*>allocate(total, sizeof(token_t))
        self.words = <Word*>allocate(counts.count, sizeof(Word))
        for i in range(counts.count):
            self.words[i].start = start
            self.words[i].size = <uint32_t>counts.words[i].size
            self.words[i].count = counts.words[i].count
            for k in range(counts.words[i].size):
                self.symbols[start + k] = counts.arena[counts.words[i].start + k]
            start += counts.words[i].size
        if self.rehash(16) < 0 or self.count_pairs() < 0:
            raise MemoryError("out of memory while counting pairs")

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.n_pairs):
            free(self.pairs[i].places)
        free(self.pairs)
        free(self.table)
        free(self.heap)
        free(self.words)
        free(self.symbols)

    def learn(self, size_t n_merges):
        cdef size_t learned = 0
        cdef int status = MERGED
        if self.merges.exports:
            raise BufferError("an array over the merges exists; they can no longer grow")
        with nogil:
            while learned < n_merges:
                status = self.merge_best()
                if status != MERGED:
                    break
                learned += 1
        if status == OUT_OF_MEMORY:
            raise MemoryError("out of memory while merging")
        return learned
