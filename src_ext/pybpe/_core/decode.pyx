# Ids to text. Each id has 16 bytes in one table: mostly its whole token, which is copied whole and then counted as long
# as it is. Of a longer token they say where it lies.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_AsUTF8, PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pybpe._core.ids cimport items_of
from pybpe._core.memory cimport allocate, allocate_zeros, prefetch
from pybpe._core.types cimport NONE, token_t
from pybpe._core.vocab cimport Vocabulary, unknown_id

cdef extern from *:
    """
    /* The value of an int, or -1 for another object, a negative number, or one too large to be an id. */
    static inline int64_t pybpe_id_of(PyObject *item) {
        if (!PyLong_CheckExact(item)) return -1;
    #if PY_VERSION_HEX >= 0x030C0000
        if (!PyUnstable_Long_IsCompact((PyLongObject *)item)) return -1;
        return (int64_t)PyUnstable_Long_CompactValue((PyLongObject *)item);
    #else
        if (Py_SIZE(item) == 1) return (int64_t)((PyLongObject *)item)->ob_digit[0];
        return Py_SIZE(item) ? -1 : 0;
    #endif
    }
    """
    int64_t id_of "pybpe_id_of"(PyObject* item) noexcept

cdef enum:
    WIDTH = 16
    INLINE = WIDTH - 1  # bytes of a token that fits; the last byte of its entry is its size
    LONG = 0xFF  # in the place of the size
    AHEAD = 16  # ids whose entries are asked for before the first of them is read


ctypedef struct Entry:
    uint8_t text[WIDTH]


ctypedef struct LongToken:  # what the entry of a longer token holds
    const uint8_t* text
    uint32_t size


cdef class Decoder:
    cdef Vocabulary vocabulary  # keeps alive what long tokens point to, as does the next
    cdef dict special_tokens
    cdef object convert
    cdef Entry* entries
    cdef size_t count
    cdef token_t empty  # the id of the token without bytes, NONE if there is none

    cdef inline bint is_gap(self, token_t token) noexcept nogil:
        """True if an id of size 0 has no token."""
        return token >= self.count or token != self.empty

    cdef void enter(self, size_t token, const uint8_t* text, size_t size) noexcept nogil:
        cdef LongToken token_at
        cdef Entry* entry = &self.entries[token]
        if size <= INLINE:
            memcpy(entry.text, text, size)
            entry.text[INLINE] = <uint8_t>size
        else:
            token_at.text = text
            token_at.size = <uint32_t>size
            memcpy(entry.text, &token_at, sizeof(LongToken))
            entry.text[INLINE] = LONG

    cdef inline size_t size_of(self, token_t token) noexcept nogil:
        """The bytes of a token; 0 if there is none."""
        cdef LongToken token_at
        cdef uint8_t size
        if token >= self.count:
            return 0
        size = self.entries[token].text[INLINE]
        if size != LONG:
            return size
        memcpy(&token_at, self.entries[token].text, sizeof(LongToken))
        return token_at.size

    cdef inline const uint8_t* text_of(self, token_t token) noexcept nogil:
        cdef LongToken token_at
        if self.entries[token].text[INLINE] != LONG:
            return self.entries[token].text
        memcpy(&token_at, self.entries[token].text, sizeof(LongToken))
        return token_at.text

    cdef size_t measure(self, const token_t* ids, size_t n, size_t* total) noexcept nogil:
        """The bytes of ids[:n] in `total`; returns the place of the first id without bytes, else n."""
        cdef size_t i, size
        total[0] = 0
        for i in range(n):
            if i + AHEAD < n and ids[i + AHEAD] < self.count:
                prefetch(&self.entries[ids[i + AHEAD]])
            size = self.size_of(ids[i])
            if size == 0:
                return i
            total[0] += size
        return n

    cdef void write(self, const token_t* ids, size_t n, uint8_t* out, size_t total) noexcept nogil:
        """The text of ids that `measure` found good, exactly `total` bytes."""
        cdef uint8_t* end = out + total
        cdef const Entry* entry
        cdef size_t i = 0, size
        while i < n and end - out >= WIDTH:
            if i + AHEAD < n:
                prefetch(&self.entries[ids[i + AHEAD]])
            entry = &self.entries[ids[i]]
            size = entry.text[INLINE]
            if size != LONG:
                memcpy(out, entry.text, WIDTH)  # what is too much, the next token overwrites
            else:
                size = self.size_of(ids[i])
                memcpy(out, self.text_of(ids[i]), size)
            out += size
            i += 1
        while i < n:
            size = self.size_of(ids[i])
            memcpy(out, self.text_of(ids[i]), size)
            out += size
            i += 1

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self, Vocabulary vocabulary not None, dict special_tokens not None, convert):
        cdef size_t i
        cdef bytes text
        self.vocabulary = vocabulary
        self.special_tokens = special_tokens
        self.convert = convert
        self.empty = NONE if vocabulary.empty is None else vocabulary.empty
        self.count = max(vocabulary.count, max(special_tokens, default=-1) + 1)
        self.entries = <Entry*>allocate_zeros(self.count, sizeof(Entry))
        for i in range(vocabulary.count):
            self.enter(i, vocabulary.blob + vocabulary.offsets[i], vocabulary.size_of(<token_t>i))
        for token, text in special_tokens.items():
            self.enter(token, <const uint8_t*>PyBytes_AS_STRING(text), <size_t>len(text))

    def __dealloc__(self):
        free(self.entries)

    def token_bytes(self, int64_t token):
        cdef size_t size = self.size_of(<token_t>token) if 0 <= token < <int64_t>self.count else 0
        if size == 0 and (token < 0 or self.is_gap(<token_t>min(token, NONE))):
            raise unknown_id(token, self.count)
        return PyBytes_FromStringAndSize(<const char*>self.text_of(<token_t>token), <Py_ssize_t>size)

    def decode_bytes(self, ids):
        return joined(self, ids)

    def decode(self, ids, str errors not None):
        return as_text(joined(self, ids), PyUnicode_AsUTF8(errors))

    def decode_batch(self, batch, str errors not None):
        cdef const char* handler = PyUnicode_AsUTF8(errors)
        return [as_text(joined(self, ids), handler) for ids in batch]


