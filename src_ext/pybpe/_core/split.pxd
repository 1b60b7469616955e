# Pretokenization: one scanner that a Scheme of parameters turns into the GPT-2, cl100k or nanochat split.
from libc.stdint cimport uint8_t, uint64_t

from pybpe._core.splitter cimport Splitter

cdef extern from "block.h" nogil:
    ctypedef struct Block "pybpe_block":
        uint64_t letters
        uint64_t capitals
        uint64_t digits
        uint64_t spaces
        uint64_t newlines
        uint64_t blanks
        uint64_t apostrophes
        uint64_t wide
        uint64_t tails
        uint64_t uncased
        uint64_t pairs
    ctypedef void (*BlockForm "pybpe_block_form")(const uint8_t* text, Block* out) noexcept nogil


ctypedef struct Scheme:
    int contractions  # 0: none; 1: 's 't 'm 'd 'll 've 're; 2: the same in any case
    bint cased_letters  # a run of letters and marks is capitals, then small letters; a contraction may end it
    bint any_letter_prefix  # letters take one character before them, any but \r, \n, letters, digits; else a space
    int digit_group  # at most so many digits a word; 0: a run of digits, which may take a space before it
    bint newline_tail  # a run of punctuation keeps the \r and \n that follow it
    bint slash_tail  # and the / among them
    bint newline_runs  # white space up to its last \r or \n is a word
    bint whole_trailing_space  # white space at the end of the text is one word, newlines or not


# The last place in text[:n] where it can be cut so that splitting both parts gives the words of the whole; 0 if none.
cdef size_t last_cut(const uint8_t* text, size_t n) noexcept nogil


cdef class SchemeSplitter(Splitter):
    cdef Scheme scheme
    cdef BlockForm classify
