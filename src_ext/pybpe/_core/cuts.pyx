from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from pybpe._core.memory cimport allocate_zeros
from pybpe._core.unicode cimport is_tail
from pybpe._core.vocab cimport Vocabulary


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


cdef class Cuts:
    cdef bint spanned(self, uint32_t left, size_t left_size, uint32_t right, size_t right_size) noexcept nogil:
        """Whether some token may reach across the place between two characters."""
        cdef size_t bit, i
        cdef uint32_t last = left >> (8 * (left_size - 1))
        if (left | right) < 0x80:
            return True  # ASCII is not worth the tables
        if left_size > 1 and self.torn[last & 63][(right & 0xFF) >> 6] >> (right & 63) & 1:
            return True
        for i in range(1, right_size + 1):
            bit = span_bit(left, right & (~<uint32_t>0 >> (32 - 8 * i)))
            if self.spans[bit >> 6] >> (bit & 63) & 1:
                return True
        return False

    cdef size_t next_cut(self, const uint8_t* word, size_t n) noexcept nogil:
        cdef size_t size, next_size, place
        cdef uint32_t left, right, spanned_twice = 0  # a character known to be spanned with itself, as in a drawn line
        left = pack_char(word, n, &size)
        place = size
        while place < n:
            right = pack_char(word + place, n - place, &next_size)
            if left != right or left != spanned_twice:
                # A tail that belongs to no character is left where it is.
                if not is_tail(<uint8_t>right) and not is_tail(<uint8_t>left):
                    if not self.spanned(left, size, right, next_size):
                        return place
                    if left == right:
                        spanned_twice = left
            left = right
            size = next_size
            place += size
        return n

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, Vocabulary vocabulary not None):
        cdef size_t token, n, place, first, size, i, bit
        cdef const uint8_t* data
        cdef uint32_t left, right
        self.spans = <uint64_t*>allocate_zeros(1 << (SPAN_BITS - 6), sizeof(uint64_t))
        memset(self.torn, 0, sizeof(self.torn))
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

    def __dealloc__(self):
        free(self.spans)

    def pieces(self, bytes word not None):
        cdef const uint8_t* data = <const uint8_t*><const char*>word
        cdef size_t start = 0, end
        pieces = []
        while start < <size_t>len(word):
            end = start + self.next_cut(data + start, <size_t>len(word) - start)
            pieces.append(word[start:end])
            start = end
        return pieces
