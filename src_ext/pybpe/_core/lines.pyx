from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from libc.string cimport memchr

from pybpe._core.memory cimport allocate

cdef enum:
    LOWER_BLOCK_FIRST = 0xE2  # the bytes of U+2581, and but for the last those of U+2585
    LOWER_BLOCK_SECOND = 0x96
    SPACE_SIGN = 0x81
    RESERVED = 0x85


cdef bint is_reserved(const uint8_t* line, const uint8_t* end) noexcept nogil:
    """Whether U+2585 is in a line."""
    while line < end:
        line = <const uint8_t*>memchr(line, LOWER_BLOCK_FIRST, <size_t>(end - line))
        if line == NULL or end - line < 3:
            return False
        if line[1] == LOWER_BLOCK_SECOND and line[2] == RESERVED:
            return True
        line += 1
    return False


cdef uint8_t* write_line(const uint8_t* line, const uint8_t* end, uint8_t* out) noexcept nogil:
    """Write the words of a line, a space before each; where the next are to be written."""
    cdef uint8_t* first = out
    cdef uint8_t before = b" "  # what a line begins with does not count
    out[0] = b" "
    out += 1
    while line < end:
        if line[0] == LOWER_BLOCK_FIRST and end - line >= 3 and line[1] == LOWER_BLOCK_SECOND and line[2] == SPACE_SIGN:
            before = SPACE_SIGN
            out[0] = b" "
            out += 1
            line += 3
            continue
        if line[0] != b" " or before != b" ":
            out[0] = line[0]
            out += 1
        before = line[0]
        line += 1
    while out > first and out[-1] == b" ":
        out -= 1
    return out


# ---------------------------------------------------------------------------------------------------------------------


def spaced_words(bytes text not None, size_t most):
    cdef const uint8_t* line = text
    cdef const uint8_t* text_end = line + len(text)
    cdef const uint8_t* next_line
    cdef const uint8_t* end
    cdef uint8_t* made = <uint8_t*>allocate(<size_t>len(text) + 1, 1)
    cdef uint8_t* out = made
    try:
        with nogil:
            while line < text_end:
                end = <const uint8_t*>memchr(line, b"\n", <size_t>(text_end - line))
                if end == NULL:
                    end = text_end
                next_line = end + 1
                if <size_t>(end - line) <= most and not is_reserved(line, end):
                    out = write_line(line, end, out)
                line = next_line
        return <bytes>made[:out - made]
    finally:
        free(made)
