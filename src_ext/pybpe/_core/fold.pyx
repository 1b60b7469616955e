# cython: boundscheck=False, wraparound=False
# Steps of normalizers over UTF-8: lower case and white space in one pass, and replacing one string by another. Bytes that
# are no UTF-8 stay as they are.
cimport cython
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from pybpe._core.unicode cimport SPACE, char_table, flags_of, is_tail, wide_point
from pybpe._core.utf8 cimport utf8_of

cdef extern from "Python.h":
    PyObject* PyBytes_FromStringAndSize(const char* content, Py_ssize_t size) except NULL
    char* PyBytes_AS_STRING(PyObject* content) noexcept nogil
    int _PyBytes_Resize(PyObject** content, Py_ssize_t size) except -1
    void Py_DECREF(PyObject* content)
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    BLOCK_BITS = 7
    BLOCK_SIZE = 128
    N_BLOCKS = 0x1F000 >> 7  # no character beyond has a lower case
    MAX_ROWS = 64
    IS_SPACE = 0x7FFFFFFF  # in the table of differences
    MAX_BY = 4  # bytes that white space becomes
    KEEP_GIL = 1 << 13
    ROOM = 16  # bytes that one step may write

cdef uint64_t ONES = 0x0101010101010101
cdef uint64_t HIGH = 0x8080808080808080


cdef inline uint64_t below_33(uint64_t eight) noexcept nogil:
    """Eight bytes of ASCII: bit 7 of each byte that is a space or a control."""
    return ~((eight | HIGH) - 0x21 * ONES) & HIGH


cdef inline uint64_t spaces_of(uint64_t eight) noexcept nogil:
    """Eight bytes of ASCII: bit 7 of each that is U+0020."""
    return ~((eight ^ (0x20 * ONES)) + 0x7F * ONES) & HIGH


cdef inline uint64_t lowered(uint64_t eight) noexcept nogil:
    """Eight bytes of ASCII in lower case."""
    return eight | (((eight + 0x3F * ONES) & ~(eight + 0x25 * ONES) & HIGH) >> 2)


cdef inline size_t put(uint32_t point, uint8_t* out) noexcept nogil:
    """Write a character as UTF-8; how many bytes."""
    if point < 0x80:
        out[0] = <uint8_t>point
        return 1
    if point < 0x800:
        out[0] = <uint8_t>(0xC0 | (point >> 6))
        out[1] = <uint8_t>(0x80 | (point & 0x3F))
        return 2
    if point < 0x10000:
        out[0] = <uint8_t>(0xE0 | (point >> 12))
        out[1] = <uint8_t>(0x80 | ((point >> 6) & 0x3F))
        out[2] = <uint8_t>(0x80 | (point & 0x3F))
        return 3
    out[0] = <uint8_t>(0xF0 | (point >> 18))
    out[1] = <uint8_t>(0x80 | ((point >> 12) & 0x3F))
    out[2] = <uint8_t>(0x80 | ((point >> 6) & 0x3F))
    out[3] = <uint8_t>(0x80 | (point & 0x3F))
    return 4


cdef const uint8_t* next_of(
    const uint8_t* place, const uint8_t* end, const uint8_t* wanted, size_t size
) noexcept nogil:
    """The next place of a string that is not empty; `end` if there is none."""
    while <size_t>(end - place) >= size:
        place = <const uint8_t*>memchr(place, wanted[0], <size_t>(end - place) - size + 1)
        if place == NULL:
            return end
        if memcmp(place, wanted, size) == 0:
            return place
        place += 1
    return end


cdef size_t count_of(const uint8_t* text, size_t n, const uint8_t* wanted, size_t size) noexcept nogil:
    """How many times a string is in a text, none of them overlapping."""
    cdef const uint8_t* end = text + n
    cdef size_t count = 0
    text = next_of(text, end, wanted, size)
    while text < end:
        count += 1
        text = next_of(text + size, end, wanted, size)
    return count


