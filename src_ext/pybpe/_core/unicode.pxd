# Character classes of Unicode 16.0, read straight from UTF-8. Bytes that are not valid UTF-8 are characters of their
# own, one byte long, in no class: what `bytes.decode("utf-8", "surrogateescape")` makes of them.
from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    LETTER = 1  # \p{L}
    NUMBER = 2  # \p{N}
    SPACE = 4  # \s, the White_Space property
    MARK = 8  # \p{M}
    UPPER = 16  # \p{Lu}, \p{Lt}
    LOWER = 32  # \p{Ll}
    PUNCTUATION = 64  # \p{P}
    SYMBOL = 128  # \p{S}

cdef enum:
    BLOCK_BITS = 7
    BLOCK_SIZE = 128
    N_BLOCKS = 0x110000 >> 7
    MAX_KINDS = 640  # distinct blocks; the tables of Unicode 16.0 need fewer, which the constructor checks


ctypedef struct CharTable:
    uint16_t kind[N_BLOCKS]  # block of 128 code points -> row of `flags`; all-equal blocks share a row
    uint8_t flags[MAX_KINDS * BLOCK_SIZE]  # row 0 is ASCII


cdef const CharTable* char_table() noexcept nogil


cdef inline uint8_t flags_of(const CharTable* table, uint32_t point) noexcept nogil:
    return table.flags[(<uint32_t>table.kind[point >> BLOCK_BITS] << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))]


cdef inline bint is_tail(uint8_t byte) noexcept nogil:
    return (byte & 0xC0) == 0x80


cdef inline uint32_t wide_point(const uint8_t* text, size_t n, size_t pos, size_t* end) noexcept nogil:
    """The character at `pos`, whose first byte is not ASCII; `end` receives where it stops.

    A byte that is not valid UTF-8 is the lone surrogate that stands for it in Python: U+DC00 and the byte.
    """
    cdef uint32_t point
    cdef uint8_t first = text[pos]
    cdef const uint8_t* p = text + pos
    cdef size_t left = n - pos
    if 0xC2 <= first < 0xE0:
        if left >= 2 and is_tail(p[1]):
            end[0] = pos + 2
            return ((first & 0x1F) << 6) | (p[1] & 0x3F)
    elif 0xE0 <= first < 0xF0:
        if left >= 3 and is_tail(p[1]) and is_tail(p[2]):
            point = ((first & 0x0F) << 12) | ((p[1] & 0x3F) << 6) | (p[2] & 0x3F)
            if point >= 0x800 and not (0xD800 <= point < 0xE000):
                end[0] = pos + 3
                return point
    elif 0xF0 <= first < 0xF5:
        if left >= 4 and is_tail(p[1]) and is_tail(p[2]) and is_tail(p[3]):
            point = ((first & 0x07) << 18) | ((p[1] & 0x3F) << 12) | ((p[2] & 0x3F) << 6) | (p[3] & 0x3F)
            if 0x10000 <= point < 0x110000:
                end[0] = pos + 4
                return point
    end[0] = pos + 1
    return 0xDC00 | first


cdef inline uint8_t wide_char(
    const CharTable* table, const uint8_t* text, size_t n, size_t pos, size_t* end
) noexcept nogil:
    """Flags of the character at `pos`, whose first byte is not ASCII; `end` receives where it stops."""
    return flags_of(table, wide_point(text, n, pos, end))


cdef inline uint8_t char_at(
    const CharTable* table, const uint8_t* text, size_t n, size_t pos, size_t* end
) noexcept nogil:
    """Flags of the character that starts at `pos` < n; `end` receives where it stops."""
    if text[pos] < 0x80:
        end[0] = pos + 1
        return table.flags[text[pos]]
    return wide_char(table, text, n, pos, end)
