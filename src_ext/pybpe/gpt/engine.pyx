"""Training a GPT: the forward pass recorded on tapes, and Adam, without a memory request in the loop.

A batch is cut into pieces of whole sequences. Each has its own tape and its own gradients, so pieces
may run on several threads; gradients are then summed in the order of the pieces. The cut depends on the batch alone,
hence so do the results: any number of threads computes the same bits.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport pow
from libc.stdint cimport int32_t
from libc.string cimport memset

cimport pybpe.gpt.ops as ops
from pybpe.gpt.architecture cimport checked_shape, count_ops, count_parameters, cursor_t, record_gpt
from pybpe.gpt.ops cimport real, scratch_bytes
from pybpe.gpt.tape cimport (Block, arena_t, block, fits, take, tape_backward, tape_begin, tape_forward, tape_t, times)

import numpy as np

from pybpe.gpt.tape import checked_ids

cdef enum:
    GRAIN = 4096  # parameters summed and stepped at a time, so that they stay in the nearest cache
    SIGNAL_STEPS = 64  # document steps between two looks for Ctrl-C
    SETTINGS = 4  # of Adam: beta1, beta2, eps, weight decay; what changes from step to step follows (see kernels)
    PIECE_ROWS = 192  # tokens that make a piece worth its own pass over all the weights and gradients
    PIECES = 8  # every piece holds gradients for all parameters; more only when asked for

# ---------------------------------------------------------------- C: no Python below this line, up to the door


# Sum the gradients of all pieces into those of the first, in order, then let Adam use them.
cdef void sum_and_step(piece_t* pieces, size_t n_pieces, real* params, real* m, real* v, size_t start, size_t stop,
                       const double* rates) noexcept nogil:
    cdef real typed[SETTINGS + 3]
    cdef real* grads = <real*>pieces[0].grads
    cdef int level = pieces[0].tape.level
    cdef size_t i, n
    cdef int j
    for j in range(SETTINGS + 3):
        typed[j] = <real>rates[j]
    while start < stop:
        n = min(stop - start, <size_t>GRAIN)
        for i in range(1, n_pieces):
            ops.accumulate(level, grads + start, <const real*>pieces[i].grads + start, n)
        ops.adam(level, params + start, m + start, v + start, grads + start, n, typed)
        start += n


cdef void fill_rates(double* rates, const double* settings, double lr, size_t step) noexcept nogil:
    cdef int i
    for i in range(SETTINGS):
        rates[i] = settings[i]
    rates[SETTINGS] = lr
    rates[SETTINGS + 1] = 1.0 - pow(settings[0], <double>step)
    rates[SETTINGS + 2] = 1.0 - pow(settings[1], <double>step)


# ---------------------------------------------------------------- the door: everything is checked here


cdef class Engine:
    """Computes losses, gradients and Adam steps on arrays of parameters that Python owns.

    params, m, v: flat float32 or float64 arrays of n_params numbers, kept and updated in place. `pieces`: into how
    many parts a batch is cut, if it has as many sequences; 0 leaves it to the size of the batch. One training loop at
    a time: two threads must not train one Engine, except through `run` on different pieces and `update` on different
    parts.
    """

    cdef size_t count_pieces(self, size_t batch, size_t time) noexcept nogil:
        cdef size_t fitting = max(<size_t>1, min(batch * time // PIECE_ROWS, <size_t>PIECES))
        return min(batch, self.most_pieces if self.most_pieces > 0 else fitting)

    # Lay out the arena for `batch` sequences of `time`. With an arena that has no memory this only counts bytes.
    cdef void lay_out(self, arena_t* arena, size_t batch, size_t time) noexcept nogil:
        cdef piece_t piece
        cdef size_t n_pieces = self.count_pieces(batch, time), i, rows
        cdef double share = 1.0 / (<double>batch * <double>time)
        cdef piece_t* pieces
        arena.used = 0
        pieces = <piece_t*>take(arena, n_pieces, sizeof(piece_t))
        for i in range(n_pieces):
            rows = times(batch // n_pieces + (1 if i < batch % n_pieces else 0), time)
            piece.ids = <int32_t*>take(arena, rows, sizeof(int32_t))
            piece.targets = <int32_t*>take(arena, rows, sizeof(int32_t))
            piece.grads = take(arena, self.n_params, self.width)
            piece.tape = tape_begin(arena, count_ops(&self.shape), self.width, take(arena, 1, scratch_bytes()))
            self.record(&piece, rows, time, share)
            if pieces != NULL and fits(arena):
                pieces[i] = piece
        self.pieces = pieces

    cdef void record(self, piece_t* piece, size_t rows, size_t time, double share) noexcept nogil:
        cdef cursor_t weights
        weights.value = <char*>&self.params[0]
        weights.grad = <char*>piece.grads
        weights.width = self.width
        piece.rows = rows
        piece.loss = record_gpt(&piece.tape, &self.shape, weights, piece.ids, piece.targets, rows, time, share)

    cdef void compute(self, piece_t* piece, bint backward) noexcept nogil:
        tape_forward(&piece.tape)
        if not backward:
            return
        if self.width == sizeof(float):  # d loss / d loss = 1: where the way back begins
            (<float*>piece.loss.grad)[0] = 1
        else:
            (<double*>piece.loss.grad)[0] = 1
        tape_backward(&piece.tape, piece.tape.n_ops)  # every weight has a part in the loss: nothing need be zero before

    cdef void step_range(self, size_t start, size_t stop, const double* rates) noexcept nogil:
        if self.width == sizeof(float):
            sum_and_step(self.pieces, self.n_pieces, <float*>&self.params[0], <float*>&self.m[0], <float*>&self.v[0],
                         start, stop, rates)
        else:
            sum_and_step(self.pieces, self.n_pieces, <double*>&self.params[0], <double*>&self.m[0],
                         <double*>&self.v[0], start, stop, rates)

    cdef double loss_value(self) noexcept nogil:
        cdef double total = 0
        cdef size_t i
        for i in range(self.n_pieces):
            if self.width == sizeof(float):
                total += (<float*>self.pieces[i].loss.value)[0]
            else:
                total += (<double*>self.pieces[i].loss.value)[0]
        return total

    def __init__(self, tuple sizes, params, m, v, pieces):
        self.shape = checked_shape(sizes)
        self.width = params.dtype.itemsize
        self.n_params = count_parameters(&self.shape)
        for array in (params, m, v):
            if array.dtype != params.dtype or array.dtype not in (np.float32, np.float64):
                raise ValueError("params, m and v must all be float32 or all be float64")
            if array.shape != (self.n_params,) or not array.flags.c_contiguous or not array.flags.writeable:
                raise ValueError(f"params, m and v must be flat, writeable arrays of {self.n_params} numbers")
        if not 0 <= pieces <= 1024:
            raise ValueError(f"pieces is {pieces}; it must lie in 1..1024, or be 0 to choose by the batch")
        self.params = params.view(np.uint8)
        self.m = m.view(np.uint8)
        self.v = v.view(np.uint8)
        self.most_pieces = pieces
        self.batch = self.time = self.n_pieces = 0
        self.busy = 0
        self.pieces = NULL
        memset(&self.arena, 0, sizeof(arena_t))

    def arena_bytes(self, size_t batch, size_t time) -> int:
        """The bytes of arena that `batch` sequences of `time` tokens need."""
        cdef arena_t counting
        cdef piece_t* kept = self.pieces
        if not 1 <= time <= self.shape.block_size or not 1 <= batch <= 1 << 24:
            raise ValueError(f"a batch of {batch} x {time}: time must lie in 1..{self.shape.block_size}")
        counting.base = NULL
        counting.size = <size_t>-1
        self.lay_out(&counting, batch, time)
        self.pieces = kept
        return counting.used

    def prepare(self, size_t batch, size_t time, limit: int | None = None) -> None:
        """Record the tapes for batches of this shape, in the arena at hand or, where it is too small, in a new one.

        MemoryError, with the bytes needed, when that is more than `limit` or than the system gives.
        """
        cdef Block memory
        if batch == self.batch and time == self.time:
            return
        if self.busy:
            raise RuntimeError("the model is training in another thread")
        cdef size_t needed = self.arena_bytes(batch, time)
        if limit is not None and needed > limit:
            raise MemoryError(f"a batch of {batch} x {time} tokens needs an arena of {needed:,} bytes, and arena_bytes "
                              f"allows {limit:,}; raise it, or lower batch_size")
        if needed > self.arena.size:
            memory = block(needed)  # the old block lives until the new one is there
            self.memory = memory
            self.arena.base = memory.at
            self.arena.size = needed
        self.batch, self.time, self.n_pieces = batch, time, self.count_pieces(batch, time)
        self.lay_out(&self.arena, batch, time)

    def load(self, ids, targets) -> int:
        """Check ids and targets [batch, time] and hand them to the pieces; returns how many pieces there are."""
        if np.shape(ids) != (self.batch, self.time) or np.shape(targets) != (self.batch, self.time):
            raise ValueError(f"ids {np.shape(ids)} and targets {np.shape(targets)} must both be "
                             f"{(self.batch, self.time)}")
        cdef const int32_t[::1] from_ids = checked_ids(ids, self.shape.n_vocab).reshape(-1)
        cdef const int32_t[::1] from_targets = checked_ids(targets, self.shape.n_vocab).reshape(-1)
        cdef size_t at = 0, i, j
        for i in range(self.n_pieces):
            for j in range(self.pieces[i].rows):
                self.pieces[i].ids[j] = from_ids[at]
                self.pieces[i].targets[j] = from_targets[at]
                at += 1
        return self.n_pieces

    def run(self, size_t piece, bint backward) -> None:
        """Compute the loss of one piece of the loaded batch, and its gradients if `backward`. Lets go of the GIL."""
        if piece >= self.n_pieces:
            raise IndexError(f"piece {piece} is not one of {self.n_pieces}")
        self.busy += 1
        with nogil:
            self.compute(&self.pieces[piece], backward)
        self.busy -= 1

    def loss(self) -> float:
        """The mean loss of the batch, after `run` on every piece."""
        return self.loss_value()

    def gradients(self):
        """d loss / d parameters as one flat array, after `run(..., True)` on every piece and before `update`."""
        cdef const unsigned char[::1] view
        total = np.zeros(self.n_params, np.float32 if self.width == sizeof(float) else np.float64)
        for i in range(self.n_pieces):
            view = <unsigned char[:self.n_params * self.width]>self.pieces[i].grads
            total += np.asarray(view).view(total.dtype)
        return total

    def update(self, size_t part, size_t parts, size_t step, double lr, adam) -> None:
        """Adam's step number `step` (from 1) on one of `parts` equal parts of the parameters. Lets go of the GIL.

        adam: beta1, beta2, eps, weight decay.
        """
        cdef double rates[SETTINGS + 3]
        if self.n_pieces == 0 or not part < parts or step < 1:
            raise ValueError(f"part {part} of {parts}, step {step}: nothing to update")
        # Parts start on multiples of GRAIN, so that the same numbers meet in the same vectors however many parts.
        cdef size_t grains = (self.n_params + GRAIN - 1) // GRAIN
        cdef size_t start = grains * part // parts * GRAIN
        cdef size_t stop = min(grains * (part + 1) // parts * GRAIN, self.n_params)
        cdef double[SETTINGS] settings = adam
        fill_rates(rates, settings, lr, step)
        self.busy += 1
        with nogil:
            self.step_range(start, stop, rates)
        self.busy -= 1

    def train_documents(self, ids, offsets, size_t first, size_t last, size_t steps, double lr, adam):
        """microgpt's training loop, or a part of it, in one call: a document a step, lr falling linearly to 0.

        Document d is ids[offsets[d]:offsets[d + 1]], at least two ids, of which a step takes at most block_size + 1.
        Takes steps first..last - 1 of `steps`, from document 0 on and round again, and returns their float64 losses.
        `prepare(1, block_size)` comes first.
        """
        cdef const int32_t[::1] all_ids = checked_ids(ids, self.shape.n_vocab)
        cdef const Py_ssize_t[::1] starts = np.ascontiguousarray(offsets, np.intp)
        cdef Py_ssize_t n_docs = starts.shape[0] - 1, doc
        if n_docs < 1 or starts[0] < 0 or starts[n_docs] > all_ids.shape[0] or np.diff(offsets).min() < 2:
            raise ValueError("every document needs at least two ids")
        if self.batch != 1 or self.time != self.shape.block_size:
            raise ValueError("prepare(1, block_size) comes first")
        if not first < last <= steps:
            raise ValueError(f"steps {first}..{last} of {steps}: there is nothing to do")
        cdef double[::1] losses = np.zeros(last - first, np.float64)
        cdef piece_t* piece = &self.pieces[0]
        cdef size_t step, n, i, used, after_layout = self.arena.used
        cdef double rates[SETTINGS + 3]
        cdef double[SETTINGS] settings = adam
        # The tape is recorded anew at the length of each document, over the space of the longest.
        cdef tape_t fresh = piece.tape
        used = <size_t>(<char*>piece.tape.ops - self.arena.base)
        self.busy += 1
        try:
            with nogil:
                for step in range(first, last):
                    doc = (step - first) % n_docs
                    n = min(self.shape.block_size, <size_t>(starts[doc + 1] - starts[doc] - 1))
                    for i in range(n):
                        piece.ids[i] = all_ids[starts[doc] + i]
                        piece.targets[i] = all_ids[starts[doc] + i + 1]
                    self.arena.used = used
                    piece.tape = tape_begin(&self.arena, fresh.max_ops, self.width, fresh.scratch)
                    self.record(piece, n, n, 1.0 / n)
                    self.compute(piece, True)
                    losses[step - first] = self.loss_value()
                    fill_rates(rates, settings, lr * (1 - <double>step / steps), step + 1)
                    self.step_range(0, self.n_params, rates)
                    if step % SIGNAL_STEPS == SIGNAL_STEPS - 1:
                        with gil:
                            PyErr_CheckSignals()
        finally:
            self.busy -= 1
            self.arena.used = after_layout
            self.batch = self.time = 0  # the tapes are those of a document now
        return np.asarray(losses)
