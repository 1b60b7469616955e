from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from pybpe._core.backtrack cimport Backtracker, free_scratch as free_steps, init_scratch as init_steps
from pybpe._core.cache cimport COPIED_IDS, DEFAULT_CACHE, INLINE_IDS, LONG_WORD, PACKED, SHORT_KEY, Entry, Item, WordCache, load_long, load_short, look_up, look_up_part, mix_key, size_of, unpack
from pybpe._core.cuts cimport CUTS, Cuts
from pybpe._core.emission cimport Emission
from pybpe._core.ids cimport IdBuffer
from pybpe._core.marks cimport Marks
from pybpe._core.memory cimport allocate, allocate_zeros, grow
from pybpe._core.merge cimport SHORT_WORD, MergeTable, free_scratch
from pybpe._core.names cimport Plan
from pybpe._core.runs cimport merge_runs
from pybpe._core.splitter cimport Splitter
from pybpe._core.types cimport NONE, token_t
from pybpe._core.unicode cimport SPACE, CharTable, char_at, char_table
from pybpe._core.utf8 cimport utf8_of, utf8_or_null
from pybpe._core.vocab cimport Vocabulary

cdef extern from *:
    """
    /* Hides from the compiler how a value was computed, so that it does not replace arithmetic by a branch. */
    #if defined(__GNUC__) || defined(__clang__)
    #define PYBPE_OPAQUE(x) __asm__("" : "+r"(x))
    #else
    #define PYBPE_OPAQUE(x) ((void)(x))
    #endif
    """
    void opaque "PYBPE_OPAQUE"(size_t x) noexcept nogil


cdef enum:
    KEEP_GIL = 2048  # below so many bytes, letting go of the GIL costs more than it gives


cdef Plan NO_NAMES = Plan()


cdef inline bint has_long_chars(const uint8_t* word, size_t n) noexcept nogil:
    """Whether a word of at least 8 bytes has characters of three bytes or more, as scripts without spaces do."""
    cdef uint64_t chunk, found = 0
    cdef size_t i = 0
    while i + 8 < n:
        memcpy(&chunk, word + i, 8)
        found |= chunk & chunk << 1 & chunk << 2
        i += 8
    memcpy(&chunk, word + n - 8, 8)
    found |= chunk & chunk << 1 & chunk << 2
    return found & 0x8080808080808080ULL != 0


cdef class Worker:
    def __cinit__(self, size_t cache_bytes):
        self.cache = WordCache(cache_bytes)
        self.cache_bytes = cache_bytes
        self.ids = IdBuffer()
        self.counted = IdBuffer(kept=False)
        init_steps(&self.steps)

    def __dealloc__(self):
        free_scratch(&self.scratch)
        free_steps(&self.steps)
        free(self.marked)


