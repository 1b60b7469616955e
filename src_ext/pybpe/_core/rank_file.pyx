# The text of tiktoken's rank files: a line a token, its bytes in base64 and its rank.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate
from pybpe._core.types cimport token_t

from pybpe.errors import FormatError

cdef enum:
    FINE
    NOT_A_LINE
    OUTSIDE
    TAKEN
    NO_DIGIT = 0xFF  # in DIGITS

cdef uint8_t DIGITS[256]  # what a character of base64 stands for
cdef int digit
memset(DIGITS, NO_DIGIT, 256)
for digit in range(64):
    DIGITS[b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[digit]] = <uint8_t>digit


ctypedef struct Place:
    size_t start  # of a token's bytes
    uint32_t size
    token_t rank


cdef inline size_t decode_base64(const uint8_t* text, size_t n, uint8_t* out) noexcept nogil:
    """How many bytes text[:n] gives, with its padding; 0 if it is not base64 or is empty."""
    cdef size_t digits = n, i = 0, made = 0
    cdef uint8_t a, b, c, d
    if n == 0 or n % 4:
        return 0
    while digits > n - 2 and text[digits - 1] == b"=":
        digits -= 1
    while i + 4 <= digits:
        a = DIGITS[text[i]]
        b = DIGITS[text[i + 1]]
        c = DIGITS[text[i + 2]]
        d = DIGITS[text[i + 3]]
        if (a | b | c | d) & 0x80:
            return 0
        out[made] = <uint8_t>(a << 2 | b >> 4)
        out[made + 1] = <uint8_t>(b << 4 | c >> 2)
        out[made + 2] = <uint8_t>(c << 6 | d)
        made += 3
        i += 4
    if i < digits:  # two or three digits are left
        a = DIGITS[text[i]]
        b = DIGITS[text[i + 1]]
        c = DIGITS[text[i + 2]] if i + 2 < digits else 0
        if (a | b | c) & 0x80:
            return 0
        out[made] = <uint8_t>(a << 2 | b >> 4)
        made += 1
        if i + 2 < digits:
            out[made] = <uint8_t>(b << 4 | c >> 2)
            made += 1
    return made


cdef inline bint is_blank(uint8_t char) noexcept nogil:
    return char == b" " or b"\t" <= char <= b"\r"


cdef inline size_t word_end(const uint8_t* text, size_t i, size_t n) noexcept nogil:
    while i < n and not is_blank(text[i]):
        i += 1
    return i


cdef inline size_t word_start(const uint8_t* text, size_t i, size_t n) noexcept nogil:
    while i < n and is_blank(text[i]):
        i += 1
    return i


cdef inline bint is_padding(const uint8_t* text, size_t start, size_t end) noexcept nogil:
    """True if text[start:end] is base64 of no bytes, padding alone: the empty token of Whisper's files."""
    cdef size_t i = start
    while i < end and text[i] == b"=":
        i += 1
    return start < end and i == end


cdef int parse_line(
    const uint8_t* line, size_t n, token_t max_rank, uint8_t* out, Place* place
) noexcept nogil:
    """A line that is not blank: its token to `out`, its size and rank to `place`; FINE or what is wrong."""
    cdef size_t start = word_start(line, 0, n), end = word_end(line, start, n)
    cdef size_t made = decode_base64(line + start, end - start, out)
    cdef bint is_empty = is_padding(line, start, end)
    cdef uint64_t rank = 0
    start = word_start(line, end, n)
    end = word_end(line, start, n)
    if (made == 0 and not is_empty) or start == end or word_start(line, end, n) != n:
        return NOT_A_LINE
    while start < end:
        if not b"0" <= line[start] <= b"9":
            return NOT_A_LINE
        rank = rank * 10 + (line[start] & 0xF)
        if rank > max_rank:
            return OUTSIDE
        start += 1
    place.size = <uint32_t>made
    place.rank = <token_t>rank
    return FINE


cdef size_t parse_lines(
    const uint8_t* text, size_t n, token_t max_rank, uint8_t* out, Place* places, size_t* count, int* wrong
) noexcept nogil:
    """All tokens, one after the other, to `out`; returns the number of the line where it ended, counted from 1."""
    cdef size_t start = 0, end, line = 0, written = 0
    while start < n:
        line += 1
        end = start
        while end < n and text[end] != b"\n":
            end += 1
        if word_start(text, start, end) < end:
            wrong[0] = parse_line(text + start, end - start, max_rank, out + written, &places[count[0]])
            if wrong[0] != FINE:
                return line
            places[count[0]].start = written
            written += places[count[0]].size
            count[0] += 1
        start = end + 1
    return line


# ---------------------------------------------------------------------------------------------------------------------


def parse_ranks(bytes content not None, token_t max_rank):
    cdef const uint8_t* text = <const uint8_t*>PyBytes_AS_STRING(content)
    cdef size_t n = <size_t>len(content), count = 0, line, i, total = 0, n_ids = 0
    cdef int wrong = FINE
    cdef IdBuffer sizes = IdBuffer()
    cdef bytes joined
    cdef uint8_t* tokens = NULL
    cdef uint8_t* out
    cdef Place* places = NULL
    cdef size_t* starts = NULL
    cdef object empty = None
    try:
        tokens = <uint8_t*>allocate(n // 4 + 1, 3)
        places = <Place*>allocate(content.count(b"\n") + 1, sizeof(Place))
        with nogil:
            line = parse_lines(text, n, max_rank, tokens, places, &count, &wrong)
        if wrong == OUTSIDE:
            raise FormatError(f"line {line}: a rank outside 0 to {max_rank}")
        if wrong == NOT_A_LINE:
            found = content.split(b"\n", line)[line - 1]
            raise FormatError(f"line {line}: not a token in base64 and its rank: {found[:60]!r}")
        for i in range(count):
            n_ids = max(n_ids, <size_t>places[i].rank + 1)
        if sizes.reserve(n_ids) < 0:
            raise MemoryError
        memset(sizes.data, 0, n_ids * sizeof(token_t))
        sizes.size = n_ids
        for i in range(count):
            if places[i].size == 0:
                if empty is not None:
                    raise FormatError(f"the empty token has two ranks, {empty} and {places[i].rank}")
                empty = places[i].rank
            elif sizes.data[places[i].rank]:
                raise FormatError(f"two tokens share a rank, {places[i].rank}")
            else:
                sizes.data[places[i].rank] = places[i].size
        if empty is not None and sizes.data[<token_t>empty]:
            raise FormatError(f"two tokens share a rank, {empty}")
        starts = <size_t*>allocate(n_ids, sizeof(size_t))
        for i in range(n_ids):
            starts[i] = total
            total += sizes.data[i]
        joined = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>total)
        out = <uint8_t*>PyBytes_AS_STRING(joined)
        for i in range(count):
            memcpy(out + starts[places[i].rank], tokens + places[i].start, places[i].size)
    finally:
        free(tokens)
        free(places)
        free(starts)
    return joined, sizes, empty
