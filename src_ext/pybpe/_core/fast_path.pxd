# The way of the common calls: one text to ids without Python code in between.
cimport cython

from pybpe._core.encode cimport Encoder, Worker
from pybpe._core.ids cimport IdBuffer
from pybpe._core.names cimport Plan


@cython.final
cdef class FastPath:
    cdef Encoder core
    cdef object plan_of  # (allowed, disallowed) -> Plan, or None where this path does not serve
    cdef bint only_str  # it does not serve bytes
    cdef object prepare  # str -> the str that is encoded, such as its normal form; None if that is the text itself
    cdef Py_ssize_t n_vocab
    cdef list table  # the int object of every id, which lists share; None until the first list
    cdef Plan default, ordinary  # of the policies that most calls have
    cdef dict plans  # of others

    cdef Plan ordinary_plan(self)
    cdef Plan plan(self, allowed, disallowed)
    cdef bint has_names_apart(self, Plan plan, text) except -1
    # Append the ids of a text to `out`. 1, and perhaps some of them, where this path does not serve.
    cdef int fill(self, Worker worker, text, Plan plan, IdBuffer out) except -1
