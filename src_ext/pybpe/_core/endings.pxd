# Merging a word that grows at its end: for each of its beginnings, the last token that merging it gives.
#
# Merging always takes the pair of lowest rank, the leftmost of equals. In a part of the word between two places that no
# token spans in the end, it makes the same merges in the same order as if the part stood alone. So tokens side by side
# are what merging gives if and only if every two neighbours are, whatever the order of the merges. Then the last token
# of a beginning is the one token that it ends with and that can stand behind the last token of what is before it, and
# one more byte costs a look at the tokens that the word ends with. (The appendable encoder of the `bpe` crate of
# github/rust-gems, for merges in any order.)
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from pybpe._core.backtrack cimport Backtracker
from pybpe._core.merge cimport MergeTable, Scratch
from pybpe._core.types cimport token_t
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    MEMO = 1 << 14  # pairs of tokens, remembered where the test of two neighbours is merging them


ctypedef struct Edge:  # of the trie of tokens read from their ends
    uint64_t key  # (node << 8 | byte) + 1; 0 in a free slot
    uint32_t node  # where it leads to
    token_t token  # the token that begins there; NONE for none


ctypedef struct Known:
    uint64_t pair
    uint8_t state  # 0: nothing is known


# A word and what its beginnings merge to.
ctypedef struct Run:
    uint8_t* data  # the bytes that are merged
    size_t size
    size_t data_room
    token_t* tokens  # of data[:i + 1] the last token
    size_t tokens_room


cdef void free_run(Run* run) noexcept nogil
cdef Run* copy_run(const Run* run) except NULL


@cython.final
cdef class Endings:
    cdef Vocabulary vocabulary
    cdef MergeTable merges
    cdef Backtracker backtracker
    cdef Edge* edges
    cdef size_t mask
    cdef size_t n_nodes
    cdef token_t* shorter  # by token: the longest other token that it ends with; NONE for none
    cdef Known* memo
    cdef Scratch scratch
    cdef uint8_t* pair  # room for the bytes of two tokens, and for what they merge to
    cdef token_t* merged
    cdef size_t longest_token

    cdef Edge* edge(self, uint64_t key) noexcept nogil
    cdef int insert(self, token_t token) except -1
    cdef int enlarge(self) except -1
    cdef token_t longest(self, const uint8_t* data, size_t n) noexcept nogil
    # 1 if two tokens can be neighbours in what merging gives, 0 if not.
    cdef int is_valid_token_pair(self, token_t left, token_t right) except -1
    cdef int merge_pair(self, token_t left, token_t right) except -1
    # Add one byte to a word.
    cdef int push(self, Run* run, uint8_t byte) except -1
