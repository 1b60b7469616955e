# What tokens were merged from, and whether two of them can stand side by side.
from libc.stdint cimport uint32_t

from pybpe._core.merge cimport MergeTable
from pybpe._core.types cimport NONE, token_t


ctypedef struct Parts:
    token_t left  # NONE for a byte, and for what merging never comes to
    token_t right
    uint32_t rank  # of the merge; higher than those of the two parts


cdef inline bint is_met(MergeTable table, const Parts* split_table, token_t left, token_t right) noexcept nogil:
    """Whether the bytes of two tokens, each of which merging comes to, at some time stand merged to these two.

    The merges of each side happen in the order of their ranks, and can be taken back in that order, the later of the
    two that touch the border first (of equals the right one: the left one merged before it). Before such a merge, two
    others touched the border, and must not have merged earlier. (The test of the `bpe` crate of github/rust-gems.)
    """
    cdef token_t unused = 0
    cdef uint32_t undone, across
    while True:
        if split_table[left].left != NONE and (split_table[right].left == NONE or split_table[left].rank > split_table[right].rank):
            undone = split_table[left].rank
            left = split_table[left].right
            across = table.find(left, right, &unused)
            if across < undone:
                return False
        elif split_table[right].left != NONE:
            undone = split_table[right].rank
            right = split_table[right].left
            across = table.find(left, right, &unused)
            if across != NONE and across <= undone:
                return False
        else:
            return True
