from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from pybpe._core.memory cimport allocate_zeros
from pybpe._core.unicode cimport is_tail
from pybpe._core.vocab cimport Vocabulary


cdef extern from *:
    """
    /* Four bytes read as one number: a mask of it, and what that leaves of a character of three bytes. */
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define PYBPE_THREE_MASK 0u /* nothing is 1 under a mask of 0: the general way is taken */
    #define PYBPE_THREE_BYTES 1u
    #else
    #define PYBPE_THREE_MASK 0xC0C0F0u
    #define PYBPE_THREE_BYTES 0x8080E0u
    #endif
    """
    const uint32_t THREE_MASK "PYBPE_THREE_MASK"
    const uint32_t THREE_BYTES "PYBPE_THREE_BYTES"


cdef inline size_t span_bit(uint32_t left, uint32_t right) noexcept nogil:
    return (<uint64_t>left << 32 | right) * 0x9E3779B97F4A7C15ULL >> (64 - SPAN_BITS)


cdef inline uint32_t pack_char(const uint8_t* text, size_t n, size_t* size) noexcept nogil:
    """The bytes of the character that text[:n] begins with as a number, and how many they are; cut off, if it is."""
    cdef size_t i, wanted = <size_t>char_size(text[0])
    cdef uint32_t packed = text[0]
    for i in range(1, wanted):
        if i == n or not is_tail(text[i]):
            size[0] = i
            return packed
        packed |= <uint32_t>text[i] << (8 * i)
    size[0] = wanted
    return packed


cdef inline uint32_t point_of(uint32_t packed) noexcept nogil:
    """The code point of a character of three bytes, which `pack_char` made a number."""
    return (packed & 0x0F) << 12 | (packed >> 8 & 0x3F) << 6 | (packed >> 16 & 0x3F)


cdef class Cuts:
    cdef inline uint64_t span(self, uint32_t left, uint32_t right) noexcept nogil:
        """A number whose lowest bit is set if a token may hold `left` followed by `right`."""
        cdef size_t bit = span_bit(left, right)
        return self.spans[bit >> 6] >> (bit & 63)

    cdef inline bint spanned(self, uint32_t left, size_t left_size, uint32_t right, size_t right_size) noexcept nogil:
        """Whether some token may reach across the place between two characters. Without branches: none is foreseeable."""
        cdef uint32_t first = right & 0xFF, last = left >> (8 * (left_size - 1))
        cdef bint torn = left_size > 1 and self.torn[last & 63][first >> 6] >> (first & 63) & 1
        # A tail that belongs to no character is left where it is, and ASCII is not worth the tables.
        cdef bint kept = is_tail(<uint8_t>left) | is_tail(<uint8_t>first) | ((left | right) < 0x80)
        return (
            kept
            | torn
            | (self.span(left, first) | self.span(left, right & 0xFFFF) | self.span(left, right & 0xFFFFFF)) & 1
            | self.span(left, right) & 1
        )

    cdef size_t cut(self, const uint8_t* word, size_t n, size_t* ends, size_t capacity) noexcept nogil:
        cdef size_t size, next_size, place, count = 0
        cdef uint32_t left, right, point
        cdef uint64_t spanned
        left = pack_char(word, n, &size)
        place = size
        while place < n and count < capacity:
            if size == 3 and n - place >= 4:  # nearly always both characters have three bytes: `spanned`, simplified
                memcpy(&right, word + place, 4)
                if right & THREE_MASK == THREE_BYTES:
                    right &= 0xFFFFFF
                    spanned = self.torn[left >> 16 & 63][3] >> (right & 63) | self.span(left, right)
                    point = point_of(left)
                    if self.partial[point >> 6] >> (point & 63) & 1:  # few are
                        spanned |= self.span(left, right & 0xFF) | self.span(left, right & 0xFFFF)
                    ends[count] = place
                    count += ~spanned & 1
                    left = right
                    place += 3
                    continue
            right = pack_char(word + place, n - place, &next_size)
            ends[count] = place
            count += not self.spanned(left, size, right, next_size)
            left = right
            size = next_size
            place += size
        if count < capacity:
            ends[count] = n
            count += 1
        return count

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, Vocabulary vocabulary not None):
        cdef size_t token, n, place, first, size, i, bit
        cdef const uint8_t* data
        cdef uint32_t left, right, point
        self.spans = <uint64_t*>allocate_zeros(1 << (SPAN_BITS - 6), sizeof(uint64_t))
        memset(self.torn, 0, sizeof(self.torn))
        memset(self.partial, 0, sizeof(self.partial))
        for token in range(vocabulary.count):
            data = vocabulary.blob + vocabulary.offsets[token]
            n = vocabulary.offsets[token + 1] - vocabulary.offsets[token]
            for place in range(1, n):
                if is_tail(data[place]) or (data[place] | data[place - 1]) < 0x80:
                    continue
                first = place - 1
                while first > 0 and is_tail(data[first]) and place - first < 4:
                    first -= 1
                if is_tail(data[first]):
                    self.torn[data[place - 1] & 63][data[place] >> 6] |= <uint64_t>1 << (data[place] & 63)
                    continue
                left = 0
                for i in range(first, place):
                    left |= <uint32_t>data[i] << (8 * (i - first))
                right = pack_char(data + place, n - place, &size)
                bit = span_bit(left, right)
                self.spans[bit >> 6] |= <uint64_t>1 << (bit & 63)
                if place - first == 3 and size < <size_t>char_size(data[place]):
                    point = point_of(left)
                    self.partial[point >> 6] |= <uint64_t>1 << (point & 63)

    def __dealloc__(self):
        free(self.spans)

    def parts(self, bytes word not None):
        cdef const uint8_t* data = <const uint8_t*><const char*>word
        cdef size_t start = 0, end, count, i
        cdef size_t ends[CUTS]
        parts = []
        while start < <size_t>len(word):
            count = self.cut(data + start, <size_t>len(word) - start, ends, CUTS)
            end = start
            for i in range(count):
                parts.append(word[end:start + ends[i]])
                end = start + ends[i]
            start = end
        return parts
