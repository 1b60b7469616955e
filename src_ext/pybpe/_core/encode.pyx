from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pybpe._core.cache cimport (
    LONG_WORD, SHORT_IDS, SHORT_KEY, ShortEntry, WordCache, WordKey, load_key, prefetch, short_slot
)
from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate
from pybpe._core.merge cimport MergeTable, free_scratch
from pybpe._core.splitter cimport Splitter
from pybpe._core.types cimport NONE, token_t
from pybpe._core.vocab cimport Vocabulary, hash_bytes

cdef enum:
    KEEP_GIL = 2048  # below so many bytes, letting go of the GIL costs more than it gives


cdef class Worker:
    def __cinit__(self):
        self.cache = WordCache()

    def __dealloc__(self):
        free_scratch(&self.scratch)


cdef inline Py_ssize_t encode_miss(
    Encoder encoder, Worker worker, const uint8_t* word, size_t n, token_t* out
) except -1 nogil:
    """Encode one word without the cache; how many ids."""
    cdef token_t whole
    if encoder.whole_words:
        whole = encoder.vocabulary.find(word, n)
        if whole != NONE:
            out[0] = whole
            return 1
    return encoder.merges.merge_word(word, n, out, &worker.scratch)


cdef inline Py_ssize_t encode_word(
    Encoder encoder, Worker worker, const uint8_t* word, size_t n, token_t* out
) except -1 nogil:
    """Encode one word that the table of short words does not hold; how many ids."""
    cdef uint64_t hash
    cdef Py_ssize_t count
    if n > LONG_WORD:
        return encode_miss(encoder, worker, word, n, out)
    hash = hash_bytes(word, n)
    count = <Py_ssize_t>worker.cache.get(word, n, hash, out)
    if count == 0:
        count = encode_miss(encoder, worker, word, n, out)
        if n > SHORT_KEY or count > SHORT_IDS:
            worker.cache.put(word, n, hash, out, <size_t>count)
    return count


