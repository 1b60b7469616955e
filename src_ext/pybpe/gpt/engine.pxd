# A batch is divided into micro-batches, each with its own tape, ids and gradients.
from libc.stdint cimport int32_t

from pybpe.gpt.architecture cimport shape_t
from pybpe.gpt.tape cimport Block, arena_t, mat_t, tape_t

cdef struct micro_batch_t:  # some sequences of a batch; micro-batches share nothing but the weights
    tape_t tape
    int32_t* ids
    int32_t* targets
    size_t rows
    void* grads  # d loss / d parameters, flat
    mat_t loss

cdef class Engine:
    cdef shape_t shape
    cdef size_t width, n_params, n_micro_batches, given_micro_batches, batch, time
    cdef int busy
    cdef arena_t arena
    cdef Block memory
    cdef micro_batch_t* micro_batches
    cdef unsigned char[::1] params
    cdef unsigned char[::1] m
    cdef unsigned char[::1] v

    cdef size_t count_micro_batches(self, size_t batch, size_t time) noexcept nogil
    cdef void lay_out(self, arena_t* arena, size_t batch, size_t time) noexcept nogil
    cdef void record(self, micro_batch_t* micro_batch, size_t rows, size_t time, double share) noexcept nogil
    cdef void compute(self, micro_batch_t* micro_batch, bint backward) noexcept nogil
    cdef void step_range(self, size_t start, size_t stop, const double* rates) noexcept nogil
    cdef double loss_value(self) noexcept nogil
