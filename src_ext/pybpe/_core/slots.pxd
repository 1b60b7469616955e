# All words of a corpus in one array of slots: each symbol in as many as it has bytes, its id in the first and the last of
# them, NONE between; NONE stands between two words. A pair is found by its junction, the first slot of its second symbol:
# the slots on both sides of it tell both symbols, and whoever stands beside them is read as easily.
cimport cython
from libc.stdint cimport uint8_t, uint32_t

from pybpe._core.types cimport NONE, count_t, token_t

cdef enum:
    ALIGNED = 4  # slots that share a weight
    HEAVY = 0x80000000  # weights from here on are places in `heavy`


@cython.final
cdef class Slots:
    cdef token_t* symbols
    cdef size_t count
    cdef uint32_t* weights  # how often the word of a slot occurs, by slot // ALIGNED; beyond HEAVY, where in `heavy`
    cdef count_t* heavy
    cdef uint32_t* spans  # slots of each token; room for those to come
    cdef readonly object windows  # of two symbols, in all occurrences of all words

    cdef size_t measure(
        self, const uint8_t* blob, const token_t* symbols, size_t n_symbols, const uint32_t[::1] sizes,
        const count_t[::1] counts, size_t n_tokens
    ) except 0
    cdef int lay_out(
        self, const uint8_t* blob, const token_t* symbols, const uint32_t[::1] sizes, const count_t[::1] counts
    ) except -1


cdef inline count_t count_of(Slots slots, uint32_t place) noexcept nogil:
    """How often the word at a place occurs."""
    cdef uint32_t weight = slots.weights[place // ALIGNED]
    return slots.heavy[weight - HEAVY] if weight >= HEAVY else weight


cdef inline bint next_window(Slots slots, size_t* slot, token_t* left, token_t* right) noexcept nogil:
    """Go on from `slot`, where a symbol or nothing is, to the next window's junction; False behind the last."""
    cdef size_t at = slot[0]
    while at < slots.count:
        left[0] = slots.symbols[at]
        at += 1 if left[0] == NONE else slots.spans[left[0]]
        right[0] = slots.symbols[at]
        if left[0] != NONE and right[0] != NONE:
            slot[0] = at
            return True
    return False