cdef void write_replaced(
    const uint8_t* text, size_t n, const uint8_t* old, size_t old_size, const uint8_t* new, size_t new_size, uint8_t* out
) noexcept nogil:
    cdef const uint8_t* end = text + n
    cdef const uint8_t* found
    while text < end:
        found = next_of(text, end, old, old_size)
        memcpy(out, text, <size_t>(found - text))
        out += found - text
        if found == end:
            break
        memcpy(out, new, new_size)
        out += new_size
        text = found + old_size


@cython.final
cdef class Folding:
    cdef uint8_t row_of[N_BLOCKS]
    cdef int32_t difference[MAX_ROWS * BLOCK_SIZE]  # of the other case, or IS_SPACE
    cdef uint8_t same[256]  # bytes of the characters that begin with a byte, if all of them stay as they are
    cdef uint8_t by[MAX_BY]
    cdef size_t by_size
    cdef bint lowers, spaces, by_space  # by_space: white space becomes U+0020

    cdef inline int32_t difference_of(self, uint32_t point) noexcept nogil:
        if point >= N_BLOCKS << BLOCK_BITS:
            return 0
        return self.difference[(<uint32_t>self.row_of[point >> BLOCK_BITS] << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))]

    cdef size_t fold(self, const uint8_t* text, size_t n, size_t* pos, uint8_t* out, size_t room) noexcept nogil:
        """Write what becomes of the text from `pos` on, until it ends or the room does; how many bytes.

        `pos` receives where the text goes on, which is not within white space.
        """
        cdef size_t place = pos[0], end = 0, made = 0
        cdef uint64_t eight, low
        cdef uint32_t point
        cdef int32_t difference
        cdef uint8_t size
        while place < n and room - made >= ROOM:
            if text[place] < 0x80 and n - place >= 8:
                memcpy(&eight, text + place, 8)
                if not eight & HIGH:
                    low = below_33(eight) if self.spaces else 0
                    if low == 0 or (self.by_space and low == spaces_of(eight) and not low & (low << 8)):
                        if self.lowers:
                            eight = lowered(eight)
                        memcpy(out + made, &eight, 8)
                        # Single spaces stay. The last of the eight may not be single.
                        size = 7 if low and text[place + 7] == 0x20 else 8
                        made += size
                        place += size
                        continue
            size = self.same[text[place]]
            if size and size <= n - place and is_tail(text[place + 1]) and (size == 2 or is_tail(text[place + 2])):
                out[made] = text[place]
                out[made + 1] = text[place + 1]
                if size == 3:
                    out[made + 2] = text[place + 2]
                made += size
                place += size
                continue
            if text[place] < 0x80:
                point = text[place]
                end = place + 1
            else:
                point = wide_point(text, n, place, &end)
            difference = self.difference_of(point)
            if difference == IS_SPACE:
                memcpy(out + made, self.by, self.by_size)
                made += self.by_size
                place = self.end_of_spaces(text, n, end)
                continue
            if point == 0x130 and self.lowers:  # the one character whose lower case has two
                memcpy(out + made, b"i\xcc\x87", 3)
                made += 3
            elif difference:
                made += put(<uint32_t>(<int32_t>point + difference), out + made)
            else:
                memcpy(out + made, text + place, end - place)
                made += end - place
            place = end
        pos[0] = place
        return made

    cdef size_t end_of_spaces(self, const uint8_t* text, size_t n, size_t place) noexcept nogil:
        cdef size_t end = 0
        cdef uint32_t point
        while place < n:
            while n - place >= 8 and memcmp(text + place, b"        ", 8) == 0:
                place += 8
            if place == n:
                break
            if text[place] < 0x80:
                point = text[place]
                end = place + 1
            else:
                point = wide_point(text, n, place, &end)
            if self.difference_of(point) != IS_SPACE:
                break
            place = end
        return place

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, str upper not None, str lower not None, bytes by=None):
        cdef Py_ssize_t i
        if len(upper) != len(lower):
            raise ValueError(f"{len(upper)} characters and {len(lower)} lower cases of them")
        if by is not None and len(by) > MAX_BY:
            raise ValueError(f"white space would become {len(by)} bytes, at most {MAX_BY} are possible")
        memset(self.row_of, 0, sizeof(self.row_of))
        memset(self.difference, 0, sizeof(self.difference))
        self.lowers = len(upper) > 0
        self.spaces = by is not None
        changes = {ord(upper[i]): ord(lower[i]) - ord(upper[i]) for i in range(len(upper)) if upper[i] != lower[i]}
        if self.spaces:
            self.by_size = <size_t>len(by)
            memcpy(self.by, <const char*>by, self.by_size)
            self.by_space = by == b" "
            changes.update({i: IS_SPACE for i in range(0x3001) if flags_of(char_table(), <uint32_t>i) & SPACE})
        self.fill(changes)

    cdef int fill(self, dict changes) except -1:
        """Fill the tables; changes: {code point: difference, or IS_SPACE}."""
        cdef uint32_t block, row, rows = 1, point, first, start, end  # row 0 is of blocks without a change
        for point in sorted(changes):
            block = point >> BLOCK_BITS
            if block >= N_BLOCKS:
                raise ValueError(f"no character from {N_BLOCKS << BLOCK_BITS:#x} on can have a lower case")
            row = self.row_of[block]
            if row == 0:
                if rows == MAX_ROWS:
                    raise ValueError("there are too many characters with a lower case")
                row = rows
                self.row_of[block] = <uint8_t>row
                rows += 1
            self.difference[(row << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))] = changes[point]
        changed = {(point >> 6 | 0xC0) if point < 0x800 else (point >> 12 | 0xE0) for point in changes if point < 0x10000}
        if self.lowers:
            changed.add(0x130 >> 6 | 0xC0)
        memset(self.same, 0, sizeof(self.same))
        for first in range(0xC2, 0xF0):
            # Not all of E0 and ED is UTF-8.
            if first not in changed and first != 0xE0 and first != 0xED:
                self.same[first] = 2 if first < 0xE0 else 3
        return 0

    def apply(self, text):
        cdef Py_ssize_t size
        cdef const uint8_t* data = utf8_of(text, &size)
        cdef size_t n = <size_t>size, pos = 0, made = 0, room = n + n // 16 + ROOM
        cdef PyObject* content = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>room)
        cdef uint8_t* out
        while True:
            out = <uint8_t*>PyBytes_AS_STRING(content)
            if n < KEEP_GIL:
                made += self.fold(data, n, &pos, out + made, room - made)
            else:
                with nogil:
                    made += self.fold(data, n, &pos, out + made, room - made)
            if pos == n:
                break
            room += (n - pos) * 2 + ROOM
            _PyBytes_Resize(&content, <Py_ssize_t>room)
        if made == n and memcmp(out, data, n) == 0:
            Py_DECREF(content)
            return text
        _PyBytes_Resize(&content, <Py_ssize_t>made)
        try:
            return <object>content
        finally:
            Py_DECREF(content)


