# The class tables, unpacked once from the ranges in unicode_ranges.h (about 60 microseconds).
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset


cdef extern from "unicode_ranges.h":
    const uint32_t UNICODE_RANGES[]

cdef CharTable TABLE


cdef const CharTable* char_table() noexcept nogil:
    return &TABLE


cdef uint8_t FLAGS[128]  # the facts of a range in unicode_ranges.h -> flags; what stands there is said in its script

cdef enum:
    CATEGORY = 0x1F  # bits of the facts
    WHITE_SPACE = 0x20
    HAN = 0x40

CATEGORIES = (
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
    "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
)


cdef inline uint8_t flags_at(uint32_t range_index) noexcept nogil:
    return FLAGS[UNICODE_RANGES[range_index] & 0x7F]


cdef uint32_t build() noexcept nogil:
    """Fill TABLE; returns the number of rows used, or more than MAX_KINDS if they did not fit."""
    cdef uint32_t kinds = 0, block, first, last, row, range_index = 0, point
    cdef uint16_t uniform[256]  # flags -> row + 1 of the block that holds nothing else
    cdef uint16_t* same
    memset(uniform, 0, sizeof(uniform))
    for block in range(<uint32_t>N_BLOCKS):
        first = block << BLOCK_BITS
        last = first + BLOCK_SIZE - 1
        while (UNICODE_RANGES[range_index + 1] >> 8) <= first:
            range_index += 1
        same = &uniform[flags_at(range_index)]
        if (UNICODE_RANGES[range_index + 1] >> 8) > last and same[0]:
            TABLE.kind[block] = same[0] - 1
            continue
        row = kinds
        kinds += 1
        if kinds > MAX_KINDS:
            return kinds
        if (UNICODE_RANGES[range_index + 1] >> 8) > last:
            same[0] = <uint16_t>kinds
        TABLE.kind[block] = <uint16_t>row
        for point in range(first, last + 1):
            while (UNICODE_RANGES[range_index + 1] >> 8) <= point:
                range_index += 1
            TABLE.flags[(row << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))] = flags_at(range_index)
    return kinds


# ---------------------------------------------------------------------------------------------------------------------

UNICODE_VERSION = "16.0.0"


cdef void fill_flags():
    cdef uint32_t facts
    groups = {"L": LETTER, "M": MARK, "N": NUMBER, "P": PUNCTUATION, "S": SYMBOL}
    cases = {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER}
    for facts in range(128):
        number = facts & CATEGORY
        name = CATEGORIES[number] if number < len(CATEGORIES) else "Cn"
        FLAGS[facts] = groups.get(name[0], 0) | cases.get(name, 0) | (SPACE if facts & WHITE_SPACE else 0)


fill_flags()
if build() > MAX_KINDS:
    raise ImportError("unicode_ranges.h needs a larger MAX_KINDS in unicode.pxd")


def classes(int code_point):
    if not 0 <= code_point < 0x110000:
        raise ValueError(f"code point {code_point} is outside 0..0x10FFFF")
    cdef uint8_t flags = flags_of(&TABLE, <uint32_t>code_point)
    names = ("L", "N", "s", "M", "Lu", "Ll", "P", "S")
    return frozenset(name for bit, name in enumerate(names) if flags & (1 << bit))


def is_utf8(bytes text not None):
    cdef const uint8_t* data = <const uint8_t*><const char*>text
    cdef size_t n = <size_t>len(text), place = 0
    cdef uint64_t eight
    cdef uint32_t point
    cdef bint valid = True
    with nogil:
        while place < n and valid:
            if place + 8 <= n:
                memcpy(&eight, data + place, 8)
                if eight & 0x8080808080808080ULL == 0:
                    place += 8
                    continue
            if data[place] < 0x80:
                place += 1
            else:
                point = wide_point(data, n, place, &place)
                valid = not 0xDC00 <= point < 0xE000
    return valid


def ranges():
    facts = []
    cdef size_t i = 0
    cdef uint32_t entry = UNICODE_RANGES[0]
    while entry >> 8 < 0x110000:
        facts.append((entry >> 8, CATEGORIES[entry & CATEGORY], bool(entry & WHITE_SPACE), bool(entry & HAN)))
        i += 1
        entry = UNICODE_RANGES[i]
    return facts
