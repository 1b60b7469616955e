"""Train a GPT: compute losses, gradients and steps of Adam, without allocating memory in the training loop.

A batch is divided into micro-batches of whole sequences. Each has its own tape and its own gradients, so several
threads can compute them; the gradients are then summed in the order of the micro-batches. The division depends on the
size of the batch alone, and so any number of threads computes the same bits.
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
    GRAIN = 4096  # parameters that are summed and updated at a time, so that they stay in the L1 cache
    SIGNAL_STEPS = 64  # steps on documents between two checks for Ctrl-C
    SETTINGS = 4  # of Adam: beta1, beta2, eps, weight decay; kernels_isa.h says which three follow
    MICRO_BATCH_TOKENS = 192  # with fewer tokens, the pass over all weights costs more than a thread saves
    MOST_MICRO_BATCHES = 8  # each has gradients of all parameters; there are more only if the caller asks

# ---------------------------------------------------------------- C: no Python below this line, up to the door


# Sum the gradients of all micro-batches into those of the first, in order, then take a step of Adam.
cdef void sum_and_step(micro_batch_t* micro_batches, size_t n_micro_batches, real* params, real* m, real* v,
                       size_t start, size_t stop, const double* rates) noexcept nogil:
    cdef real typed[SETTINGS + 3]
    cdef real* grads = <real*>micro_batches[0].grads
    cdef int level = micro_batches[0].tape.level
    cdef size_t i, n
    cdef int j
    for j in range(SETTINGS + 3):
        typed[j] = <real>rates[j]
    while start < stop:
        n = min(stop - start, <size_t>GRAIN)
        for i in range(1, n_micro_batches):
            ops.accumulate(level, grads + start, <const real*>micro_batches[i].grads + start, n)
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
    """Computes losses, gradients and steps of Adam on arrays of parameters that Python owns.

    params, m, v: the parameters and Adam's moments, flat float32 or float64 arrays of n_params numbers, changed in
    place. micro_batches: number of micro-batches, at most one for each sequence (0: chosen by the size of the batch).
    Two threads may call `run` for different micro-batches at a time, and `update` for different parts; everything else
    is for one thread at a time.
    """

    cdef size_t count_micro_batches(self, size_t batch, size_t time) noexcept nogil:
        cdef size_t fitting = max(<size_t>1, min(batch * time // MICRO_BATCH_TOKENS, <size_t>MOST_MICRO_BATCHES))
        return min(batch, self.given_micro_batches if self.given_micro_batches > 0 else fitting)

    # Lay out the arena for `batch` sequences of `time`. With an arena that has no memory this only counts bytes.
    cdef void lay_out(self, arena_t* arena, size_t batch, size_t time) noexcept nogil:
        cdef micro_batch_t micro_batch
        cdef size_t n_micro_batches = self.count_micro_batches(batch, time), i, rows
        cdef double share = 1.0 / (<double>batch * <double>time)
        cdef micro_batch_t* micro_batches
        arena.used = 0
        micro_batches = <micro_batch_t*>take(arena, n_micro_batches, sizeof(micro_batch_t))
        for i in range(n_micro_batches):
            rows = times(batch // n_micro_batches + (1 if i < batch % n_micro_batches else 0), time)
            micro_batch.ids = <int32_t*>take(arena, rows, sizeof(int32_t))
            micro_batch.targets = <int32_t*>take(arena, rows, sizeof(int32_t))
            micro_batch.grads = take(arena, self.n_params, self.width)
            micro_batch.tape = tape_begin(arena, count_ops(&self.shape), self.width, take(arena, 1, scratch_bytes()))
            self.record(&micro_batch, rows, time, share)
            if micro_batches != NULL and fits(arena):
                micro_batches[i] = micro_batch
        self.micro_batches = micro_batches

    cdef void record(self, micro_batch_t* micro_batch, size_t rows, size_t time, double share) noexcept nogil:
        cdef cursor_t weights
        weights.value = <char*>&self.params[0]
        weights.grad = <char*>micro_batch.grads
        weights.width = self.width
        micro_batch.rows = rows
        micro_batch.loss = record_gpt(&micro_batch.tape, &self.shape, weights, micro_batch.ids, micro_batch.targets,
                                      rows, time, share)

    cdef void compute(self, micro_batch_t* micro_batch, bint backward) noexcept nogil:
        tape_forward(&micro_batch.tape)
        if not backward:
            return
        if self.width == sizeof(float):  # d loss / d loss = 1, where the backward pass begins
            (<float*>micro_batch.loss.grad)[0] = 1
        else:
            (<double*>micro_batch.loss.grad)[0] = 1
        # The loss depends on every weight, so each gradient is stored before it is added to, and none needs to be 0.
        tape_backward(&micro_batch.tape, micro_batch.tape.n_ops)

    cdef void step_range(self, size_t start, size_t stop, const double* rates) noexcept nogil:
        if self.width == sizeof(float):
            sum_and_step(self.micro_batches, self.n_micro_batches, <float*>&self.params[0], <float*>&self.m[0],
                         <float*>&self.v[0], start, stop, rates)
        else:
            sum_and_step(self.micro_batches, self.n_micro_batches, <double*>&self.params[0], <double*>&self.m[0],
                         <double*>&self.v[0], start, stop, rates)

    cdef double loss_value(self) noexcept nogil:
        cdef double total = 0
        cdef size_t i
        for i in range(self.n_micro_batches):
            if self.width == sizeof(float):
                total += (<float*>self.micro_batches[i].loss.value)[0]
            else:
                total += (<double*>self.micro_batches[i].loss.value)[0]
        return total

    def __init__(self, tuple sizes, params, m, v, micro_batches):
        self.shape = checked_shape(sizes)
        self.width = params.dtype.itemsize
        self.n_params = count_parameters(&self.shape)
        for array in (params, m, v):
            if array.dtype != params.dtype or array.dtype not in (np.float32, np.float64):
                raise ValueError("params, m and v must all be float32 or all be float64")
            if array.shape != (self.n_params,) or not array.flags.c_contiguous or not array.flags.writeable:
                raise ValueError(f"params, m and v must be flat, writeable arrays of {self.n_params} numbers")
        if not 0 <= micro_batches <= 1024:
            raise ValueError(f"micro_batches is {micro_batches}; it must lie in 1..1024, or be 0: by the batch's size")
        self.params = params.view(np.uint8)
        self.m = m.view(np.uint8)
        self.v = v.view(np.uint8)
        self.given_micro_batches = micro_batches
        self.batch = self.time = self.n_micro_batches = 0
        self.busy = 0
        self.micro_batches = NULL
        memset(&self.arena, 0, sizeof(arena_t))

    def arena_bytes(self, size_t batch, size_t time) -> int:
        """Return the size in bytes of the arena for `batch` sequences of `time` tokens."""
        cdef arena_t counting
        cdef micro_batch_t* kept = self.micro_batches
        if not 1 <= time <= self.shape.block_size or not 1 <= batch <= 1 << 24:
            raise ValueError(f"a batch of {batch} x {time}: time must lie in 1..{self.shape.block_size}")
        counting.base = NULL
        counting.size = <size_t>-1
        self.lay_out(&counting, batch, time)
        self.micro_batches = kept
        return counting.used

    def prepare(self, size_t batch, size_t time, limit: int | None = None) -> None:
        """Record the tapes for batches [batch, time]; allocate a larger arena if the present one is too small.

        MemoryError, with the size needed, if that is more than `limit` bytes or more than the system has.
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
            memory = block(needed)  # the old block is freed only when the new one is allocated
            self.memory = memory
            self.arena.base = memory.at
            self.arena.size = needed
        self.batch, self.time, self.n_micro_batches = batch, time, self.count_micro_batches(batch, time)
        self.lay_out(&self.arena, batch, time)

    def load(self, ids, targets) -> int:
        """Check ids and targets [batch, time] and copy them into the micro-batches. Returns their number."""
        if np.shape(ids) != (self.batch, self.time) or np.shape(targets) != (self.batch, self.time):
            raise ValueError(f"ids {np.shape(ids)} and targets {np.shape(targets)} must both be "
                             f"{(self.batch, self.time)}")
        cdef const int32_t[::1] from_ids = checked_ids(ids, self.shape.n_vocab).reshape(-1)
        cdef const int32_t[::1] from_targets = checked_ids(targets, self.shape.n_vocab).reshape(-1)
        cdef size_t at = 0, i, j
        for i in range(self.n_micro_batches):
            for j in range(self.micro_batches[i].rows):
                self.micro_batches[i].ids[j] = from_ids[at]
                self.micro_batches[i].targets[j] = from_targets[at]
                at += 1
        return self.n_micro_batches

    def run(self, size_t micro_batch, bint backward) -> None:
        """Compute the loss of a micro-batch of the loaded batch, and its gradients if `backward`. Releases the GIL."""
        if micro_batch >= self.n_micro_batches:
            raise IndexError(f"micro_batch {micro_batch} is not one of {self.n_micro_batches}")
        self.busy += 1
        with nogil:
            self.compute(&self.micro_batches[micro_batch], backward)
        self.busy -= 1

    def loss(self) -> float:
        """Return the mean loss of the batch in nats per token, after `run` for every micro-batch."""
        return self.loss_value()

    def gradients(self):
        """Return d loss / d parameters as a flat array, after `run(..., True)` for all and before `update`."""
        cdef const unsigned char[::1] view
        total = np.zeros(self.n_params, np.float32 if self.width == sizeof(float) else np.float64)
        for i in range(self.n_micro_batches):
            view = <unsigned char[:self.n_params * self.width]>self.micro_batches[i].grads
            total += np.asarray(view).view(total.dtype)
        return total

    def update(self, size_t part, size_t parts, size_t step, double lr, adam) -> None:
        """Take Adam's step number `step` (from 1) on one of `parts` equal parts of the parameters. Releases the GIL.

        adam: beta1, beta2, eps, weight decay.
        """
        cdef double rates[SETTINGS + 3]
        if self.n_micro_batches == 0 or not part < parts or step < 1:
            raise ValueError(f"part {part} of {parts}, step {step}: nothing to update")
        # Parts start at multiples of GRAIN, so that the same numbers are computed in the same vectors for any `parts`.
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
        """Take steps first..last - 1 of a run of `steps`, one document per step, as microgpt.py does.

        Document d is ids[offsets[d] : offsets[d + 1]]: at least two ids, of which a step uses the first block_size + 1.
        The documents are used in order and repeatedly; lr falls linearly to 0. Returns the losses, float64. Call
        `prepare(1, block_size)` before.
        """
        cdef const int32_t[::1] all_ids = checked_ids(ids, self.shape.n_vocab)
        cdef const Py_ssize_t[::1] starts = np.ascontiguousarray(offsets, np.intp)
        cdef Py_ssize_t n_docs = starts.shape[0] - 1, doc
        if n_docs < 1 or starts[0] < 0 or starts[n_docs] > all_ids.shape[0] or np.diff(offsets).min() < 2:
            raise ValueError("every document needs at least two ids")
        if self.batch != 1 or self.time != self.shape.block_size:
            raise ValueError("call prepare(1, block_size) before train_documents")
        if not first < last <= steps:
            raise ValueError(f"steps {first}..{last} of {steps}: there is nothing to do")
        cdef double[::1] losses = np.zeros(last - first, np.float64)
        cdef micro_batch_t* micro_batch = &self.micro_batches[0]
        cdef size_t step, n, i, used, after_layout = self.arena.used
        cdef double rates[SETTINGS + 3]
        cdef double[SETTINGS] settings = adam
        # The tape is recorded anew for the length of each document, in the memory of the longest.
        cdef tape_t fresh = micro_batch.tape
        used = <size_t>(<char*>micro_batch.tape.ops - self.arena.base)
        self.busy += 1
        try:
            with nogil:
                for step in range(first, last):
                    doc = (step - first) % n_docs
                    n = min(self.shape.block_size, <size_t>(starts[doc + 1] - starts[doc] - 1))
                    for i in range(n):
                        micro_batch.ids[i] = all_ids[starts[doc] + i]
                        micro_batch.targets[i] = all_ids[starts[doc] + i + 1]
                    self.arena.used = used
                    micro_batch.tape = tape_begin(&self.arena, fresh.max_ops, self.width, fresh.scratch)
                    self.record(micro_batch, n, n, 1.0 / n)
                    self.compute(micro_batch, True)
                    losses[step - first] = self.loss_value()
                    fill_rates(rates, settings, lr * (1 - <double>step / steps), step + 1)
                    self.step_range(0, self.n_params, rates)
                    if step % SIGNAL_STEPS == SIGNAL_STEPS - 1:
                        with gil:
                            PyErr_CheckSignals()
        finally:
            self.busy -= 1
            self.arena.used = after_layout
            self.batch = self.time = 0  # the recorded tapes are those of a document
        return np.asarray(losses)
