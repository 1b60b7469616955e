# cython: boundscheck=False, wraparound=False
# Words with a mark before or behind them, and without those of white space. The encoder gives the room.
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from pybpe._core.unicode cimport SPACE, CharTable, char_at, char_table

cdef enum:
    MARK_BYTE = 0xFF  # which is in no UTF-8

MARK = bytes([MARK_BYTE])


cdef inline bint is_space(const CharTable* table, const uint8_t* word, size_t n) noexcept nogil:
    cdef size_t pos = 0
    while pos < n:
        if not char_at(table, word, n, pos, &pos) & SPACE:
            return False
    return True


cdef class Marks:
    cdef size_t write(
        self, const uint8_t* text, size_t start, const size_t* ends, size_t count, uint8_t* out, size_t* made
    ) noexcept nogil:
        cdef const CharTable* table = char_table()
        cdef size_t i, size, kept = 0, place = 0
        for i in range(count):
            size = ends[i] - start
            if not (self.drops_space and is_space(table, text + start, size)):
                out[place] = MARK_BYTE
                place += self.before
                memcpy(out + place, text + start, size)
                place += size
                out[place] = MARK_BYTE
                place += self.behind
                made[kept] = place
                kept += 1
            start = ends[i]
        return kept

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, bint before, bint behind, bint drops_space):
        self.before = before
        self.behind = behind
        self.drops_space = drops_space
