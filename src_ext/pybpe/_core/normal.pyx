# cython: boundscheck=False, wraparound=False
# The search for stretches of a text that a normal form may change: the quick check of Unicode's Annex 15, a little sharper.
# The readers of UTF-8 in unicode.pxd check what they read, so any bytes will do.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from pybpe._core.memory cimport grow
from pybpe._core.unicode cimport is_tail, wide_point
from pybpe._core.utf8 cimport utf8_of

cdef extern from "normal_ranges.h":
    const uint16_t NORMAL_FACTS[]
    const uint32_t NORMAL_RANGES[]
    const uint32_t N_NORMAL_FACTS

cdef enum:  # bits of the facts; the low byte is the canonical combining class
    COMBINING = 0xFF
    CHANGES_NFC = 0x100
    CHANGES_NFD = 0x200
    CHANGES_NFKC = 0x400
    CHANGES_NFKD = 0x800
    JOINS = 0x1000  # it, or what its decomposition begins with, can be the second of a composition
    BEGINS = 0x2000  # it can be the first of a composition
    NEWER = 0x4000  # left alone by Unicode 9.0
    UNASSIGNED = 0x8000

cdef enum:
    N_FORMS = 4
    BLOCK_BITS = 7
    BLOCK_SIZE = 128
    N_BLOCKS = 0x110000 >> 7
    MAX_ROWS = 512  # distinct blocks; `build` checks that they suffice
    MAX_KINDS = 256
    GAP = 64  # bytes between two stretches that are one: below, two calls cost more than the text between them
    KEEP_GIL = 1 << 14  # bytes, below which letting go of the GIL costs more than it gives

cdef enum:  # what a character means to one form
    BOUNDARY = 0  # the form leaves it as it is, and it neither joins nor changes places with what stands before it
    TAKING = 1  # as BOUNDARY, but what follows may join it
    MARK = 2  # left as it is if the combining classes before it are no higher
    JOINING = 3  # as MARK, and it may join a TAKING character before it
    UNSETTLED = 4

cdef uint16_t ROW_OF[N_BLOCKS]  # block of 128 code points -> row of KIND; blocks that are equal share a row
cdef uint8_t KIND[MAX_ROWS * BLOCK_SIZE]  # place in NORMAL_FACTS
cdef uint8_t MEANING[N_FORMS][MAX_KINDS]
cdef uint8_t SKIP[N_FORMS][256]  # bytes of the characters that begin with a byte, if all of them are BOUNDARY or TAKING
cdef uint64_t HIGH = 0x8080808080808080


cdef struct Stretches:
    size_t* places  # start and end of each, one after the other, in bytes
    size_t capacity, count  # of places


cdef inline uint8_t kind_of(uint32_t point) noexcept nogil:
    return KIND[(<uint32_t>ROW_OF[point >> BLOCK_BITS] << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))]


cdef uint8_t meaning_of(uint32_t facts, int form) noexcept nogil:
    """What a character with these facts means to a form; forms are numbered NFC, NFD, NFKC, NFKD."""
    cdef bint composes = form == 0 or form == 2
    if facts & (<uint32_t>CHANGES_NFC << form) or facts & (NEWER | UNASSIGNED):
        return UNSETTLED
    if facts & JOINS and composes:
        # Of what composes and decomposes both, nothing is known without its neighbours.
        return UNSETTLED if facts & CHANGES_NFD else JOINING
    if facts & COMBINING:
        return MARK
    return TAKING if composes and facts & (BEGINS | CHANGES_NFD) else BOUNDARY


cdef int build() noexcept nogil:
    """Fill the tables; the number of rows used, or -1 if there are not enough."""
    cdef uint32_t block, point, range_index = 0, row, rows = 0, last
    cdef uint16_t uniform[MAX_KINDS]  # kind -> row + 1 of the block that holds nothing else
    cdef uint32_t kind
    cdef int form
    memset(uniform, 0, sizeof(uniform))
    for block in range(<uint32_t>N_BLOCKS):
        point = block << BLOCK_BITS
        last = point + BLOCK_SIZE - 1
        while (NORMAL_RANGES[range_index + 1] >> 8) <= point:
            range_index += 1
        kind = NORMAL_RANGES[range_index] & 0xFF
        if (NORMAL_RANGES[range_index + 1] >> 8) > last:
            if uniform[kind]:
                ROW_OF[block] = <uint16_t>(uniform[kind] - 1)
                continue
            uniform[kind] = <uint16_t>(rows + 1)
        if rows == MAX_ROWS:
            return -1
        row = rows
        rows += 1
        ROW_OF[block] = <uint16_t>row
        for point in range(block << BLOCK_BITS, last + 1):
            while (NORMAL_RANGES[range_index + 1] >> 8) <= point:
                range_index += 1
            KIND[(row << BLOCK_BITS) | (point & (BLOCK_SIZE - 1))] = <uint8_t>(NORMAL_RANGES[range_index] & 0xFF)
    for form in range(<int>N_FORMS):
        for kind in range(N_NORMAL_FACTS):
            MEANING[form][kind] = meaning_of(NORMAL_FACTS[kind], form)
        for point in range(0xC2, 0xF0):
            SKIP[form][point] = skip_of(point, form)
    return <int>rows