cdef class Encoder:
    cdef Py_ssize_t merge(self, Worker worker, const uint8_t* word, size_t n, token_t* ids) except -1 nogil:
        """Merge a word, in the way that is fastest for its length; how many ids."""
        cdef Py_ssize_t count
        if n <= SHORT_WORD:
            return <Py_ssize_t>self.merges.merge_short(word, n, ids)
        self.long_bytes += n
        if self.backtracker is None and self.long_bytes > PATIENCE:
            with gil:
                if self.backtracker is None:
                    self.backtracker = Backtracker(self.vocabulary, self.merges)
        if self.backtracker is not None and self.backtracker.usable:
            count = <Py_ssize_t>merge_runs(self.merges, word, n, ids)
            if count == 0:
                if not self.backtracker.built:
                    with gil:
                        if not self.backtracker.built:
                            self.backtracker.build_trie()
                if self.backtracker.usable:
                    count = self.backtracker.encode(word, n, ids, &worker.steps)
            if count:
                return count
        return self.merges.merge_long(word, n, ids, &worker.scratch)

    cdef inline size_t token_bit(self, const Item* item) noexcept nogil:
        return mix_key(item.low, item.high) >> self.token_shift

    cdef Py_ssize_t encode_miss(self, Worker worker, Item* item, bint piece, token_t* ids) except -1 nogil:
        """Encode a word that the cache does not hold, and remember it; how many ids.

        A word that is a token is that token, where the vocabulary says so, but a piece of a word is what merging gives.
        Where the two differ nothing is remembered: the cache does not tell words from pieces.
        """
        cdef size_t size = size_of(item), bit
        cdef Py_ssize_t count = self.merge(worker, item.word, size, ids)
        cdef token_t whole
        if self.emission is not None:
            count = <Py_ssize_t>self.emission.write(ids, <size_t>count)
        elif self.ignore_merges and count > 1:
            bit = self.token_bit(item)
            if self.token_bits[bit >> 6] >> (bit & 63) & 1:  # perhaps a token that merging does not reach
                whole = self.vocabulary.find(item.word, size)
                if whole != NONE:
                    if piece:
                        return count
                    ids[0] = whole
                    return 1
        worker.cache.remember(item, ids, <size_t>count)
        return count

    cdef token_t* encode_items(self, Worker worker, Item* item, Item* end, token_t* ids) except NULL nogil:
        """The ids of some items of a worker, to `ids`; where they end."""
        cdef const Entry* entry
        cdef size_t first, second, made
        while item < end:
            entry = item.line
            first = ((entry.low ^ item.low) | (entry.high ^ item.high)) == 0
            second = ((entry[1].low ^ item.low) | (entry[1].high ^ item.high)) == 0
            opaque(first)  # a fifth of the words are in the second place, in no order that could be predicted
            opaque(second)
            entry += second
            if (first | second) & (entry.count <= INLINE_IDS):  # nearly always
                memcpy(ids, entry.ids, (INLINE_IDS + 1) * sizeof(token_t))
                ids += entry.count
            elif (first | second) and entry.count >> 24 & PACKED:
                ids += unpack(entry, ids)
            else:
                made = worker.cache.recall(item, ids)
                if made == 0:
                    made = <size_t>self.encode_miss(worker, item, worker.pieces[item - worker.items], ids)
                ids += made
            item += 1
        if worker.cut:
            worker.cut = False
            memset(worker.pieces, 0, sizeof(worker.pieces))
        return ids

    cdef Item* begin_long(
        self, Worker worker, Item* item, const uint8_t* text, size_t n, size_t start, size_t end, token_t** ids
    ) except NULL nogil:
        """Make an item of the next word, longer than SHORT_KEY, or items of its pieces; encode items if they are many."""
        cdef size_t ends[CUTS]
        cdef size_t count, i, size
        cdef const uint8_t* word
        cdef bint piece = False, may_cut = has_long_chars(text + start, end - start)
        if may_cut and self.cuts is None:
            with gil:
                if self.cuts is None:
                    self.cuts = Cuts(self.vocabulary)
        while start < end:
            word = text + start
            if may_cut:
                count = self.cuts.cut(word, end - start, ends, CUTS)
                piece |= ends[0] < end - start
            else:
                ends[0] = end - start
                count = 1
            if item > worker.items + (ITEMS - BLOCK - CUTS):
                ids[0] = self.encode_items(worker, worker.items, item, ids[0])
                item = worker.items
            size = 0
            for i in range(count):
                word = text + start
                size = ends[i] - size
                if size <= LONG_WORD:
                    if size <= SHORT_KEY:
                        load_short(item, word, size, n - start >= 16)
                        look_up_part(item, worker.cache.entries, worker.cache.shift, worker.cache.chars, size)
                    else:
                        load_long(item, word, size)
                        look_up(item, worker.cache.entries, worker.cache.shift)
                    if piece:
                        worker.pieces[item - worker.items] = worker.cut = True
                    item += 1
                else:
                    ids[0] = self.encode_items(worker, worker.items, item, ids[0])
                    item = worker.items
                    ids[0] += self.encode_huge(worker, word, size, piece, ids[0])
                start += size
                size = ends[i]
        return item

    cdef Py_ssize_t encode_huge(
        self, Worker worker, const uint8_t* word, size_t size, bint piece, token_t* ids
    ) except -1 nogil:
        """Encode a word or piece that is too long to be remembered; how many ids."""
        if self.ignore_merges and not piece:
            ids[0] = self.vocabulary.find(word, size)
            if ids[0] != NONE:
                return 1
        cdef Py_ssize_t count = self.merge(worker, word, size, ids)
        return count if self.emission is None else <Py_ssize_t>self.emission.write(ids, <size_t>count)

    cdef int encode_words(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil:
        """Append the ids of at most BLOCK words, the first from `start`, each up to its end."""
        cdef Item* item = worker.items
        cdef Entry* entries
        cdef const uint8_t* word
        cdef token_t* ids
        cdef size_t i, size
        cdef int shift
        cdef bint readable
        if count == 0:
            return 0
        # A word gives at most one id a byte; the slack is for what is copied whether it is used or not.
        if out.reserve(ends[count - 1] - start + COPIED_IDS) < 0:
            with gil:
                raise MemoryError
        ids = out.data + out.size
        worker.cache.grow()
        entries = worker.cache.entries
        shift = worker.cache.shift
        readable = n - ends[count - 1] >= 16
        # First ask for the entries of all words, then read them: the cache is larger than the processor's own.
        for i in range(count):
            size = ends[i] - start
            word = text + start
            if size <= SHORT_KEY:
                if readable:
                    load_short(item, word, size, True)
                else:
                    load_short(item, word, size, n - start >= 16)
                look_up(item, entries, shift)
                start = ends[i]
                item += 1
            else:
                item = self.begin_long(worker, item, text, n, start, ends[i], &ids)
                start = ends[i]
        ids = self.encode_items(worker, worker.items, item, ids)
        out.size = <size_t>(ids - out.data)
        return 0

    cdef int encode_marked(
        self, Worker worker, const uint8_t* text, size_t n, size_t start, const size_t* ends, size_t count,
        IdBuffer out
    ) except -1 nogil:
        """As `encode_words`, of words as `marks` makes them."""
        cdef size_t room
        cdef void* grown
        if self.marks is None or count == 0:
            return self.encode_words(worker, text, n, start, ends, count, out)
        room = ends[count - 1] - start + 2 * count + 16  # the last so that loads may go beyond a word
        if room > worker.marked_room:
            grown = grow(worker.marked, &worker.marked_room, room, 1)
            if grown == NULL:
                with gil:
                    raise MemoryError
            worker.marked = <uint8_t*>grown
        count = self.marks.write(text, start, ends, count, worker.marked, worker.marked_ends)
        return self.encode_words(worker, worker.marked, worker.marked_room, 0, worker.marked_ends, count, out)

    cdef bint is_settled(self, const uint8_t* text, Segment* segment, size_t start, size_t end) noexcept nogil:
        """True if words from `start` to `end` stay as they are, wherever behind `segment.clear` the next name begins.

        If not, more of the text is to be searched, and `segment.ahead` says how much.
        """
        cdef const CharTable* table
        cdef size_t next_end
        if segment.clear >= segment.end:
            return True
        table = char_table()
        while end < segment.end and char_at(table, text, segment.end, end, &next_end) & SPACE:
            end = next_end
        if end < segment.clear:
            return True
        segment.ahead = 2 * (end - start if end - start > segment.ahead else segment.ahead)
        return False

    cdef int encode_bytes(
        self, Worker worker, const uint8_t* text, size_t n, Plan plan, IdBuffer out
    ) except -1 nogil:
        cdef size_t start = 0, count, blocks = 0, wanted
        cdef Py_ssize_t name
        cdef Segment segment
        segment.end = n
        segment.clear = n if plan.taken is None else 0
        segment.ahead = NAMES_AHEAD if self.splitter.looks_ahead_in_spaces else n
        segment.name = -1
        out.expect(n)
        while True:
            if segment.clear < segment.end and segment.clear - start < segment.ahead:
                wanted = start + 2 * segment.ahead if n - start > 2 * segment.ahead else n
                segment.clear = plan.taken.find(text, n, segment.clear, wanted, &segment.name)
                if segment.name >= 0:
                    segment.end = segment.clear
            if start < segment.end:
                count = self.splitter.scan(text, segment.end, start, worker.ends, BLOCK)
                if not self.is_settled(text, &segment, start, worker.ends[count - 1]):
                    continue
                if plan.refused is not None:
                    plan.refused.find(text, n, start, worker.ends[count - 1], &name)
                    if name >= 0:
                        return 1
                self.encode_marked(worker, text, segment.end, start, worker.ends, count, out)
                start = worker.ends[count - 1]
            elif segment.name >= 0:
                start += plan.taken.size_of(segment.name)
                if plan.refused is not None:
                    plan.refused.find(text, n, segment.end, start, &name)
                    if name >= 0:
                        return 1
                out.put(plan.taken.tokens[segment.name])
                segment.end = n
                segment.clear = start
                segment.name = -1
            else:
                return 0
            out.settle()
            blocks += 1
            if blocks % BLOCKS_A_SIGNAL == 0:
                with gil:
                    PyErr_CheckSignals()

    cdef int mark_tokens(self) except -1:
        """Set the bit of every token that could be a word in the cache."""
        cdef size_t token, start, size, bit
        cdef Item item
        cdef const uint8_t* word
        self.token_shift = 64 - 10
        while <size_t>1 << (64 - self.token_shift) < 16 * self.vocabulary.count:
            self.token_shift -= 1
        self.token_bits = <uint64_t*>allocate_zeros(<size_t>1 << (58 - self.token_shift), sizeof(uint64_t))
        for token in range(self.vocabulary.count):
            start = self.vocabulary.offsets[token]
            word = self.vocabulary.blob + start
            size = self.vocabulary.offsets[token + 1] - start
            if 0 < size <= SHORT_KEY:
                load_short(&item, word, size, self.vocabulary.offsets[self.vocabulary.count] - start >= 16)
            elif SHORT_KEY < size <= LONG_WORD:
                load_long(&item, word, size)
            else:
                continue
            bit = self.token_bit(&item)
            self.token_bits[bit >> 6] |= <uint64_t>1 << (bit & 63)
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self, Vocabulary vocabulary not None, MergeTable merges not None, Splitter splitter, bint ignore_merges,
        Emission emission=None, Marks marks=None
    ):
        self.vocabulary = vocabulary
        self.merges = merges
        self.splitter = splitter
        self.ignore_merges = ignore_merges
        self.emission = emission
        self.marks = marks
        self.limit_cache(DEFAULT_CACHE)
        self.mark_tokens()

    def __dealloc__(self):
        free(self.token_bits)

    @property
    def has_tables(self):
        return self.backtracker is not None

    def limit_cache(self, size_t limit):
        self.cache_bytes = limit
        self.pool = []

    cdef int put_back(self, Worker worker) except -1:
        """Return a worker to the pool; what a huge word took is given back."""
        if worker.scratch.n_symbols > KEPT_SYMBOLS:
            free_scratch(&worker.scratch)
        if worker.steps.size > KEPT_SYMBOLS:
            free_steps(&worker.steps)
        if worker.marked_room > <size_t>KEPT_SYMBOLS:
            free(worker.marked)
            worker.marked = NULL
            worker.marked_room = 0
        if worker.ids.capacity > KEPT_SYMBOLS:
            worker.ids = IdBuffer()
        worker.ids.size = worker.counted.size = worker.counted.forgotten = 0
        if worker.cache_bytes == self.cache_bytes:
            self.pool.append(worker)
        return 0

    cdef Worker worker(self):
        return self.pool.pop() if self.pool else Worker(self.cache_bytes)

    cdef int encode_text(self, Worker worker, text, Plan plan, IdBuffer out) except -1:
        cdef Py_ssize_t n
        cdef int stopped
        cdef const uint8_t* data = utf8_or_null(text, &n)
        if data == NULL:
            return 1
        if n < KEEP_GIL:
            return self.encode_bytes(worker, data, <size_t>n, plan, out)
        with nogil:
            stopped = self.encode_bytes(worker, data, <size_t>n, plan, out)
        return stopped

    cdef Py_ssize_t encode_texts(
        self, list texts, Plan plan, IdBuffer out, int64_t[::1] offsets
    ) except -2:
        cdef list owners = []
        cdef size_t count = <size_t>len(texts), i = 0, total = 0
        cdef bint stopped = False
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
        offsets[0] = <int64_t>len(out)
        if count == 0:
            return -1
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
                total += <size_t>sizes[i]
            with nogil:
                out.expect(total)
                for i in range(count):
                    stopped = self.encode_bytes(worker, data[i], <size_t>sizes[i], plan, out)
                    if stopped:
                        break
                    offsets[i + 1] = <int64_t>(out.forgotten + out.size)
            return <Py_ssize_t>i if stopped else -1
        finally:
            free(data)
            free(sizes)
            self.put_back(worker)

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
                self.encode_bytes(worker, data, <size_t>n, NO_NAMES, out)
            else:
                with nogil:
                    self.encode_bytes(worker, data, <size_t>n, NO_NAMES, out)
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
                    self.encode_marked(worker, data, <size_t>n, start, <const size_t*>&ends[i], block, out)
                    out.settle()
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
