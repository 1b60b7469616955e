from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memset

from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate, allocate_table, free_table, prefetch
from pybpe._core.types cimport NONE, token_t

from pybpe.errors import TokenIdError

cdef enum:
    AHEAD = 16  # tokens whose places in the table are asked for before the first of them is written


cdef inline size_t place_of(Vocabulary self, const uint8_t* data, size_t n, uint64_t hash) noexcept nogil:
    """The place of the token `data[:n]` in the table, or the free one where it would be."""
    cdef size_t place = hash & self.mask
    cdef uint32_t tag = <uint32_t>(hash >> 32)
    while self.table[place].token != NONE:
        if self.table[place].tag == tag and self.holds(self.table[place].token, data, n):
            break
        place = (place + 1) & self.mask
    return place


cdef void fill(Vocabulary self) noexcept nogil:
    """Enter all tokens into the empty table; of equal ones the smallest id."""
    cdef uint64_t hashes[AHEAD]
    cdef size_t start = 0, end, i, size, place
    while start < self.count:
        end = start + AHEAD if start + AHEAD < self.count else self.count
        for i in range(start, end):
            hashes[i - start] = hash_bytes(self.blob + self.offsets[i], self.size_of(<token_t>i))
            prefetch(&self.table[hashes[i - start] & self.mask])
        for i in range(start, end):
            size = self.size_of(<token_t>i)
            if size == 0:
                continue
            place = place_of(self, self.blob + self.offsets[i], size, hashes[i - start])
            if self.table[place].token == NONE:
                self.table[place].tag = <uint32_t>(hashes[i - start] >> 32)
                self.table[place].token = <token_t>i
            else:
                self.has_twins = True
        start = end


cdef class Vocabulary:
    cdef bint holds(self, token_t token, const uint8_t* data, size_t n) noexcept nogil:
        cdef uint64_t start = self.offsets[token]
        return self.offsets[token + 1] - start == n and memcmp(self.blob + start, data, n) == 0

    cdef token_t find(self, const uint8_t* data, size_t n) noexcept nogil:
        """The smallest id whose bytes are `data[:n]`, or NONE."""
        return self.table[place_of(self, data, n, hash_bytes(data, n))].token

    cdef bint joins(self, const token_t* row) noexcept nogil:
        """Whether (left, right, token) are three ids, the third with the bytes of the other two, both not empty."""
        cdef size_t left, right
        if row[0] >= self.count or row[1] >= self.count or row[2] >= self.count:
            return False
        left = self.size_of(row[0])
        right = self.size_of(row[1])
        return (
            left != 0
            and right != 0
            and left + right == self.size_of(row[2])
            and memcmp(self.blob + self.offsets[row[2]], self.blob + self.offsets[row[0]], left) == 0
            and memcmp(self.blob + self.offsets[row[2]] + left, self.blob + self.offsets[row[1]], right) == 0
        )

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, bytes blob not None, const uint32_t[::1] sizes not None, empty=None):
        cdef size_t i, total = 0, capacity = 8
        cdef size_t count = <size_t>sizes.shape[0]
        if count >= NONE:
            raise ValueError(f"{count} tokens do not fit 32-bit ids")
        for i in range(count):
            total += sizes[i]
        if empty is not None and not (0 <= empty < count and sizes[<size_t>empty] == 0):
            raise ValueError(f"the empty token has id {empty}, which is another token's or outside 0 to {count - 1}")
        if total != <size_t>len(blob):
            raise ValueError(f"the sizes of the tokens add up to {total} bytes, but there are {len(blob)}")
        while capacity < count * 2:
            capacity *= 2
        self.blob = <uint8_t*>allocate(total, 1)
        self.offsets = <uint64_t*>allocate(count + 1, sizeof(uint64_t))
        self.table = <Known*>allocate_table(capacity * sizeof(Known))  # of less than 2**33 entries
        memcpy(self.blob, PyBytes_AS_STRING(blob), total)
        memset(self.table, 0xFF, capacity * sizeof(Known))
        self.mask = capacity - 1
        self.offsets[0] = 0
        for i in range(count):
            self.offsets[i + 1] = self.offsets[i] + sizes[i]
        self.count = count
        self.empty = empty
        with nogil:
            fill(self)

    def __dealloc__(self):
        free(self.blob)
        free(self.offsets)
        free_table(self.table, (self.mask + 1) * sizeof(Known))

    def __len__(self):
        return <Py_ssize_t>self.count

    def token_id(self, bytes token not None):
        cdef token_t found
        if not token:
            return self.empty
        found = self.find(<const uint8_t*><const char*>token, <size_t>len(token))
        return None if found == NONE else found

    def has(self, int64_t token):
        return 0 <= token < <int64_t>self.count and (self.size_of(<token_t>token) != 0 or token == self.empty)

    def token_bytes(self, int64_t token):
        if not self.has(token):
            raise unknown_id(token, self.count)
        cdef size_t i = <size_t>token
        return PyBytes_FromStringAndSize(
            <char*>self.blob + self.offsets[i], <Py_ssize_t>(self.offsets[i + 1] - self.offsets[i])
        )

    @property
    def joined(self):
        """The bytes of all tokens, one after the other."""
        return PyBytes_FromStringAndSize(<char*>self.blob, <Py_ssize_t>self.offsets[self.count])

    @property
    def longest(self):
        """The bytes of the longest token."""
        cdef size_t i, longest = 0
        for i in range(self.count):
            longest = max(longest, self.size_of(<token_t>i))
        return longest

    def sizes(self):
        """The bytes of each token, as uint32."""
        cdef size_t i
        cdef IdBuffer sizes = IdBuffer()
        if sizes.reserve(self.count) < 0:
            raise MemoryError
        for i in range(self.count):
            sizes.data[i] = <token_t>self.size_of(<token_t>i)
        sizes.size = self.count
        return sizes

    def wrong_merge(self, const token_t[:, ::1] merges not None):
        """The number of the first row that does not join two tokens to a third; None if all do."""
        cdef size_t n = <size_t>merges.shape[0], i
        cdef const token_t* rows = &merges[0, 0] if n else NULL
        if merges.shape[1] != 3:
            raise ValueError("merges must be rows of (left, right, token)")
        for i in range(n):
            if not self.joins(rows + 3 * i):
                return i
        return None

    def to_list(self):
        cdef size_t i
        return [
            PyBytes_FromStringAndSize(
                <char*>self.blob + self.offsets[i], <Py_ssize_t>(self.offsets[i + 1] - self.offsets[i])
            )
            for i in range(self.count)
        ]


cdef unknown_id(token, count):
    """The error for an id without a token, of a vocabulary with ids below `count`."""
    if 0 <= token < count:
        return TokenIdError(f"id {token} has no token: it is a gap between the vocabulary's tokens")
    return TokenIdError(f"id {token} is outside the vocabulary, which has ids 0 to {count - 1}")
