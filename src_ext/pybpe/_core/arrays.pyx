# The calls that make numpy arrays by its C API. A module of its own, so that those that need no arrays import no numpy.
cimport numpy as np
from libc.string cimport memcpy

from pybpe._core.encode cimport Worker
from pybpe._core.fast_path cimport FastPath
from pybpe._core.ids cimport IdBuffer
from pybpe._core.names cimport Plan
from pybpe._core.types cimport token_t

cdef enum:
    COPIED = 1 << 14  # ids: up to so many, a copy takes less time than fresh memory for the next call

np.import_array()

# ---------------------------------------------------------------------------------------------------------------------


def to_array(FastPath fast not None, text, allowed, disallowed):
    cdef Plan plan = fast.plan(allowed, disallowed)
    cdef Worker worker = fast.core.worker()
    cdef IdBuffer ids = worker.ids
    cdef np.npy_intp size
    try:
        if fast.fill(worker, text, plan, ids):
            return None
        if ids.size > COPIED:
            worker.ids = IdBuffer()
            return ids.to_numpy()
        size = <np.npy_intp>ids.size
        array = np.PyArray_SimpleNew(1, &size, np.NPY_UINT32)
        if size:  # the buffer may have no memory yet
            memcpy(np.PyArray_DATA(array), ids.data, ids.size * sizeof(token_t))
        return array
    finally:
        fast.core.put_back(worker)
