# Merging a long word without merging: the longest token first, and a step back where two tokens cannot be neighbours.
#
# A sequence of tokens is what merging gives if and only if every two neighbours are, so a word can be read from left to
# right. At each place the longest token is tried, then shorter ones; if none can follow the last token, that token was
# wrong. A place from which the rest cannot be reached is remembered, so that no place is left twice and time grows with
# the length of the word. (The backtracking encoder of the `bpe` crate of github/rust-gems, whose names these are:
# `split_table`, by token the two that it was merged from, and `is_valid_token_pair`.)
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from pybpe._core.merge cimport MergeTable
from pybpe._core.parts cimport Parts
from pybpe._core.types cimport token_t
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    STEPS_A_SIGNAL = 1 << 22  # between two looks at Ctrl-C
    CHOICES = 1024


ctypedef struct Choice:  # the longest of some tokens that can follow another
    token_t left
    token_t longest
    token_t chosen


ctypedef struct Scratch:
    uint64_t* left  # a bit a place in the word: whether it was left because nothing could follow
    size_t size
    Choice choices[CHOICES]  # of late: in a long run of one character they are always the same


cdef void init_scratch(Scratch* scratch) noexcept nogil
cdef void free_scratch(Scratch* scratch) noexcept nogil


@cython.final
cdef class Backtracker:
    cdef Vocabulary vocabulary
    cdef MergeTable merges
    cdef Parts* split_table
    cdef uint8_t* reached  # whether merging comes to a token
    cdef token_t* shorter  # by token: the longest other token that it begins with; NONE for a byte
    cdef uint32_t* sizes
    # The tokens as a trie. The node of a token is its id, other nodes have the numbers from `count` on.
    cdef size_t count
    cdef size_t nodes
    cdef uint32_t* roots  # [first byte << 8 | second byte]
    cdef uint64_t* edges  # open addressing: node << 8 | byte, and in the low half the node it leads to
    cdef int shift
    cdef size_t mask
    cdef readonly bint usable  # every merge is of tokens that merged before it
    cdef bint built  # the trie

    # What `encode` needs, and takes time; the caller holds the GIL, so that no two threads do it at once.
    cdef int build_trie(self) except -1
    # Encode word[:n], n >= 1, into out (room for n ids); returns how many ids.
    cdef Py_ssize_t encode(self, const uint8_t* word, size_t n, token_t* out, Scratch* scratch) except -1 nogil
    cdef token_t longest(self, const uint8_t* text, size_t n) noexcept nogil
    cdef bint is_valid_token_pair(self, token_t left, token_t right) noexcept nogil
    cdef token_t choose(self, token_t left, token_t longest, Scratch* scratch) noexcept nogil
    cdef uint32_t step(self, uint32_t node, uint8_t byte) noexcept nogil
    cdef uint32_t add_step(self, uint32_t node, uint8_t byte, uint32_t wanted) noexcept nogil
    cdef int find_splits(self, Vocabulary vocabulary) except -1
    cdef int pack_edges(self) except -1
