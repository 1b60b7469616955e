# The GPT on a tape: what its parameters are, how its forward pass is recorded, how a batch is cut into pieces.
from libc.stdint cimport int32_t

from pybpe.gpt.tape cimport Block, arena_t, mat_t, tape_t

cdef struct shape_t:
    size_t n_vocab
    size_t n_layer
    size_t n_head
    size_t n_embd
    size_t block_size

cdef struct cursor_t:  # walks the flat array of parameters, one matrix after another, in the order of microgpt
    char* value
    char* grad  # NULL where no gradients are wanted
    size_t width

cdef mat_t next_matrix(cursor_t* cursor, size_t rows, size_t cols) noexcept nogil
cdef size_t count_parameters(const shape_t* shape) noexcept nogil
cdef shape_t checked_shape(tuple sizes) except *

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

    cdef void lay_out(self, arena_t* arena, size_t batch, size_t time) noexcept nogil
    cdef void record(self, piece_t* piece, size_t rows, size_t time, double share) noexcept nogil
    cdef void compute(self, piece_t* piece, bint backward) noexcept nogil
    cdef void step_range(self, size_t start, size_t stop, const double* rates) noexcept nogil
    cdef double loss_value(self) noexcept nogil
