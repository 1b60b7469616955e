"""Define the GPT: the order of its weights in memory, and its forward pass."""

from libc.stdint cimport int32_t

from pybpe.gpt.tape cimport (mat_t, tape_add, tape_attention, tape_cross_entropy, tape_embed, tape_linear, tape_relu,
                             tape_rmsnorm, tape_t, times)

# ---------------------------------------------------------------- C: no Python below this line, up to the door


cdef mat_t next_matrix(cursor_t* cursor, size_t rows, size_t cols) noexcept nogil:
    cdef size_t size = rows * cols * cursor.width
    cdef mat_t mat
    mat.rows = rows
    mat.cols = cols
    mat.value = cursor.value
    mat.grad = cursor.grad
    cursor.value += size
    if cursor.grad != NULL:
        cursor.grad += size
    return mat


cdef size_t count_parameters(const shape_t* shape) noexcept nogil:
    cdef size_t layer = times(12 * shape.n_embd, shape.n_embd)
    return (2 * shape.n_vocab + shape.block_size) * shape.n_embd + times(shape.n_layer, layer)


cdef size_t count_ops(const shape_t* shape) noexcept nogil:
    return 12 * shape.n_layer + 4


# The forward pass of the whole model: that of microgpt, with matrices in place of lists. The backward pass needs no
# code here, because the tape computes it.
cdef mat_t record_gpt(tape_t* tape, const shape_t* shape, cursor_t weights, const int32_t* ids, const int32_t* targets,
                      size_t rows, size_t time, double share) noexcept nogil:
    cdef size_t width = shape.n_embd, layer
    cdef mat_t wte = next_matrix(&weights, shape.n_vocab, width)
    cdef mat_t wpe = next_matrix(&weights, shape.block_size, width)
    cdef mat_t lm_head = next_matrix(&weights, shape.n_vocab, width)
    cdef mat_t wq, wk, wv, wo, fc1, fc2, x, normed, mixed, hidden

    x = tape_rmsnorm(tape, tape_embed(tape, wte, wpe, ids, rows, time))
    for layer in range(shape.n_layer):
        wq = next_matrix(&weights, width, width)
        wk = next_matrix(&weights, width, width)
        wv = next_matrix(&weights, width, width)
        wo = next_matrix(&weights, width, width)
        fc1 = next_matrix(&weights, 4 * width, width)
        fc2 = next_matrix(&weights, width, 4 * width)
        # attention: positions exchange information
        normed = tape_rmsnorm(tape, x)
        mixed = tape_attention(tape, tape_linear(tape, normed, wq), tape_linear(tape, normed, wk),
                               tape_linear(tape, normed, wv), time, shape.n_head)
        x = tape_add(tape, tape_linear(tape, mixed, wo), x)
        # MLP: each position is transformed on its own
        normed = tape_rmsnorm(tape, x)
        hidden = tape_relu(tape, tape_linear(tape, normed, fc1))
        x = tape_add(tape, tape_linear(tape, hidden, fc2), x)
    return tape_cross_entropy(tape, tape_linear(tape, x, lm_head), targets, share)


# ---------------------------------------------------------------- the door: everything is checked here


cdef shape_t checked_shape(tuple sizes) except *:
    """Return the sizes as a shape_t, checked again because memory is laid out by them. ValueError if one is wrong."""
    cdef shape_t shape
    shape.n_vocab, shape.n_layer, shape.n_head, shape.n_embd, shape.block_size = sizes
    if min(sizes) < 1 or max(sizes) > 1 << 24 or shape.n_embd % shape.n_head:
        raise ValueError(f"(n_vocab, n_layer, n_head, n_embd, block_size) = {sizes} is not the shape of a GPT")
    return shape
