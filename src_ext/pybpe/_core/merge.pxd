# Merging: which pairs of ids join, into what, in what order; and the two loops that apply it to one word.
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from pybpe._core.types cimport NONE, pair_t, pack_pair, token_t

cdef enum:
    POPS_A_SIGNAL = 1 << 20  # between two looks at Ctrl-C
    AHEAD = 16  # rows whose places in the table are asked for before the first of them is written
    SHORT_WORD = 32  # up to so many bytes a word is merged on the stack by linear search


ctypedef struct Merge:
    pair_t pair  # the key
    uint32_t rank  # lower merges first; NONE in a free slot
    token_t token  # what the two become


ctypedef struct ByteMerge:
    uint32_t rank
    token_t token


ctypedef struct Symbol:
    token_t token
    uint32_t previous  # neighbours as positions in the word; NONE at the ends
    uint32_t next


# Working memory for words beyond SHORT_WORD, kept from word to word.
ctypedef struct Scratch:
    Symbol* symbols
    size_t n_symbols
    uint64_t* heap
    size_t n_heap


cdef inline uint64_t hash_pair(pair_t pair) noexcept nogil:
    return pair * <pair_t>0x9E3779B97F4A7C15ULL


@cython.final
cdef class MergeTable:
    cdef void* block  # which holds the next three tables
    cdef size_t block_size
    cdef Merge* slots
    cdef size_t mask
    cdef int shift
    cdef size_t count
    cdef readonly bint tied  # whether merges to different tokens may have the same rank; the leftmost of them goes first
    cdef uint64_t* filter  # a bit for the hash of each pair: most pairs do not merge, and this says so from the L2 cache
    cdef int filter_shift
    cdef ByteMerge* byte_pairs  # [first byte << 8 | second byte]: the merge of their two ids
    cdef token_t byte_ids[256]

    cdef inline uint32_t find(self, token_t left, token_t right, token_t* joined) noexcept nogil:
        """The rank of the merge of two ids, and in `joined` what they become; NONE if they do not merge."""
        cdef pair_t pair = pack_pair(left, right)
        cdef uint64_t hash = hash_pair(pair)
        cdef size_t bit = hash >> self.filter_shift, slot
        if not self.filter[bit >> 6] >> (bit & 63) & 1:
            return NONE
        slot = hash >> self.shift
        while self.slots[slot].pair != pair:
            if self.slots[slot].rank == NONE:
                return NONE
            slot = (slot + 1) & self.mask
        joined[0] = self.slots[slot].token
        return self.slots[slot].rank

    # Building: room is for as many merges as the constructor was told; of one pair the first counts.
    cdef void ask_for(self, token_t left, token_t right) noexcept nogil
    cdef void add(self, token_t left, token_t right, token_t joined, uint32_t rank) noexcept nogil
    cdef void note_byte_pairs(self) noexcept nogil

    # Merge word[:n], n >= 1, into out (room for n ids); returns how many ids.
    cdef Py_ssize_t merge_word(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) except -1 nogil
    cdef size_t merge_short(self, const uint8_t* word, size_t n, token_t* out) noexcept nogil
    cdef Py_ssize_t merge_long(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) except -1 nogil
    cdef Py_ssize_t merge_with_dropout(
        self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch, double p, uint64_t* random_state
    ) except -1 nogil
    cdef size_t begin(self, const uint8_t* word, size_t n, Scratch* scratch) except? 0 nogil
    cdef bint is_current(self, const Symbol* symbols, uint64_t entry, token_t* joined) noexcept nogil
    cdef void join(self, Scratch* scratch, uint32_t left, token_t joined, size_t* size) noexcept nogil


cdef void free_scratch(Scratch* scratch) noexcept nogil
