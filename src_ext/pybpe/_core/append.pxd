# Ids of a text that grows at its end, in time that grows with what is added.
#
# A chain of threads reads the text. The first thread begins where the first word begins that is not settled; each reads
# all of the text from its start on, as the automaton of a pattern does, and knows the longest match so far. Where that
# ends before the text does, the next thread begins: its words count if the thread before it finds no longer match. So
# whatever the end of the text is, its words are those of the threads from the first to the one that reaches the end. A
# word whose automaton has stopped is settled: it is merged, and its ids are kept.
#
# Where a pattern splits the words of another, each thread of the other has a chain of its own for its word. That chain
# has read the text only as far as the word surely goes; for an end beyond, a copy of it reads on.
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from pybpe._core.automaton cimport AutomatonSplitter
from pybpe._core.emission cimport Emission
from pybpe._core.endings cimport Endings, Run
from pybpe._core.merge cimport MergeTable, Scratch
from pybpe._core.types cimport token_t
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    DIRECT = 128  # words up to so many bytes are merged whenever they are asked for
    STEP = 1 << 12  # bytes read before settled words are merged


ctypedef struct Tally:  # of ids in a row
    uint64_t count
    token_t first  # NONE without ids
    token_t last


# A long word, and what its beginnings merge to.
ctypedef struct Word:
    Run* run
    Tally* tallies  # of the ids of run.data[:i + 1]
    size_t tallies_room
    uint32_t* lengths  # bytes of the run behind so many bytes of text; NULL where no bytes are left out
    size_t lengths_room
    size_t fed  # bytes of text


ctypedef struct Thread:
    size_t start  # of the word
    size_t tried  # where the match begins that is looked for; text from start to there is in no match
    size_t last  # the end of the longest match so far; `tried` for none
    size_t read  # text is read up to here
    size_t spaces  # text from start up to here is white space
    uint32_t state  # STOP: the word ends at `last`
    bint borrowed  # the word belongs to another chain
    bint counted  # `before` is known
    Tally before  # of the words of this chain before this one
    Word* word  # NULL while nothing asked for one
    Chain* chain  # the words of the word, by the next pattern; NULL for the last pattern


ctypedef struct Chain:
    Thread* threads
    size_t count
    size_t room
    size_t head  # threads before it are gone
    size_t read  # text is read up to here


@cython.final
cdef class AppendRules:
    cdef Vocabulary vocabulary
    cdef MergeTable merges
    cdef AutomatonSplitter splitter
    cdef Emission emission  # None where the symbols of merging are the tokens
    cdef bint ignore_merges
    cdef bint mark_before, mark_behind, drops_space
    cdef bint drops_bytes
    cdef uint8_t dropped[256]  # whether a byte is left out
    cdef token_t unknown  # the id of which there is only one in a row; NONE for none
    cdef size_t longest
    cdef Endings endings  # None until there was a long word

    cdef Tally joined(self, Tally left, Tally right) noexcept nogil
    cdef Tally tally_of(self, const token_t* ids, size_t n) noexcept nogil
    cdef Tally symbol_tally(self, token_t symbol) noexcept nogil


@cython.final
cdef class GrowingIds:
    cdef AppendRules rules
    cdef uint8_t* text  # from the first word that is not settled on
    cdef size_t n
    cdef size_t text_room
    cdef Chain* root
    cdef token_t* made
    cdef size_t count
    cdef size_t made_room
    cdef size_t segment_start  # the number of the first id of the current segment
    cdef size_t at_head  # how many ids there were where the first thread begins
    cdef Scratch scratch
    cdef token_t* out  # room for the ids of a word
    cdef size_t out_room

    # Reading
    cdef int add_text(self, const uint8_t* content, size_t size) except -1
    cdef Thread* add_thread(self, Chain* chain, size_t start, uint32_t state, size_t level) except NULL
    cdef int advance(self, Chain* chain, size_t level, size_t to) except -1
    cdef size_t read_thread(self, Chain* chain, size_t number, size_t level, size_t to) except? 0
    cdef int catch_up(self) except -1

    # Words
    cdef int feed_word(self, Word* word, size_t start, size_t end) except -1
    cdef size_t merge_direct(self, size_t start, size_t end) except? 0
    cdef token_t whole_word(self, size_t start, size_t end) noexcept nogil
    cdef bint is_dropped(self, Thread* thread, size_t start, size_t end) noexcept nogil
    cdef size_t merge_long(self, Word* word, size_t start, size_t end, Tally* tally) except? 0
    cdef Tally word_tally(self, Thread* thread, size_t level, size_t start, size_t end) except *
    cdef int write_word(self, Thread* thread, size_t level, size_t start, size_t end) except -1
    cdef int put_ids(self, const token_t* ids, size_t n) except -1

    # The words of a chain whose text ends where it was read to
    cdef int visit(self, Chain* chain, size_t level, bint write, Tally* tally) except -1
    cdef Tally before(self, Chain* chain, size_t number, size_t level) except *
    cdef int visit_rest(self, Thread* thread, size_t level, size_t end, bint write, Tally* tally) except -1
    cdef int settle(self, Chain* chain, size_t level, bint first) except -1
    cdef int forget(self) except -1

    cdef Chain* copied(self, Chain* chain, bint share) except NULL
    cdef int try_tail(self, list tail, bint write, size_t* total) except -1
    cdef int end_segment(self) except -1
