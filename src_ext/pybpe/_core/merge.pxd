# Merging: which pairs of ids join, into what, in what order; and the two loops that apply it to one word.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from pybpe._core.types cimport NONE, pair_t, pack_pair, token_t

cdef enum:
    SHORT_WORD = 32  # up to so many bytes a word is merged on the stack by linear search


ctypedef struct Merge:
    pair_t pair  # the key
    uint32_t rank  # lower merges first; NONE in a free slot
    token_t token  # what the two become


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


cdef class MergeTable:
    cdef Merge* slots
    cdef size_t mask
    cdef int shift
    cdef size_t count
    cdef Merge* byte_pairs  # [first byte << 8 | second byte]: the merge of their two ids
    cdef token_t byte_ids[256]

    cdef inline const Merge* find(self, token_t left, token_t right) noexcept nogil:
        """The merge of two ids; a slot with NONE if they do not merge."""
        cdef pair_t pair = pack_pair(left, right)
        cdef size_t slot = (pair * <pair_t>0x9E3779B97F4A7C15ULL) >> self.shift
        while self.slots[slot].pair != pair and self.slots[slot].rank != NONE:
            slot = (slot + 1) & self.mask
        return &self.slots[slot]

    # Merge word[:n], n >= 1, into out (room for n ids); returns how many ids, or -1 when memory ran out.
    cdef Py_ssize_t merge_word(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) noexcept nogil
    cdef size_t merge_short(self, const uint8_t* word, size_t n, token_t* out) noexcept nogil
    cdef Py_ssize_t merge_long(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) noexcept nogil


cdef void free_scratch(Scratch* scratch) noexcept nogil
