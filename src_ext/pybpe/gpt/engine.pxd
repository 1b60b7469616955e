# How a batch is cut into pieces, and what each piece needs.
from libc.stdint cimport int32_t

from pybpe.gpt.architecture cimport shape_t
from pybpe.gpt.tape cimport Block, arena_t, mat_t, tape_t

cdef struct piece_t:  # some sequences of a batch, with all that computing them needs: pieces never touch each other
    tape_t tape
    int32_t* ids
    int32_t* targets
    size_t rows
    void* grads  # d loss / d parameters, flat like the parameters
    mat_t loss

cdef class Engine:
    cdef shape_t shape
    cdef size_t width, n_params, n_pieces, most_pieces, batch, time
    cdef int busy
    cdef arena_t arena
    cdef Block memory
    cdef piece_t* pieces
    cdef unsigned char[::1] params
    cdef unsigned char[::1] m
    cdef unsigned char[::1] v

    cdef size_t count_pieces(self, size_t batch, size_t time) noexcept nogil
    cdef void lay_out(self, arena_t* arena, size_t batch, size_t time) noexcept nogil
    cdef void record(self, piece_t* piece, size_t rows, size_t time, double share) noexcept nogil
    cdef void compute(self, piece_t* piece, bint backward) noexcept nogil
    cdef void step_range(self, size_t start, size_t stop, const double* rates) noexcept nogil
    cdef double loss_value(self) noexcept nogil
