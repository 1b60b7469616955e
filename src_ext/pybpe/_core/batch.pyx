# Many texts to ids in one block of memory, by any number of threads.
#
# The texts are in parts of consecutive ones. Each thread takes the next part that nobody has, until there are none. Parts
# are committed in their order: only then is it known where in the result the ids of a part belong. A thread whose part
# is the next to be committed writes its ids there at once, the others keep theirs until they can be copied.
from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport (
    PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock, PyThread_release_lock, PyThread_type_lock,
    WAIT_LOCK,
)
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pybpe._core.cache cimport COPIED_IDS
from pybpe._core.encode cimport Encoder, Worker
from pybpe._core.fast_path cimport FastPath
from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport UNTOUCHED_IS_FREE, allocate, allocate_zeros, grow, prefetch
from pybpe._core.names cimport Plan
from pybpe._core.types cimport token_t
from pybpe._core.utf8 cimport utf8_or_null

cdef enum:
    PREFETCHED_LINES = 8  # of the next text: no stream of reads leads there


ctypedef struct Piece:  # the ids of a part that are not yet where they belong
    size_t part
    size_t start  # in the buffer of the thread
    size_t size


# What one thread has encoded and could not put where it belongs.
cdef class Waiting:
    cdef IdBuffer ids
    cdef Piece* pieces
    cdef size_t count
    cdef size_t room

    cdef int add(self, size_t part, size_t start) noexcept nogil:
        """Note that the ids from `start` on are those of a part; -1 without memory."""
        cdef void* grown
        if self.count == self.room:
            grown = grow(self.pieces, &self.room, self.count + 1, sizeof(Piece))
            if grown == NULL:
                return -1
            self.pieces = <Piece*>grown
        self.pieces[self.count].part = part
        self.pieces[self.count].start = start
        self.pieces[self.count].size = self.ids.size - start
        self.count += 1
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(self):
        self.ids = IdBuffer()

    def __dealloc__(self):
        free(self.pieces)


