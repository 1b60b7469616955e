from libc.stdint cimport int64_t, uint8_t

from pybpe._core.encode cimport Encoder, Worker
from pybpe._core.ids cimport IdBuffer, list_of
from pybpe._core.names cimport Plan
from pybpe._core.utf8 cimport utf8_or_null

cdef enum:
    KEPT_PLANS = 64  # policies remembered: a caller that makes ever new ones must not fill the memory


cdef class FastPath:
    cdef int fill(self, Worker worker, text, Plan plan, IdBuffer out) except -1:
        if plan is None or (self.only_str and not isinstance(text, str)):
            return 1
        if self.prepare is not None:
            if not isinstance(text, str) or self.has_names_apart(plan, text):
                return 1
            text = self.prepare(text)
        return self.core.encode_text(worker, text, plan, out)

    cdef bint has_names_apart(self, Plan plan, text) except -1:
        """True if a text has a name that is searched for before it is prepared, or a lone surrogate."""
        cdef Py_ssize_t n
        cdef const uint8_t* data = utf8_or_null(text, &n)
        cdef bint found
        if data == NULL or plan.apart is None:
            return data == NULL
        with nogil:
            found = plan.apart.occurs_in(data, <size_t>n)
        return found

    cdef Plan ordinary_plan(self):
        if self.ordinary is None:
            self.ordinary = self.plan_of(frozenset(), ())
        return self.ordinary

    cdef Plan plan(self, allowed, disallowed):
        cdef tuple key
        if isinstance(allowed, (frozenset, set)) and not allowed:
            if isinstance(disallowed, str) and disallowed == "all":
                if self.default is None:
                    self.default = self.plan_of(frozenset(), "all")
                return self.default
            if isinstance(disallowed, (tuple, frozenset, set, list)) and not disallowed:
                return self.ordinary_plan()
        if not hasattr(allowed, "__iter__") or not hasattr(disallowed, "__iter__"):
            return self.plan_of(allowed, disallowed)  # which raises the error
        key = (
            allowed if isinstance(allowed, str) else frozenset(allowed),
            disallowed if isinstance(disallowed, str) else frozenset(disallowed),
        )
        if key not in self.plans:
            if len(self.plans) >= KEPT_PLANS:
                self.plans = {}
            self.plans[key] = self.plan_of(key[0], key[1])
        return self.plans[key]

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self, Encoder core not None, plan_of not None, Py_ssize_t n_vocab, bint only_str=False, prepare=None
    ):
        self.core = core
        self.prepare = prepare
        self.plan_of = plan_of
        self.n_vocab = n_vocab
        self.only_str = only_str
        self.plans = {}

    @property
    def ints(self):
        if self.table is None:
            self.table = list(range(self.n_vocab))
        return self.table

    def to_list(self, text, allowed, disallowed):
        cdef Plan plan = self.plan(allowed, disallowed)
        cdef Worker worker = self.core.worker()
        try:
            if self.fill(worker, text, plan, worker.ids):
                return None
            return list_of(worker.ids, self.table or self.ints, 0, worker.ids.size)
        finally:
            self.core.put_back(worker)

    def to_list_ordinary(self, text):
        return self.to_list(text, frozenset(), ())

    def count(self, text):
        cdef Worker worker = self.core.worker()
        try:
            if self.fill(worker, text, self.ordinary_plan(), worker.counted):
                return None
            return <Py_ssize_t>(worker.counted.forgotten + worker.counted.size)
        finally:
            self.core.put_back(worker)

    def append_many(self, list texts not None, allowed, disallowed, IdBuffer out not None, int64_t[::1] offsets not None):
        cdef Plan plan = self.plan(allowed, disallowed)
        cdef size_t size = out.size, forgotten = out.forgotten
        cdef list prepared = []
        cdef Py_ssize_t n
        if plan is None:
            return False
        for text in texts:
            if self.only_str and not isinstance(text, str):
                return False
            if self.prepare is not None and (not isinstance(text, str) or self.has_names_apart(plan, text)):
                return False
            if utf8_or_null(text, &n) == NULL:
                return False
        if self.prepare is not None:
            for text in texts:
                prepared.append(self.prepare(text))
            texts = prepared
        if self.core.encode_texts(texts, plan, out, offsets) < 0:
            return True
        out.size = size
        out.forgotten = forgotten
        return False

    def has_names(self, text, allowed, disallowed):
        cdef Plan plan = self.plan(allowed, disallowed)
        cdef Py_ssize_t n
        cdef const uint8_t* data = utf8_or_null(text, &n)
        cdef bint found = plan is None or data == NULL or self.prepare is not None
        if not found:
            with nogil:
                found = plan.taken is not None and plan.taken.occurs_in(data, <size_t>n)
                if not found:
                    found = plan.refused is not None and plan.refused.occurs_in(data, <size_t>n)
        return found

    def append(self, text, allowed, disallowed, IdBuffer out not None):
        cdef Plan plan = self.plan(allowed, disallowed)
        cdef size_t size = out.size, forgotten = out.forgotten
        cdef Worker worker
        if out.exports:
            raise BufferError("an array over these ids exists; they can no longer grow")
        worker = self.core.worker()
        try:
            if self.fill(worker, text, plan, out):
                out.size = size
                out.forgotten = forgotten
                return False
            return True
        finally:
            self.core.put_back(worker)
