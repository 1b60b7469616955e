from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from pybpe._core.backtrack cimport Backtracker
from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate, allocate_zeros, grow
from pybpe._core.merge cimport MergeTable, free_scratch
from pybpe._core.types cimport NONE, pack_pair, token_t
from pybpe._core.vocab cimport Vocabulary


cdef void free_run(Run* run) noexcept nogil:
    if run != NULL:
        free(run.data)
        free(run.tokens)
        free(run)


cdef Run* copy_run(const Run* run) except NULL:
    """A run of its own with the same content. Raises MemoryError."""
    cdef Run* made = <Run*>calloc(1, sizeof(Run))
    if made == NULL:
        raise MemoryError
    try:
        made.data = <uint8_t*>allocate(run.size, 1)
        made.data_room = run.size
        made.tokens = <token_t*>allocate(run.size, sizeof(token_t))
        made.tokens_room = run.size
    except MemoryError:
        free_run(made)
        raise
    if run.size:
        memcpy(made.data, run.data, run.size)
        memcpy(made.tokens, run.tokens, run.size * sizeof(token_t))
    made.size = run.size
    return made


cdef class Endings:
    cdef inline Edge* edge(self, uint64_t key) noexcept nogil:
        """The slot of an edge, or the free one where it would be."""
        cdef size_t slot = (key * 0x9E3779B97F4A7C15ULL >> 24) & self.mask
        while self.edges[slot].key != key and self.edges[slot].key:
            slot = (slot + 1) & self.mask
        return &self.edges[slot]

    cdef token_t longest(self, const uint8_t* data, size_t n) noexcept nogil:
        """The longest token that data[:n] ends with."""
        cdef token_t found = NONE
        cdef uint64_t node = 0
        cdef const Edge* edge
        while n:
            n -= 1
            edge = self.edge((node << 8 | data[n]) + 1)
            if edge.key == 0:
                break
            if edge.token != NONE:
                found = edge.token
            node = edge.node
        return found

    cdef int merge_pair(self, token_t left, token_t right) except -1:
        """1 if the bytes of two tokens merge to just these two, 0 if not; of one token, if `right` is NONE."""
        cdef size_t size = self.vocabulary.size_of(left), more = 0
        cdef Py_ssize_t count
        memcpy(self.pair, self.vocabulary.blob + self.vocabulary.offsets[left], size)
        if right != NONE:
            more = self.vocabulary.size_of(right)
            memcpy(self.pair + size, self.vocabulary.blob + self.vocabulary.offsets[right], more)
        count = self.merges.merge_word(self.pair, size + more, self.merged, &self.scratch)
        if right == NONE:
            return count == 1 and self.merged[0] == left
        return count == 2 and self.merged[0] == left and self.merged[1] == right

    cdef int is_valid_token_pair(self, token_t left, token_t right) except -1:
        cdef uint64_t pair = pack_pair(left, right)
        cdef Known* known
        if self.backtracker.usable:
            return self.backtracker.is_valid_token_pair(left, right)
        known = &self.memo[pair * 0x9E3779B97F4A7C15ULL >> 50]
        if known.state == 0 or known.pair != pair:
            known.state = 0
            known.pair = pair
            known.state = <uint8_t>(1 + self.merge_pair(left, right))
        return known.state - 1

    cdef int push(self, Run* run, uint8_t byte) except -1:
        cdef void* grown
        cdef token_t token
        cdef size_t size, i = run.size
        if i >= run.data_room:
            grown = grow(run.data, &run.data_room, i + 1, 1)
            if grown == NULL:
                raise MemoryError
            run.data = <uint8_t*>grown
        if i >= run.tokens_room:
            grown = grow(run.tokens, &run.tokens_room, i + 1, sizeof(token_t))
            if grown == NULL:
                raise MemoryError
            run.tokens = <token_t*>grown
        run.data[i] = byte
        token = self.longest(run.data, i + 1)
        while token != NONE:
            size = self.vocabulary.size_of(token)
            if size == i + 1 or self.is_valid_token_pair(run.tokens[i - size], token):
                run.tokens[i] = token
                run.size = i + 1
                return 0
            token = self.shorter[token]
        raise RuntimeError("no token can end this word: the merges and the vocabulary do not fit each other")

    cdef int enlarge(self) except -1:
        """Twice the slots."""
        cdef Edge* old = self.edges
        cdef size_t count = self.mask + 1, i
        self.edges = <Edge*>allocate_zeros(2 * count, sizeof(Edge))
        self.mask = 2 * count - 1
        for i in range(count):
            if old[i].key:
                self.edge(old[i].key)[0] = old[i]
        free(old)
        return 0

    cdef int insert(self, token_t token) except -1:
        """Add a token behind all shorter ones."""
        cdef const uint8_t* data = self.vocabulary.blob + self.vocabulary.offsets[token]
        cdef size_t i = self.vocabulary.size_of(token)
        cdef uint64_t node = 0, key
        cdef Edge* edge = NULL
        while i:
            i -= 1
            if (self.n_nodes + 1) * 3 >= (self.mask + 1) * 2:
                self.enlarge()
            key = (node << 8 | data[i]) + 1
            edge = self.edge(key)
            if edge.key == 0:
                edge.key = key
                edge.node = <uint32_t>self.n_nodes
                edge.token = NONE
                self.n_nodes += 1
            node = edge.node
            if i and edge.token != NONE:
                self.shorter[token] = edge.token
        if edge != NULL and edge.token == NONE:
            edge.token = token
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, Vocabulary vocabulary not None, MergeTable merges not None):
        cdef size_t token, size, total = 0, place
        cdef size_t* starts = NULL
        cdef token_t* by_size = NULL
        self.vocabulary = vocabulary
        self.merges = merges
        self.backtracker = Backtracker(vocabulary, merges)
        self.longest_token = vocabulary.longest
        self.shorter = <token_t*>allocate(vocabulary.count, sizeof(token_t))
        memset(self.shorter, 0xFF, vocabulary.count * sizeof(token_t))
        self.edges = <Edge*>allocate_zeros(1 << 10, sizeof(Edge))
        self.mask = (1 << 10) - 1
        self.n_nodes = 1
        self.memo = <Known*>allocate_zeros(MEMO, sizeof(Known))
        self.pair = <uint8_t*>allocate(2 * self.longest_token, 1)
        self.merged = <token_t*>allocate(2 * self.longest_token, sizeof(token_t))
        try:
            starts = <size_t*>allocate_zeros(self.longest_token + 2, sizeof(size_t))
            by_size = <token_t*>allocate(vocabulary.count, sizeof(token_t))
            for token in range(vocabulary.count):
                starts[vocabulary.size_of(<token_t>token) + 1] += 1
            for size in range(self.longest_token + 1):
                starts[size + 1] += starts[size]
            for token in range(vocabulary.count):
                place = starts[vocabulary.size_of(<token_t>token)]
                starts[vocabulary.size_of(<token_t>token)] += 1
                by_size[place] = <token_t>token
            for place in range(vocabulary.count):
                token = by_size[place]
                size = vocabulary.size_of(<token_t>token)
                if size and (
                    self.backtracker.reached[token] if self.backtracker.usable
                    else self.merge_pair(<token_t>token, NONE)
                ):
                    total += size
                    if total >= NONE:
                        raise ValueError(f"the tokens of this vocabulary have more than {NONE:,} bytes")
                    self.insert(<token_t>token)
        finally:
            free(starts)
            free(by_size)

    def __dealloc__(self):
        free(self.edges)
        free(self.shorter)
        free(self.memo)
        free(self.pair)
        free(self.merged)
        free_scratch(&self.scratch)

    @property
    def usable(self):
        return bool(self.backtracker.usable)

    def encode_beginnings(self, bytes word not None):
        cdef Run* run = <Run*>allocate_zeros(1, sizeof(Run))
        cdef list made = []
        cdef uint8_t byte
        try:
            for byte in word:
                self.push(run, byte)
            for i in range(run.size):
                made.append(run.tokens[i])
        finally:
            free_run(run)
        return made