cdef inline str as_text(bytes joined, const char* errors):
    return PyUnicode_DecodeUTF8(PyBytes_AS_STRING(joined), len(joined), errors)


cdef bytes joined(Decoder decoder, ids):
    """The bytes of ids in any form."""
    cdef const token_t[::1] view
    cdef bytes text
    if isinstance(ids, (list, tuple)):
        text = joined_list(decoder, ids)
        if text is not None:
            return text
    elif ids is not None:  # which would pass as a view of nothing
        try:
            view = ids
        except (TypeError, ValueError, BufferError):
            pass
        else:
            return joined_array(decoder, view)
    return joined_array(decoder, decoder.convert(ids))


cdef bytes joined_array(Decoder decoder, const token_t[::1] ids):
    cdef size_t n = <size_t>ids.shape[0], total = 0, more, bad
    cdef const token_t* data = &ids[0] if n else NULL
    cdef bytes text
    cdef uint8_t* out
    with nogil:
        bad = decoder.measure(data, n, &total)
        while bad < n and not decoder.is_gap(data[bad]):  # the empty token: go on behind it
            bad += 1 + decoder.measure(data + bad + 1, n - bad - 1, &more)
            total += more
    if bad < n:
        raise unknown_id(data[bad], decoder.count)
    text = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>total)
    out = <uint8_t*>PyBytes_AS_STRING(text)
    with nogil:
        decoder.write(data, n, out, total)
    return text


cdef bytes joined_list(Decoder decoder, ids):
    """The bytes of a list or tuple of plain ints, each with a token; None for any other."""
    cdef size_t n = <size_t>len(ids), i, total = 0, size
    cdef PyObject** items = items_of(ids)
    cdef token_t* data = <token_t*>allocate(n, sizeof(token_t))
    cdef int64_t token
    cdef bytes text = None
    try:
        for i in range(n):
            if i + AHEAD < n:
                prefetch(items[i + AHEAD])
            token = id_of(items[i])
            if not 0 <= token < <int64_t>decoder.count:
                return None
            size = decoder.size_of(<token_t>token)
            if size == 0 and decoder.is_gap(<token_t>token):
                return None
            data[i] = <token_t>token
            total += size
        text = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>total)
        decoder.write(data, n, <uint8_t*>PyBytes_AS_STRING(text), total)
    finally:
        free(data)
    return text