cdef uint8_t skip_of(uint32_t first, int form) noexcept nogil:
    """A number for SKIP, for first bytes of two or three."""
    cdef uint32_t point, start, end
    if first < 0xE0:
        start = (first & 0x1F) << 6
        end = start + 0x40
    else:
        start = (first & 0x0F) << 12
        end = start + 0x1000
    for point in range(start, end):
        if MEANING[form][kind_of(point)] > TAKING or 0xD800 <= point < 0xE000 or (first == 0xE0 and point < 0x800):
            return 0
    return 2 if first < 0xE0 else 3


cdef int add(Stretches* found, size_t start, size_t end) noexcept nogil:
    """One more stretch, joined to the last where that is near; -1 when memory ran out."""
    cdef void* grown
    if found.count and start < found.places[found.count - 1] + GAP:
        found.places[found.count - 1] = end
        return 0
    if found.count + 2 > found.capacity:
        grown = grow(found.places, &found.capacity, found.count + 2, sizeof(size_t))
        if grown == NULL:
            return -1
        found.places = <size_t*>grown
    found.places[found.count] = start
    found.places[found.count + 1] = end
    found.count += 2
    return 0


cdef inline size_t settled(const uint8_t* text, size_t n, size_t pos, const uint8_t* skip) noexcept nogil:
    """The bytes of the character at `pos`, if its first byte says that it is a boundary; else 0."""
    cdef size_t size
    if pos >= n:
        return 0
    size = skip[text[pos]]
    if size == 0 or size > n - pos or not is_tail(text[pos + 1]) or not is_tail(text[pos + size - 1]):
        return 0
    return size


cdef int search(const uint8_t* text, size_t n, int form, Stretches* found) noexcept nogil:
    """Find the stretches; 0, or -1 when memory ran out.

    A stretch begins with the last boundary before the first character that is unsettled, and ends before the next
    boundary. No boundary joins with what stands before it, so the normal form of the text is that of its parts.
    """
    cdef const uint8_t* meaning = MEANING[form]
    cdef const uint8_t* skip = SKIP[form]
    cdef size_t pos = 0, start, end = 0, boundary = 0, starter = 0
    cdef uint64_t eight, more
    cdef size_t size
    cdef uint8_t means, combining, last = 0
    cdef uint32_t kind = 0
    cdef bint open = False, some = False  # in a stretch; there is a starter before
    while pos < n:
        start = pos
        if text[pos] < 0x80:
            if open:
                if add(found, boundary, pos) < 0:
                    return -1
                open = False
            pos += 1
            if pos < n and text[pos] < 0x80:
                while n - pos >= 16:
                    memcpy(&eight, text + pos, 8)
                    memcpy(&more, text + pos + 8, 8)
                    if (eight | more) & HIGH:
                        break
                    pos += 16
                while pos < n and text[pos] < 0x80:
                    pos += 1
            boundary = starter = pos - 1
            some = True
            last = 0
            continue
        size = settled(text, n, pos, skip)
        if size:
            if open:
                if add(found, boundary, pos) < 0:
                    return -1
                open = False
            while size:  # what follows is mostly of the same script
                boundary = pos
                pos += size
                size = settled(text, n, pos, skip)
            starter = boundary
            some = True
            last = 0
            continue
        kind = kind_of(wide_point(text, n, pos, &pos))
        means = meaning[kind]
        if means <= TAKING:
            if open:
                if add(found, boundary, start) < 0:
                    return -1
                open = False
            boundary = starter = start
            some = True
            last = 0
            continue
        if open:
            continue
        combining = <uint8_t>(NORMAL_FACTS[kind] & COMBINING)
        if (
            means == UNSETTLED
            or (combining and combining < last)
            or (means == JOINING and some and taking(text, n, starter, meaning, &end))
        ):
            open = True
        elif combining == 0:  # what joins nothing here is where the next may join
            starter = start
            some = True
        last = combining
    return add(found, boundary, n) if open else 0


cdef inline bint taking(
    const uint8_t* text, size_t n, size_t pos, const uint8_t* meaning, size_t* end
) noexcept nogil:
    """Whether what follows may join the character at `pos`, which is a boundary or JOINING."""
    cdef uint32_t kind = kind_of(text[pos] if text[pos] < 0x80 else wide_point(text, n, pos, end))
    return meaning[kind] == TAKING or (meaning[kind] == JOINING and NORMAL_FACTS[kind] & BEGINS)


# ---------------------------------------------------------------------------------------------------------------------

if build() < 0:
    raise ImportError("normal_ranges.h needs a larger MAX_ROWS in normal.pyx")


def unsettled(text, int form):
    cdef Py_ssize_t size
    cdef const uint8_t* data = utf8_of(text, &size)
    cdef Stretches found
    cdef size_t n = <size_t>size, i
    cdef int rc
    if not 0 <= form < N_FORMS:
        raise ValueError(f"form is {form}, must be 0 to 3")
    memset(&found, 0, sizeof(found))
    try:
        if n < KEEP_GIL:
            rc = search(data, n, form, &found)
        else:
            with nogil:
                rc = search(data, n, form, &found)
        if rc < 0:
            raise MemoryError
        if found.count == 0:
            return ()
        return [(found.places[i], found.places[i + 1]) for i in range(0, found.count, 2)]
    finally:
        free(found.places)


def newer_points():
    cdef uint32_t point
    return [point for point in range(0x110000) if NORMAL_FACTS[kind_of(point)] & NEWER]
