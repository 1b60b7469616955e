# Splitting by automata: any pattern that pybpe/splitting can compile, or several in a row.
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from pybpe._core.splitter cimport Splitter
from pybpe._core.unicode cimport BLOCK_BITS, BLOCK_SIZE, wide_point

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


cdef enum Ending:
    OPEN = 0  # the word goes on at least to here, and is no match so far
    RUNNING = 3  # it goes on at least to here in a match
    UNMATCHED = 1  # it ends here, and no match begins in it
    MATCHED = 2


cdef inline uint8_t class_of(const Alphabet* alphabet, uint32_t point) noexcept nogil:
    return alphabet.classes[
        (<uint32_t>alphabet.blocks[point >> BLOCK_BITS] << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))
    ]


cdef inline uint32_t following(
    const Automaton* automaton, const Alphabet* alphabet, uint32_t state, const uint8_t* text, size_t n, size_t pos,
    size_t* end
) noexcept nogil:
    """The state that the character at `pos` leads to; `end` receives where that character stops."""
    if text[pos] < 0x80:
        end[0] = pos + 1
        return automaton.narrow[state | text[pos]]
    return automaton.wide[(state >> 7) * automaton.classes + class_of(alphabet, wide_point(text, n, pos, end))]


# Where the word that begins at `start` < n ends: a match, or all that is before the next one. With `more` text behind n
# it may be OPEN or RUNNING: then the end is a place that the word surely goes to, perhaps `start`.
cdef size_t word_end(
    const Automaton* automaton, const Alphabet* alphabet, const uint8_t* text, size_t n, size_t start, bint more,
    Ending* ending
) noexcept nogil


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