cdef class Encoder:
    cdef int encode_words(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil:
        """Append the ids of `count` words, the first from `start`, each up to its end."""
        cdef ShortEntry* shorts = worker.cache.shorts
        cdef ShortEntry* entry
        cdef WordKey* keys = worker.keys
        cdef size_t i, length, previous = start
        cdef Py_ssize_t made
        cdef token_t* ids
        if count == 0:
            return 0
        # A word gives at most one id a byte; the slack lets a hit copy all the ids of an entry, used or not.
        if out.reserve(ends[count - 1] - start + SHORT_IDS) < 0:
            with gil:
                raise MemoryError
        # First ask for all the entries, then read them: the cache is larger than the processor's own.
        for i in range(count):
            length = ends[i] - previous
            if length <= SHORT_KEY:
                keys[i] = load_key(text + previous, length, n - previous >= 16)
                worker.slots[i] = short_slot(keys[i])
                prefetch(&shorts[worker.slots[i]])
            previous = ends[i]
        ids = out.data + out.size
        for i in range(count):
            length = ends[i] - start
            if length <= SHORT_KEY:
                entry = &shorts[worker.slots[i]]
                if entry.low == keys[i].low and entry.high == keys[i].high:
                    memcpy(ids, entry.ids, SHORT_IDS * sizeof(token_t))
                    ids += entry.count
                    start = ends[i]
                    continue
                if entry[1].low == keys[i].low and entry[1].high == keys[i].high:
                    memcpy(ids, entry[1].ids, SHORT_IDS * sizeof(token_t))
                    ids += entry[1].count
                    start = ends[i]
                    continue
                made = encode_word(self, worker, text + start, length, ids)
                if made <= SHORT_IDS:
                    entry[1] = entry[0]
                    entry.low = keys[i].low
                    entry.high = keys[i].high
                    entry.count = <unsigned int>made
                    memcpy(entry.ids, ids, <size_t>made * sizeof(token_t))
            else:
                made = encode_word(self, worker, text + start, length, ids)
            ids += made
            start = ends[i]
        out.size = <size_t>(ids - out.data)
        return 0

    cdef int encode_bytes(self, Worker worker, const uint8_t* text, size_t n, IdBuffer out) except -1 nogil:
        """Split text[:n] and append its ids."""
        cdef size_t start = 0, count, blocks = 0
        while start < n:
            count = self.splitter.scan(text, n, start, worker.ends, BLOCK)
            self.encode_words(worker, text, n, start, worker.ends, count, out)
            start = worker.ends[count - 1]
            blocks += 1
            if blocks % BLOCKS_A_SIGNAL == 0:
                with gil:
                    PyErr_CheckSignals()
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self, Vocabulary vocabulary not None, MergeTable merges not None, Splitter splitter, bint whole_words
    ):
        self.vocabulary = vocabulary
        self.merges = merges
        self.splitter = splitter
        self.whole_words = whole_words
        self.pool = []

    cdef int put_back(self, Worker worker) except -1:
        """Return a worker to the pool; what a huge word took is given back."""
        if worker.scratch.n_symbols > KEPT_SYMBOLS:
            free_scratch(&worker.scratch)
        self.pool.append(worker)
        return 0

    cdef Worker worker(self):
        try:
            return self.pool.pop()
        except IndexError:
            return Worker()

    def encode(self, text, IdBuffer out not None):
        """str or bytes into ids, by the compiled splitter."""
        cdef const uint8_t* data
        cdef Py_ssize_t n
        cdef Worker worker
        if self.splitter is None:
            raise TypeError("this encoder has no compiled splitter: give the word ends")
        if out.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        data = utf8_of(text, &n)
        worker = self.worker()
        try:
            if n < KEEP_GIL:
                self.encode_bytes(worker, data, <size_t>n, out)
            else:
                with nogil:
                    self.encode_bytes(worker, data, <size_t>n, out)
        finally:
            self.put_back(worker)

    def encode_split(self, text, const int64_t[::1] ends not None, IdBuffer out not None):
        """str or bytes into ids, by word ends in bytes found elsewhere."""
        cdef const uint8_t* data
        cdef Py_ssize_t n
        cdef int64_t previous = 0
        cdef size_t i, block, start = 0, count = <size_t>ends.shape[0]
        cdef Worker worker
        if out.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        data = utf8_of(text, &n)
        for i in range(count):
            if ends[i] <= previous or ends[i] > n:
                raise ValueError(f"word end {ends[i]} at position {i} is not between {previous + 1} and {n}")
            previous = ends[i]
        if previous != n:
            raise ValueError(f"the last word ends at {previous}, the text at {n}")
        if count == 0:
            return
        worker = self.worker()
        try:
            with nogil:
                i = 0
                while i < count:
                    block = count - i if count - i < BLOCK else BLOCK
                    self.encode_words(worker, data, <size_t>n, start, <const size_t*>&ends[i], block, out)
                    i += block
                    start = <size_t>ends[i - 1]
        finally:
            self.put_back(worker)

    def encode_with_dropout(self, list words not None, double p, uint64_t seed, IdBuffer out not None):
        """Words into ids with BPE-dropout, without the cache."""
        cdef Worker worker
        cdef bytes word
        if not 0 <= p <= 1:
            raise ValueError(f"p is {p}, must be 0 to 1")
        if out.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        worker = self.worker()
        try:
            for word in words:
                if not word:
                    continue
                if out.reserve(<size_t>len(word)) < 0:
                    raise MemoryError
                out.size += <size_t>self.merges.merge_with_dropout(
                    <const uint8_t*>PyBytes_AS_STRING(word), <size_t>len(word), out.data + out.size, &worker.scratch, p,
                    &seed,
                )
        finally:
            self.put_back(worker)

    def encode_many(self, list texts not None, IdBuffer out not None, int64_t[::1] offsets not None):
        """Each of `texts` into the same ids; offsets[i + 1] receives where text i ends."""
        cdef list owners = []
        cdef size_t count = <size_t>len(texts), i
        cdef const uint8_t** data
        cdef Py_ssize_t* sizes
        cdef object text
        cdef Worker worker
        if self.splitter is None:
            raise TypeError("this encoder has no compiled splitter: give the word ends")
        if <size_t>offsets.shape[0] != count + 1:
            raise ValueError("offsets must have one place more than there are texts")
        if out.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        offsets[0] = <int64_t>out.size
        if count == 0:
            return
        data = NULL
        sizes = NULL
        worker = self.worker()
        try:
            data = <const uint8_t**>allocate(count, sizeof(uint8_t*))
            sizes = <Py_ssize_t*>allocate(count, sizeof(Py_ssize_t))
            for i in range(count):
                text = texts[i]
                data[i] = utf8_of(text, &sizes[i])
                owners.append(text)
            with nogil:
                for i in range(count):
                    self.encode_bytes(worker, data[i], <size_t>sizes[i], out)
                    offsets[i + 1] = <int64_t>out.size
        finally:
            free(data)
            free(sizes)
            self.put_back(worker)


cdef const uint8_t* utf8_of(text, Py_ssize_t* n) except NULL:
    """The UTF-8 form of a str, in place where it is ASCII, or the bytes as they are. The caller keeps `text` alive."""
    if isinstance(text, str):
        return <const uint8_t*>PyUnicode_AsUTF8AndSize(text, n)
    if isinstance(text, bytes):
        n[0] = PyBytes_GET_SIZE(text)
        return <const uint8_t*>PyBytes_AS_STRING(text)
    raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
