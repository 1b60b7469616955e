from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate, allocate_zeros, grow
from pybpe._core.merge cimport Merge, MergeTable
from pybpe._core.parts cimport Parts, is_met
from pybpe._core.types cimport NONE, token_t
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    REACHED = 1
    AWAITED = 2  # part of a merge before its own


cdef void init_scratch(Scratch* scratch) noexcept nogil:
    scratch.left = NULL
    scratch.size = 0
    memset(scratch.choices, 0xFF, sizeof(scratch.choices))


cdef void free_scratch(Scratch* scratch) noexcept nogil:
    free(scratch.left)
    scratch.left = NULL
    scratch.size = 0


cdef inline size_t edge_slot(uint64_t key, int shift) noexcept nogil:
    return key * 0x9E3779B97F4A7C15ULL >> shift


cdef class Backtracker:
    cdef uint32_t step(self, uint32_t node, uint8_t byte) noexcept nogil:
        """Where an edge leads; NONE if there is none."""
        cdef uint64_t key = (<uint64_t>node << 8 | byte) + 1
        cdef size_t slot = edge_slot(key, self.shift)
        while self.edges[slot] >> 32 != key:
            if self.edges[slot] == 0:
                return NONE
            slot = (slot + 1) & self.mask
        return <uint32_t>self.edges[slot]

    cdef token_t longest(self, const uint8_t* text, size_t n) noexcept nogil:
        """The longest token that text[:n] begins with."""
        cdef token_t found = self.merges.byte_ids[text[0]]
        cdef uint32_t node
        cdef size_t i = 2
        if n == 1:
            return found
        node = self.roots[<size_t>text[0] << 8 | text[1]]
        while node != NONE:
            if node < self.count:
                found = node
            if i == n:
                break
            node = self.step(node, text[i])
            i += 1
        return found

    cdef bint is_valid_token_pair(self, token_t left, token_t right) noexcept nogil:
        """Whether two tokens can be neighbours in what merging gives."""
        cdef token_t unused = 0
        return self.merges.find(left, right, &unused) == NONE and is_met(self.merges, self.split_table, left, right)

    cdef token_t choose(self, token_t left, token_t longest, Scratch* scratch) noexcept nogil:
        """The longest that can follow `left`, of a token and those that it begins with; NONE if none can."""
        cdef Choice* choice = &scratch.choices[(left * 31 + longest) % CHOICES]
        cdef token_t token = longest
        if choice.left == left and choice.longest == longest:
            return choice.chosen
        while token != NONE and not self.is_valid_token_pair(left, token):
            token = self.shorter[token]
        choice[0] = Choice(left, longest, token)
        return token

    cdef Py_ssize_t encode(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) except -1 nogil:
        cdef size_t place = 0, end, steps = 0
        cdef Py_ssize_t count = 0
        cdef token_t token = self.longest(word, n)
        cdef void* grown
        if scratch.size < n // 64 + 1:
            grown = grow(scratch.left, &scratch.size, n // 64 + 1, sizeof(uint64_t))
            if grown == NULL:
                with gil:
                    raise MemoryError
            scratch.left = <uint64_t*>grown
        memset(scratch.left, 0, (n // 64 + 1) * sizeof(uint64_t))
        while place < n:
            steps += 1
            if steps % STEPS_A_SIGNAL == 0:
                with gil:
                    PyErr_CheckSignals()
            if count:
                token = self.choose(out[count - 1], token, scratch)
            end = place + self.sizes[token] if token != NONE else 0
            if token == NONE or scratch.left[end >> 6] >> (end & 63) & 1:
                if token != NONE and self.shorter[token] != NONE:
                    token = self.shorter[token]
                    continue
                if count == 0:
                    return 0
                # No token follows the last one here: that one must be another.
                scratch.left[place >> 6] |= <uint64_t>1 << (place & 63)
                count -= 1
                token = out[count]
                place -= self.sizes[token]
                continue
            out[count] = token
            count += 1
            place = end
            if place < n:
                token = self.longest(word + place, n - place)
        return count

    cdef int find_splits(self, Vocabulary vocabulary) except -1:
        """Take each merge, in its order, that merging can come to; `usable` says whether that is all of them."""
        cdef MergeTable merges = self.merges
        cdef size_t slot, ranks = 0, rank, token
        cdef size_t* by_rank
        cdef const Merge* merge
        cdef token_t left, right
        if merges.tied:
            return 0
        for slot in range(merges.mask + 1):
            if merges.slots[slot].rank != NONE and merges.slots[slot].rank >= ranks:
                ranks = <size_t>merges.slots[slot].rank + 1
        by_rank = <size_t*>allocate_zeros(ranks + 1, sizeof(size_t))
        for slot in range(merges.mask + 1):
            if merges.slots[slot].rank != NONE:
                by_rank[merges.slots[slot].rank] = slot + 1
        for slot in range(256):
            self.reached[merges.byte_ids[slot]] = REACHED
        self.usable = True
        for rank in range(ranks):
            if by_rank[rank] == 0:
                continue
            merge = &merges.slots[by_rank[rank] - 1]
            left = <token_t>(merge.pair >> 32)
            right = <token_t>merge.pair
            if self.reached[left] != REACHED or self.reached[right] != REACHED:
                if self.reached[left] != REACHED:
                    self.reached[left] = AWAITED
                if self.reached[right] != REACHED:
                    self.reached[right] = AWAITED
            elif is_met(merges, self.split_table, left, right):
                if self.reached[merge.token]:  # by another merge, or later than a merge of it: ranks do not tell the order
                    self.usable = False
                self.split_table[merge.token] = Parts(left, right, merge.rank)
                self.reached[merge.token] = REACHED
        free(by_rank)
        for token in range(self.count):
            self.reached[token] = self.reached[token] == REACHED
        return 0

    cdef uint32_t add_step(self, uint32_t node, uint8_t byte, uint32_t wanted) noexcept nogil:
        """Where an edge leads, to the node `wanted` if it is new."""
        cdef uint64_t key = (<uint64_t>node << 8 | byte) + 1
        cdef size_t slot = edge_slot(key, self.shift)
        while self.edges[slot]:
            if self.edges[slot] >> 32 == key:
                return <uint32_t>self.edges[slot]
            slot = (slot + 1) & self.mask
        self.edges[slot] = key << 32 | wanted
        return wanted

    cdef int build_trie(self) except -1:
        cdef Vocabulary vocabulary = self.vocabulary
        cdef size_t token, size, i, longest = 0, bytes = 0, place
        cdef size_t* starts
        cdef token_t* by_size
        cdef const uint8_t* data
        cdef uint32_t node
        for token in range(self.count):
            size = self.sizes[token] if self.reached[token] else 0
            bytes += size
            if size > longest:
                longest = size
        if self.count + bytes >= <size_t>1 << 24:  # an edge's key has 32 bits
            self.usable = False
        if not self.usable:
            return 0
        self.shift = 64 - 4
        while <size_t>1 << (64 - self.shift) < bytes + bytes // 2:
            self.shift -= 1
        self.mask = (<size_t>1 << (64 - self.shift)) - 1
        self.edges = <uint64_t*>allocate_zeros(self.mask + 1, sizeof(uint64_t))
        starts = NULL
        by_size = NULL
        try:
            # The shortest first, so that all that a token begins with are there before it.
            starts = <size_t*>allocate_zeros(longest + 2, sizeof(size_t))
            by_size = <token_t*>allocate(self.count, sizeof(token_t))
            for token in range(self.count):
                if self.reached[token]:
                    starts[self.sizes[token] + 1] += 1
            for i in range(longest + 1):
                starts[i + 1] += starts[i]
            for token in range(self.count):
                if self.reached[token]:
                    by_size[starts[self.sizes[token]]] = <token_t>token
                    starts[self.sizes[token]] += 1
            for place in range(starts[longest]):
                token = by_size[place]
                size = self.sizes[token]
                if size < 2:
                    continue
                data = vocabulary.blob + vocabulary.offsets[token]
                self.shorter[token] = self.merges.byte_ids[data[0]]
                if size == 2:
                    self.roots[<size_t>data[0] << 8 | data[1]] = <uint32_t>token
                    continue
                if self.roots[<size_t>data[0] << 8 | data[1]] == NONE:
                    self.roots[<size_t>data[0] << 8 | data[1]] = <uint32_t>self.nodes
                    self.nodes += 1
                node = self.roots[<size_t>data[0] << 8 | data[1]]
                for i in range(2, size):
                    if node < self.count:
                        self.shorter[token] = node
                    node = self.add_step(node, data[i], <uint32_t>(token if i + 1 == size else self.nodes))
                    self.nodes += node == self.nodes
        finally:
            free(starts)
            free(by_size)
        self.pack_edges()
        self.built = True
        return 0

    cdef int pack_edges(self) except -1:
        """Move the edges to a table no larger than they need: most of the time goes into waiting for it."""
        cdef uint64_t* old = self.edges
        cdef size_t old_size = self.mask + 1, count = 0, i, slot
        for i in range(old_size):
            count += old[i] != 0
        if (self.mask + 1) >> 1 < 2 * count:
            return 0
        while (self.mask + 1) >> 1 >= 2 * count and self.shift < 60:
            self.shift += 1
            self.mask >>= 1
        self.edges = <uint64_t*>allocate_zeros(self.mask + 1, sizeof(uint64_t))
        for i in range(old_size):
            if old[i]:
                slot = edge_slot(old[i] >> 32, self.shift)
                while self.edges[slot]:
                    slot = (slot + 1) & self.mask
                self.edges[slot] = old[i]
        free(old)
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, Vocabulary vocabulary not None, MergeTable merges not None):
        cdef size_t token
        self.merges = merges
        self.count = self.nodes = vocabulary.count
        self.split_table = <Parts*>allocate(self.count, sizeof(Parts))
        memset(self.split_table, 0xFF, self.count * sizeof(Parts))
        self.reached = <uint8_t*>allocate_zeros(self.count, 1)
        self.shorter = <token_t*>allocate(self.count, sizeof(token_t))
        memset(self.shorter, 0xFF, self.count * sizeof(token_t))
        self.sizes = <uint32_t*>allocate(self.count, sizeof(uint32_t))
        for token in range(self.count):
            self.sizes[token] = <uint32_t>vocabulary.size_of(<token_t>token)
        self.roots = <uint32_t*>allocate(65536, sizeof(uint32_t))
        memset(self.roots, 0xFF, 65536 * sizeof(uint32_t))
        self.find_splits(vocabulary)
        self.vocabulary = vocabulary

    def __dealloc__(self):
        free(self.split_table)
        free(self.reached)
        free(self.shorter)
        free(self.sizes)
        free(self.roots)
        free(self.edges)

    def encode_word(self, bytes word not None):
        cdef Scratch scratch
        cdef Py_ssize_t count
        cdef IdBuffer out = IdBuffer()
        init_scratch(&scratch)
        if not self.built:
            self.build_trie()
        if not self.usable:
            raise ValueError("these merges are in no order that allows it")
        if out.reserve(<size_t>len(word) + 1) < 0:
            raise MemoryError
        try:
            out.size = <size_t>self.encode(<const uint8_t*><const char*>word, <size_t>len(word), out.data, &scratch)
        finally:
            free_scratch(&scratch)
        return out
