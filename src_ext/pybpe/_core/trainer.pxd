# Learning merges from words and how often they occur.
cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from pybpe._core.ids cimport IdBuffer
from pybpe._core.pairs cimport Pairs
from pybpe._core.queue cimport Candidate, Queue
from pybpe._core.slots cimport Slots
from pybpe._core.spellings cimport Spellings
from pybpe._core.types cimport count_t, pair_t, token_t


cdef enum:  # which pair goes first of those that occur equally often
    BY_IDS = 0  # the one with the smallest ids, left before right
    BY_PLACE = 1  # the one that occurs first
    BY_SPELLING = 2  # the one of fewest characters, and of these the first by its bytes

cdef enum:  # of pairs in the order of their spelling
    MOST_CHARS = 16
    KEY_BYTES = 7  # of which stand in the key of a candidate
    NEVER = 0xFFFF  # the script of a token that is not merged


cdef enum:  # what becomes of a merge that makes the bytes of a token there already is
    SEPARATE = 0  # another token
    SHARED = 1  # that token
    SHARED_AS_HUGGINGFACE = 2  # that token; a pair that comes again counts its merged occurrences too, and waits twice


ctypedef struct Side:  # a symbol beside the pair that is being merged
    count_t count  # how often it stands there
    uint32_t n  # in how many places
    uint32_t index  # of the pair it makes with the new token


ctypedef struct Near:  # one such place
    token_t token
    uint32_t place


ctypedef struct Beside:  # all symbols on one side
    Side* sides  # by id
    Near* near
    size_t n_near
    size_t near_capacity
    token_t* met  # the different ones, as they came
    size_t n_met
    size_t met_capacity


@cython.final
cdef class Trainer:
    cdef Slots slots
    cdef Pairs pairs
    cdef Pairs tally  # all pairs with their counts, while they are counted
    cdef Queue queue
    cdef Candidate* ties  # candidates whose keys do not tell them apart
    cdef size_t ties_capacity
    cdef uint16_t* chars  # of each token, in the order of spelling
    cdef uint16_t* scripts  # the script of each token, 0 for any; only tokens of one script become one
    cdef Beside lefts
    cdef Beside rights
    cdef int order
    cdef int twins
    cdef count_t least  # a pair that occurs fewer times is never merged
    cdef count_t floor  # a pair that occurs fewer times is not kept
    cdef size_t most_bytes  # of a token that a merge makes
    cdef bint counted
    cdef token_t next_token
    cdef token_t last_token
    cdef readonly Spellings tokens
    cdef readonly IdBuffer merges
    cdef readonly count_t last_count

    cdef inline bint fits(self, token_t left, token_t right, bint initial) noexcept nogil:
        """Whether two tokens may become one. Hugging Face lets any two of the first symbols."""
        if self.order == BY_SPELLING:
            if self.chars[left] + self.chars[right] > MOST_CHARS or self.scripts[left] == NEVER or self.scripts[right] == NEVER:
                return False
            return self.scripts[left] == self.scripts[right] or not (self.scripts[left] and self.scripts[right])
        if initial and self.twins == SHARED_AS_HUGGINGFACE:
            return True
        return self.tokens.size_of(left) + self.tokens.size_of(right) <= self.most_bytes

    cdef int count_pairs(self) noexcept nogil
    cdef uint32_t first_place(self, uint32_t index) noexcept nogil
    cdef int enqueue(self, uint32_t index) noexcept nogil
    cdef int first_spelled(self, Candidate* top) noexcept nogil
    cdef int best(self, uint32_t* index) noexcept nogil
    cdef int replace(self, uint32_t index, token_t joined) noexcept nogil
    cdef uint32_t kept(self, pair_t pair, count_t count, uint32_t n_places) noexcept nogil
    cdef int settle(self, Beside* beside, bint left, pair_t pair, token_t joined) noexcept nogil
    cdef int absorb(self, uint32_t index, uint32_t other) noexcept nogil
    cdef int unite(self, size_t first, pair_t doubled) noexcept nogil
    cdef int merge_best(self) noexcept nogil
