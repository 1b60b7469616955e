# Merging a word of few long runs of one byte: rows of dashes, a page of spaces. Equal symbols side by side are counted
# instead of listed, so that a merge takes one step for all of a run, and the whole takes a few hundred for any length.
from libc.stdint cimport uint8_t

from pybpe._core.merge cimport MergeTable
from pybpe._core.types cimport token_t

cdef enum:
    MOST_RUNS = 64
    RUN_LENGTH = 32  # bytes a run has on average, at least, for counting to be worth it


# Merge word[:n] into out (room for n ids) by merges none of which comes before those of its parts; how many ids, or 0
# if it is not such a word.
cdef size_t merge_runs(MergeTable table, const uint8_t* word, size_t n, token_t* out) noexcept nogil