def replace(text, bytes old not None, bytes new not None, bytes before not None=b""):
    cdef Py_ssize_t size
    cdef const uint8_t* data = utf8_of(text, &size)
    cdef const uint8_t* wanted = old
    cdef const uint8_t* by = new
    cdef size_t n = <size_t>size, old_size = <size_t>len(old), new_size = <size_t>len(new), count
    cdef size_t before_size = <size_t>len(before), made
    cdef PyObject* content
    cdef uint8_t* out
    if old_size == 0:
        raise ValueError("the string to replace is empty")
    if n < KEEP_GIL:
        count = count_of(data, n, wanted, old_size)
    else:
        with nogil:
            count = count_of(data, n, wanted, old_size)
    made = n - count * old_size  # then the strings put in: a size that must not overflow
    if new_size and count > (<size_t>PY_SSIZE_T_MAX - made - before_size) // new_size:
        raise MemoryError
    made += count * new_size
    if made == 0 or (count == 0 and before_size == 0):
        return text if n == made else b""
    content = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(before_size + made))
    out = <uint8_t*>PyBytes_AS_STRING(content)
    memcpy(out, <const char*>before, before_size)
    out += before_size
    if count == 0:
        memcpy(out, data, n)
    elif n < KEEP_GIL:
        write_replaced(data, n, wanted, old_size, by, new_size, out)
    else:
        with nogil:
            write_replaced(data, n, wanted, old_size, by, new_size, out)
    try:
        return <object>content
    finally:
        Py_DECREF(content)
