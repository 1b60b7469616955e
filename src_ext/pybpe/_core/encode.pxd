# Text to ids: split, look the word up in the cache, merge it on a miss.
cimport cython
from libc.stdint cimport int64_t, uint8_t, uint64_t

from pybpe._core.backtrack cimport Backtracker, Scratch as StepScratch
from pybpe._core.cache cimport Item, WordCache
from pybpe._core.cuts cimport Cuts
from pybpe._core.emission cimport Emission
from pybpe._core.ids cimport IdBuffer
from pybpe._core.marks cimport Marks
from pybpe._core.merge cimport MergeTable, Scratch
from pybpe._core.names cimport Plan
from pybpe._core.splitter cimport Splitter
from pybpe._core.types cimport token_t
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    BLOCK = 192  # words split at a time, before they are looked up
    ITEMS = 512  # words, or pieces of them, looked up at a time
    PATIENCE = 1 << 18  # bytes of long words before the tables for them are built
    KEPT_SYMBOLS = 1 << 16  # of working memory for long words, between two calls
    NAMES_AHEAD = 4096  # bytes searched for names before their words are looked for: in L1 both times
    BLOCKS_A_SIGNAL = 1 << 14  # about 10 MB of text between two looks at Ctrl-C


# The text up to the next name that is to be taken.
ctypedef struct Segment:
    size_t end  # where that name begins, or the text ends
    size_t clear  # no such name begins before this place; at least `end` once that is certain
    size_t ahead  # how far beyond the next word the text is to be searched at least
    Py_ssize_t name  # the one at `end`, -1 for none


# What one running call needs for itself. A call takes a Worker from the encoder's pool and puts it back.
@cython.final
cdef class Worker:
    cdef WordCache cache
    cdef size_t cache_bytes
    cdef Scratch scratch
    cdef StepScratch steps
    cdef size_t ends[BLOCK]
    cdef Item items[ITEMS]
    cdef uint8_t pieces[ITEMS]  # which items are parts of words, for which being a token says nothing
    cdef bint cut  # any of them
    cdef uint8_t* marked  # words as they are merged, where that is not as they stand in the text
    cdef size_t marked_room
    cdef size_t marked_ends[BLOCK]
    cdef IdBuffer ids  # of short texts, used again
    cdef IdBuffer counted  # ids that are only counted


@cython.final
cdef class Encoder:
    cdef Vocabulary vocabulary
    cdef MergeTable merges
    cdef Splitter splitter
    cdef bint ignore_merges
    cdef Emission emission  # None where the symbols of merging are the tokens
    cdef Marks marks  # None where words are merged as they stand in the text
    cdef readonly size_t cache_bytes  # the most that the cache of one running call takes
    cdef Cuts cuts  # None until there was a word of characters of three bytes or more
    cdef Backtracker backtracker  # None until there were long words enough to build it for
    cdef size_t long_bytes  # of long words that were merged; a hint that threads share without a lock
    cdef uint64_t* token_bits  # a bit for the key of each token
    cdef int token_shift
    cdef list pool

    cdef Py_ssize_t merge(self, Worker worker, const uint8_t* word, size_t n, token_t* ids) except -1 nogil
    cdef size_t token_bit(self, const Item* item) noexcept nogil
    cdef int mark_tokens(self) except -1
    cdef Py_ssize_t encode_miss(self, Worker worker, Item* item, bint piece, token_t* ids) except -1 nogil
    cdef token_t* encode_items(self, Worker worker, Item* item, Item* end, token_t* ids) except NULL nogil
    cdef Item* begin_long(
        self, Worker worker, Item* item, const uint8_t* text, size_t n, size_t start, size_t end, token_t** ids
    ) except NULL nogil
    cdef Py_ssize_t encode_huge(
        self, Worker worker, const uint8_t* word, size_t size, bint piece, token_t* ids
    ) except -1 nogil

    cdef Worker worker(self)
    cdef int put_back(self, Worker worker) except -1
    # `encode_bytes` of str or bytes; 1 also for a str with a lone surrogate. Lets go of the GIL if the text is long.
    cdef int encode_text(self, Worker worker, text, Plan plan, IdBuffer out) except -1
    # The ids of each of `texts` to the end of `out`; text i has those from offsets[i] to offsets[i + 1]. -1, or the number
    # of the first text with a refused name, at which it stops. UnicodeEncodeError, before that, for a lone surrogate.
    cdef Py_ssize_t encode_texts(self, list texts, Plan plan, IdBuffer out, int64_t[::1] offsets) except -2
    cdef int encode_words(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil
    cdef int encode_marked(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil
    cdef bint is_settled(self, const uint8_t* text, Segment* segment, size_t start, size_t end) noexcept nogil
    # Append the ids of text[:n], names in it taken as `plan` says; 1, and not all of them, if it has a refused name.
    cdef int encode_bytes(
        self, Worker worker, const uint8_t* text, size_t n, Plan plan, IdBuffer out
    ) except -1 nogil
