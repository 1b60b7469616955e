# What the GPT is: the shapes and order of its parameters, and its forward pass as a recording on a tape.
from libc.stdint cimport int32_t

from pybpe.gpt.tape cimport mat_t, tape_t

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
cdef size_t count_ops(const shape_t* shape) noexcept nogil  # how many lines of tape a recording takes
cdef mat_t record_gpt(tape_t* tape, const shape_t* shape, cursor_t weights, const int32_t* ids, const int32_t* targets,
                      size_t rows, size_t time, double share) noexcept nogil
