# Byte-pair merging of one word: while any two neighbours merge, merge the pair of lowest rank, the leftmost of equals.
# Short words do it by looking at all pairs each time (everything is in registers and L1), long ones with a heap, so
# that a megabyte without a word end costs n log n.
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from pybpe._core.memory cimport allocate_table, free_table, grow, prefetch
from pybpe._core.types cimport NONE, pack_pair, pair_t, token_t
from pybpe._core.vocab cimport Vocabulary


cdef void free_scratch(Scratch* scratch) noexcept nogil:
    free(scratch.symbols)
    free(scratch.heap)
    memset(scratch, 0, sizeof(Scratch))


cdef inline void heap_push(uint64_t* heap, size_t* size, uint64_t item) noexcept nogil:
    cdef size_t child = size[0], parent
    size[0] += 1
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent] <= item:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = item


cdef inline uint64_t heap_pop(uint64_t* heap, size_t* size) noexcept nogil:
    cdef uint64_t smallest = heap[0], last
    cdef size_t parent = 0, child
    size[0] -= 1
    last = heap[size[0]]
    while True:
        child = 2 * parent + 1
        if child >= size[0]:
            break
        if child + 1 < size[0] and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[parent] = heap[child]
        parent = child
    heap[parent] = last
    return smallest


cdef inline double next_random(uint64_t* state) noexcept nogil:
    """The next number in [0, 1) of SplitMix64 (Steele, Lea and Flood, 2014)."""
    cdef uint64_t mixed
    state[0] += <uint64_t>0x9E3779B97F4A7C15ULL
    mixed = (state[0] ^ state[0] >> 30) * <uint64_t>0xBF58476D1CE4E5B9ULL
    mixed = (mixed ^ mixed >> 27) * <uint64_t>0x94D049BB133111EBULL
    return <double>((mixed ^ mixed >> 31) >> 11) / 9007199254740992.0


cdef inline Py_ssize_t collect(const Symbol* symbols, token_t* out) noexcept nogil:
    """The symbols that are left, in order; how many."""
    cdef Py_ssize_t count = 0
    cdef uint32_t place = 0
    while place != NONE:
        out[count] = symbols[place].token
        count += 1
        place = symbols[place].next
    return count