cdef class Batch:
    cdef list texts  # which own what `data` points to
    cdef Encoder core
    cdef Plan plan
    cdef const uint8_t** data
    cdef size_t* sizes
    cdef size_t count, n_parts
    cdef size_t* firsts  # part i is the texts from firsts[i] to firsts[i + 1]
    cdef size_t* bases  # where the ids of a committed part begin in the result
    cdef size_t* made  # how many ids a part has, plus one; 0 while it is not encoded
    cdef int64_t[::1] offsets  # of texts, within their part until its ids are where they belong
    cdef IdBuffer ids
    cdef bint in_place  # the result has room for all ids and does not move
    cdef list left  # of type Waiting, from threads that are done
    # Under the lock:
    cdef PyThread_type_lock lock
    cdef size_t next_part, committed, total
    cdef bint stopped

    cdef bint take(self, size_t* part, bint* direct) noexcept nogil:
        """The next part, and whether it is also the next to be committed; False if there is none."""
        cdef bint taken
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        taken = not self.stopped and self.next_part < self.n_parts
        if taken:
            part[0] = self.next_part
            self.next_part += 1
            direct[0] = self.in_place and self.committed == part[0]
            if direct[0]:
                self.ids.size = self.total
        PyThread_release_lock(self.lock)
        return taken

    cdef size_t commit(self, size_t part, size_t made) noexcept nogil:
        """Note how many ids a part has, and say how many parts are committed now."""
        cdef size_t committed
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.made[part] = made + 1
        while self.committed < self.n_parts and self.made[self.committed]:
            self.bases[self.committed] = self.total
            self.total += self.made[self.committed] - 1
            self.committed += 1
        committed = self.committed
        PyThread_release_lock(self.lock)
        return committed

    cdef void stop_all(self) noexcept nogil:
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        self.stopped = True
        PyThread_release_lock(self.lock)

    cdef void flush(self, Waiting waiting, size_t committed) noexcept nogil:
        """Copy the ids of committed parts to where they belong."""
        cdef size_t i, text, kept = 0, base
        cdef Piece piece
        for i in range(waiting.count):
            piece = waiting.pieces[i]
            if piece.part >= committed:
                waiting.pieces[kept] = piece
                kept += 1
                continue
            base = self.bases[piece.part]
            if piece.size:  # an empty buffer may have no memory
                memcpy(self.ids.data + base, waiting.ids.data + piece.start, piece.size * sizeof(token_t))
            for text in range(self.firsts[piece.part], self.firsts[piece.part + 1]):
                self.offsets[text + 1] += <int64_t>base
        waiting.count = kept
        if kept == 0:
            waiting.ids.size = 0

    cdef int encode_part(self, Worker worker, size_t part, IdBuffer out, size_t start) except -1 nogil:
        """Append the ids of a part's texts; 1 if one of them has a refused name. Offsets are counted from `start`."""
        cdef size_t i, line
        for i in range(self.firsts[part], self.firsts[part + 1]):
            if i + 1 < self.count:
                for line in range(PREFETCHED_LINES):
                    prefetch(self.data[i + 1] + 64 * line)
            if self.core.encode_bytes(worker, self.data[i], self.sizes[i], self.plan, out):
                return 1
            self.offsets[i + 1] = <int64_t>(out.size - start)
        return 0

    cdef int work(self, Worker worker, Waiting waiting, bint signals) except -1 nogil:
        cdef size_t part, start, committed
        cdef bint direct, refused
        while self.take(&part, &direct):
            if direct:
                start = self.ids.size
                refused = self.encode_part(worker, part, self.ids, 0)
                committed = 0 if refused else self.commit(part, self.ids.size - start)
            else:
                start = waiting.ids.size
                refused = self.encode_part(worker, part, waiting.ids, start)
                if waiting.add(part, start) < 0:
                    with gil:
                        raise MemoryError
                committed = 0 if refused else self.commit(part, waiting.ids.size - start)
            if refused:
                self.stop_all()
                return 0
            if self.in_place:
                self.flush(waiting, committed)
            if signals:
                with gil:
                    PyErr_CheckSignals()
        return 0

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self, FastPath fast not None, texts not None, allowed, disallowed, int64_t[::1] offsets not None,
        size_t part_bytes,
    ):
        cdef size_t i, total = 0, filled = 0, n = <size_t>len(texts)
        cdef Py_ssize_t size
        if <size_t>offsets.shape[0] != n + 1 or part_bytes == 0:
            raise ValueError("offsets must have one place more than there are texts, and a part one byte or more")
        self.lock = PyThread_allocate_lock()
        if self.lock == NULL:
            raise MemoryError
        self.texts = list(texts)
        self.core = fast.core
        self.plan = fast.plan(allowed, disallowed)
        self.offsets = offsets
        self.left = []
        self.count = n
        self.data = <const uint8_t**>allocate(n, sizeof(uint8_t*))
        self.sizes = <size_t*>allocate(n, sizeof(size_t))
        self.firsts = <size_t*>allocate(n + 1, sizeof(size_t))
        self.stopped = self.plan is None or fast.prepare is not None
        for i in range(n):
            text = self.texts[i]
            self.data[i] = utf8_or_null(text, &size)
            if self.data[i] == NULL or (fast.only_str and not isinstance(text, str)):
                self.stopped = True
                break
            self.sizes[i] = <size_t>size
            total += <size_t>size
            if filled == 0 or filled >= part_bytes:
                self.firsts[self.n_parts] = i
                self.n_parts += 1
                filled = 0
            filled += <size_t>size + 1
        self.firsts[self.n_parts] = n
        self.bases = <size_t*>allocate(self.n_parts, sizeof(size_t))
        self.made = <size_t*>allocate_zeros(self.n_parts, sizeof(size_t))
        self.ids = IdBuffer()
        offsets[0] = 0
        # A word gives at most one id a byte, unless marks are put around it.
        self.in_place = not self.stopped and UNTOUCHED_IS_FREE and self.core.marks is None
        if self.in_place:
            self.ids.expect(total)
            if self.ids.reserve(total + COPIED_IDS) < 0:
                raise MemoryError

    def __dealloc__(self):
        free(self.data)
        free(self.sizes)
        free(self.firsts)
        free(self.bases)
        free(self.made)
        if self.lock != NULL:
            PyThread_free_lock(self.lock)

    @property
    def parts(self):
        return self.n_parts

    def stop(self):
        self.stop_all()

    def run(self, bint signals=False):
        cdef Worker worker = self.core.worker()
        cdef Waiting waiting = Waiting()
        try:
            with nogil:
                self.work(worker, waiting, signals)
            self.left.append(waiting)
        except BaseException:
            self.stop_all()
            raise
        finally:
            self.core.put_back(worker)

    def finish(self):
        cdef Waiting waiting
        if self.stopped or self.committed < self.n_parts:
            return None
        if not self.in_place and self.ids.reserve(self.total) < 0:
            raise MemoryError
        for waiting in self.left:
            self.flush(waiting, self.n_parts)
        self.left = []
        self.ids.size = self.total
        return self.ids
