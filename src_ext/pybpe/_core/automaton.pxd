# Splitting by automata: any pattern that pybpe/splitting can compile, or several in a row.
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from pybpe._core.splitter cimport Splitter

cdef enum:
    STOP = 0  # the state from which nothing goes on
    START = 1 << 7  # the state in which a word begins. States are stored times 128
    MATCHED_HERE = 1  # flags of a state: what was read so far matches
    MATCHED_BEFORE = 2  # it matches but for its last character
    MATCHED_AT_END = 4  # it matches if the text ends here


# One pattern. A state from `fresh` on says that a word ended before the character that led to it, which is the first of
# the next word.
ctypedef struct Automaton:
    uint32_t* narrow  # [states, 128]: the state that an ASCII character leads to
    uint32_t* wide  # [states, classes]: the state that any character of a class leads to
    uint8_t* flags  # [states]
    uint32_t fresh
    size_t classes
    bint resumable  # splitting can go on from any place in a match


ctypedef struct Alphabet:
    uint16_t* blocks  # block of 128 code points -> row of `classes`
    uint8_t* classes  # [rows, 128]


cdef class AutomatonSplitter(Splitter):
    cdef Alphabet alphabet
    cdef Automaton* stages
    cdef size_t n_stages
    cdef uint8_t* cuts  # [classes, classes]
    cdef size_t n_classes

    cdef size_t split_stages(
        self, size_t level, const uint8_t* text, size_t n, size_t start, bint more, size_t* ends, size_t capacity
    ) noexcept nogil
    cdef size_t last_cut(self, const uint8_t* text, size_t n) noexcept nogil
    cdef size_t class_at(self, const uint8_t* text, size_t n, size_t pos, size_t* end) noexcept nogil
