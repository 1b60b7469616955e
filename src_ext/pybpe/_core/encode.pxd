# Text to ids: split, look the word up in the cache, merge it on a miss.
from libc.stdint cimport uint8_t

from pybpe._core.cache cimport WordCache, WordKey
from pybpe._core.ids cimport IdBuffer
from pybpe._core.merge cimport MergeTable, Scratch
from pybpe._core.splitter cimport Splitter
from pybpe._core.vocab cimport Vocabulary

cdef enum:
    BLOCK = 256  # words split at a time, before they are looked up
    KEPT_SYMBOLS = 1 << 16  # of working memory for long words, between two calls
    BLOCKS_A_SIGNAL = 1 << 13  # about 10 MB of text between two looks at Ctrl-C


# What one running call needs for itself. A call takes a Worker from the encoder's pool and puts it back.
cdef class Worker:
    cdef WordCache cache
    cdef Scratch scratch
    cdef size_t ends[BLOCK]
    cdef WordKey keys[BLOCK]
    cdef size_t slots[BLOCK]


cdef class Encoder:
    cdef Vocabulary vocabulary
    cdef MergeTable merges
    cdef Splitter splitter
    cdef bint whole_words
    cdef list pool

    cdef Worker worker(self)
    cdef int put_back(self, Worker worker) except -1
    cdef int encode_words(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil
    cdef int encode_bytes(self, Worker worker, const uint8_t* text, size_t n, IdBuffer out) except -1 nogil
