# The class tables, unpacked once from the ranges in unicode_ranges.h (about 60 microseconds).
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memset

cdef extern from "unicode_ranges.h":
    const uint32_t UNICODE_RANGES[]

cdef CharTable TABLE


cdef const CharTable* char_table() noexcept nogil:
    return &TABLE


cdef uint32_t build() noexcept nogil:
    """Fill TABLE; returns the number of rows used, or more than MAX_KINDS if they did not fit."""
    cdef uint32_t kinds = 0, block, first, last, row, range_index = 0, point
    cdef uint16_t uniform[256]  # flag value -> row + 1 of the block that holds nothing else
    memset(uniform, 0, sizeof(uniform))
    for block in range(<uint32_t>N_BLOCKS):
        first = block << BLOCK_BITS
        last = first + BLOCK_SIZE - 1
        while (UNICODE_RANGES[range_index + 1] >> 8) <= first:
            range_index += 1
        if (UNICODE_RANGES[range_index + 1] >> 8) > last and uniform[UNICODE_RANGES[range_index] & 0xFF]:
            TABLE.kind[block] = uniform[UNICODE_RANGES[range_index] & 0xFF] - 1
            continue
        row = kinds
        kinds += 1
        if kinds > MAX_KINDS:
            return kinds
        if (UNICODE_RANGES[range_index + 1] >> 8) > last:
            uniform[UNICODE_RANGES[range_index] & 0xFF] = <uint16_t>kinds
        TABLE.kind[block] = <uint16_t>row
        for point in range(first, last + 1):
            while (UNICODE_RANGES[range_index + 1] >> 8) <= point:
                range_index += 1
            TABLE.flags[(row << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))] = <uint8_t>(UNICODE_RANGES[range_index] & 0xFF)
    return kinds


# ---------------------------------------------------------------------------------------------------------------------

UNICODE_VERSION = "16.0.0"

if build() > MAX_KINDS:
    raise ImportError("unicode_ranges.h needs a larger MAX_KINDS in unicode.pxd")


def classes(int code_point):
    if not 0 <= code_point < 0x110000:
        raise ValueError(f"code point {code_point} is outside 0..0x10FFFF")
    cdef uint8_t flags = flags_of(&TABLE, <uint32_t>code_point)
    names = ("L", "N", "s", "M", "Lu", "Ll", "P", "S")
    return frozenset(name for bit, name in enumerate(names) if flags & (1 << bit))