cdef class MergeTable:
    cdef Py_ssize_t merge_word(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) except -1 nogil:
        if n <= SHORT_WORD:
            return <Py_ssize_t>self.merge_short(word, n, out)
        return self.merge_long(word, n, out, scratch)

    cdef size_t merge_short(self, const uint8_t* word, size_t n, token_t* out) noexcept nogil:
        cdef uint32_t ranks[SHORT_WORD]  # ranks[i] and joined[i]: the merge of out[i] and out[i + 1]
        cdef token_t joined[SHORT_WORD]
        cdef const ByteMerge* first
        cdef uint32_t lowest
        cdef size_t i, best
        for i in range(n):
            out[i] = self.byte_ids[word[i]]
        for i in range(n - 1):
            first = &self.byte_pairs[<size_t>word[i] << 8 | word[i + 1]]
            ranks[i] = first.rank
            joined[i] = first.token
        while n > 1:
            lowest = NONE
            best = 0
            for i in range(n - 1):
                if ranks[i] < lowest:
                    lowest = ranks[i]
                    best = i
            if lowest == NONE:
                break
            out[best] = joined[best]
            n -= 1
            for i in range(best + 1, n):
                out[i] = out[i + 1]
            for i in range(best + 1, n - 1):
                ranks[i] = ranks[i + 1]
                joined[i] = joined[i + 1]
            if best > 0:
                ranks[best - 1] = self.find(out[best - 1], out[best], &joined[best - 1])
            if best + 1 < n:
                ranks[best] = self.find(out[best], out[best + 1], &joined[best])
        return n

    cdef size_t begin(self, const uint8_t* word, size_t n, Scratch* scratch) except? 0 nogil:
        """Lay out the bytes of a word as linked symbols and put its first pairs on the heap; returns how many.

        A heap entry is rank << 32 | position of the left symbol. Entries are not removed when a neighbour changes:
        one is stale when its symbol is gone or its pair now has another rank.
        """
        cdef Symbol* symbols
        cdef uint64_t* heap
        cdef size_t size = 0, i
        cdef uint32_t rank
        if n >= NONE:
            with gil:
                raise ValueError(f"a word of {n} bytes is too long: at most 4 GiB without a place to split")
        if scratch.n_symbols < n:
            symbols = <Symbol*>grow(scratch.symbols, &scratch.n_symbols, n, sizeof(Symbol))
            if symbols == NULL:
                with gil:
                    raise MemoryError
            scratch.symbols = symbols
        if scratch.n_heap < 2 * n:  # n - 1 pairs at first, and each of at most n - 1 merges takes one and adds two
            heap = <uint64_t*>grow(scratch.heap, &scratch.n_heap, 2 * n, sizeof(uint64_t))
            if heap == NULL:
                with gil:
                    raise MemoryError
            scratch.heap = heap
        symbols = scratch.symbols
        for i in range(n):
            symbols[i].token = self.byte_ids[word[i]]
            symbols[i].previous = <uint32_t>i - 1  # wraps to NONE at the front
            symbols[i].next = NONE
            if i + 1 < n:
                symbols[i].next = <uint32_t>i + 1
                rank = self.byte_pairs[<size_t>word[i] << 8 | word[i + 1]].rank
                if rank != NONE:
                    heap_push(scratch.heap, &size, <uint64_t>rank << 32 | i)
        return size

    cdef bint is_current(self, const Symbol* symbols, uint64_t entry, token_t* joined) noexcept nogil:
        """Whether a heap entry is not stale; `joined` receives what its pair becomes."""
        cdef const Symbol* left = &symbols[<uint32_t>entry]
        if left.token == NONE or left.next == NONE:
            return False
        return self.find(left.token, symbols[left.next].token, joined) == <uint32_t>(entry >> 32)

    cdef void join(self, Scratch* scratch, uint32_t left, token_t joined, size_t* size) noexcept nogil:
        """Make `joined` of a symbol and the next, and put the pairs with its new neighbours on the heap."""
        cdef Symbol* symbols = scratch.symbols
        cdef uint32_t right = symbols[left].next, rank
        cdef token_t unused = 0
        symbols[left].token = joined
        symbols[right].token = NONE
        symbols[left].next = symbols[right].next
        if symbols[left].next != NONE:
            symbols[symbols[left].next].previous = left
            rank = self.find(symbols[left].token, symbols[symbols[left].next].token, &unused)
            if rank != NONE:
                heap_push(scratch.heap, size, <uint64_t>rank << 32 | left)
        if symbols[left].previous != NONE:
            rank = self.find(symbols[symbols[left].previous].token, symbols[left].token, &unused)
            if rank != NONE:
                heap_push(scratch.heap, size, <uint64_t>rank << 32 | symbols[left].previous)

    cdef Py_ssize_t merge_long(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) except -1 nogil:
        cdef size_t size = self.begin(word, n, scratch), pops = 0
        cdef uint64_t entry
        cdef token_t joined = 0
        while size:
            entry = heap_pop(scratch.heap, &size)
            if self.is_current(scratch.symbols, entry, &joined):
                self.join(scratch, <uint32_t>entry, joined, &size)
            pops += 1
            if pops % POPS_A_SIGNAL == 0:
                with gil:
                    PyErr_CheckSignals()
        return collect(scratch.symbols, out)

    cdef Py_ssize_t merge_with_dropout(
        self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch, double p, uint64_t* random_state
    ) except -1 nogil:
        """As `merge_word`, but at each step every possible merge is left out with probability p."""
        cdef size_t size = self.begin(word, n, scratch), full, top, i
        cdef uint64_t entry = 0
        cdef token_t joined = 0
        cdef bint found = True
        while found:
            found = False
            full = top = size
            while size and not found:
                entry = heap_pop(scratch.heap, &size)
                if not self.is_current(scratch.symbols, entry, &joined):
                    continue
                if next_random(random_state) < p:
                    top -= 1  # for this step; it waits in the part of the heap that the pops have freed
                    scratch.heap[top] = entry
                else:
                    found = True
            for i in range(top, full):
                heap_push(scratch.heap, &size, scratch.heap[i])
            if found:
                self.join(scratch, <uint32_t>entry, joined, &size)
        return collect(scratch.symbols, out)

    cdef void ask_for(self, token_t left, token_t right) noexcept nogil:
        """Have the place of a pair fetched from memory, for `add` to come."""
        prefetch(&self.slots[hash_pair(pack_pair(left, right)) >> self.shift])

    cdef void add(self, token_t left, token_t right, token_t joined, uint32_t rank) noexcept nogil:
        cdef pair_t pair = pack_pair(left, right)
        cdef size_t slot = hash_pair(pair) >> self.shift, bit = hash_pair(pair) >> self.filter_shift
        while self.slots[slot].rank != NONE:
            if self.slots[slot].pair == pair:
                return
            slot = (slot + 1) & self.mask
        self.slots[slot].pair = pair
        self.slots[slot].token = joined
        self.slots[slot].rank = rank
        self.filter[bit >> 6] |= <uint64_t>1 << (bit & 63)
        self.count += 1

    cdef void note_byte_pairs(self) noexcept nogil:
        """After the last merge of two bytes was added."""
        cdef size_t i
        for i in range(65536):
            self.byte_pairs[i].rank = self.find(
                self.byte_ids[i >> 8], self.byte_ids[i & 0xFF], &self.byte_pairs[i].token
            )

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, Vocabulary vocabulary not None, size_t room):
        cdef size_t capacity = 16, i
        cdef uint8_t byte
        cdef int bits = 4
        if room >= NONE:
            raise ValueError(f"{room} merges do not fit 32-bit ranks")
        for i in range(256):
            byte = <uint8_t>i
            self.byte_ids[i] = vocabulary.find(&byte, 1)
            if self.byte_ids[i] == NONE:
                raise ValueError(f"the vocabulary has no token for byte 0x{i:02x}")
        while capacity * 5 < room * 8:  # at most 5/8 full
            capacity *= 2
            bits += 1
        # Of merges there are less than 2**32, so no size overflows. The filter has 8 bits a slot.
        self.block_size = 65536 * sizeof(ByteMerge) + capacity + capacity * sizeof(Merge)
        self.block = allocate_table(self.block_size)
        memset(self.block, 0xFF, self.block_size)
        self.byte_pairs = <ByteMerge*>self.block
        self.filter = <uint64_t*>(self.byte_pairs + 65536)
        memset(self.filter, 0, capacity)
        self.filter_shift = 61 - bits
        self.slots = <Merge*>(self.filter + (capacity >> 3))
        self.mask = capacity - 1
        self.shift = 64 - bits

    def __dealloc__(self):
        free_table(self.block, self.block_size)

    def __len__(self):
        return <Py_ssize_t>self.count


def listed_merges(Vocabulary vocabulary not None, const token_t[:, ::1] merges not None):
    """A table whose ranks are the rows' numbers."""
    cdef size_t n = <size_t>merges.shape[0], i
    cdef const token_t* rows = &merges[0, 0] if n else NULL
    cdef MergeTable table
    if merges.shape[1] != 3:
        raise ValueError("merges must be rows of (left, right, token)")
    table = MergeTable(vocabulary, n)
    with nogil:
        for i in range(n):
            if i + AHEAD < n:
                table.ask_for(rows[3 * (i + AHEAD)], rows[3 * (i + AHEAD) + 1])
            table.add(rows[3 * i], rows[3 * i + 1], rows[3 * i + 2], <uint32_t>i)
        table.note_byte_pairs()
    return table
