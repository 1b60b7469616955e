# Text to ids: split, look the word up in the cache, merge it on a miss.
cimport cython
from libc.stdint cimport uint8_t, uint64_t

from pybpe._core.backtrack cimport Backtracker, Scratch as StepScratch
from pybpe._core.cache cimport Item, WordCache
from pybpe._core.cuts cimport Cuts
from pybpe._core.emission cimport Emission
from pybpe._core.ids cimport IdBuffer
from pybpe._core.marks cimport Marks
from pybpe._core.merge cimport MergeTable, Scratch
from pybpe._core.splitter cimport Splitter
from pybpe._core.types cimport token_t
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    BLOCK = 192  # words split at a time, before they are looked up
    ITEMS = 512  # words, or pieces of them, looked up at a time
    PATIENCE = 1 << 18  # bytes of long words before the tables for them are built
    KEPT_SYMBOLS = 1 << 16  # of working memory for long words, between two calls
    BLOCKS_A_SIGNAL = 1 << 14  # about 10 MB of text between two looks at Ctrl-C


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


@cython.final
cdef class Encoder:
    cdef Vocabulary vocabulary
    cdef MergeTable merges
    cdef Splitter splitter
    cdef bint whole_words
    cdef Emission emission  # None where the symbols of merging are the tokens
    cdef Marks marks  # None where words are merged as they stand in the text
    cdef readonly size_t cache_bytes  # the most that the cache of one running call takes
    cdef Cuts cuts
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
    cdef int encode_words(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil
    cdef int encode_marked(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil
    cdef int encode_bytes(self, Worker worker, const uint8_t* text, size_t n, IdBuffer out) except -1 nogil
