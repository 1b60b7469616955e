# One table look-up a character, and no branch at the end of most words: the character that ends a word leads straight
# to the state that it has as the first of the next. Only where a run fails, having read beyond the last match or never
# having matched, the word is read again by `word_end`, which remembers where it matched.
#
# In a row of patterns each splits the words of the one before. No state is kept between two calls of `scan`, so a call
# must be able to begin anywhere in a word of an earlier pattern and still find its end: text that a pattern does not
# match has the same end from any place in it, and so have matches of a `resumable` pattern; matches of others are short
# or make few words, and all or none of one goes into a block of ends. To find a far end is never needed but for those:
# text is looked at through a window that ends in `more` text, and what depends on what follows is left undecided.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pybpe._core.memory cimport allocate, allocate_zeros
from pybpe._core.splitter cimport LEAST_ROOM
from pybpe._core.unicode cimport BLOCK_SIZE, N_BLOCKS, is_tail, wide_point

cdef inline size_t match_end(
    const Automaton* automaton, const Alphabet* alphabet, const uint8_t* text, size_t n, size_t start, uint32_t* state
) noexcept nogil:
    """Where the match that begins at `start` ends, as far as text[:n] tells; `start` if there is none.

    `state` receives STOP, or the state at n if the run is still going there: then more text could change the end.
    """
    cdef size_t pos = start, last = start, end
    cdef uint8_t flags
    state[0] = START
    while pos < n:
        state[0] = following(automaton, alphabet, state[0], text, n, pos, &end)
        if state[0] >= automaton.fresh:
            state[0] = STOP
            return pos
        if state[0] == STOP:
            return last
        flags = automaton.flags[state[0] >> 7]
        if flags & MATCHED_HERE:
            last = end
        elif flags & MATCHED_BEFORE:
            last = pos
        pos = end
    return last


cdef size_t word_end(
    const Automaton* automaton, const Alphabet* alphabet, const uint8_t* text, size_t n, size_t start, bint more,
    Ending* ending
) noexcept nogil:
    cdef size_t pos = start, end
    cdef uint32_t state
    while True:
        while pos < n and text[pos] < 0x80 and automaton.narrow[START | text[pos]] == STOP:
            pos += 1
        if pos == n:
            ending[0] = OPEN if more else UNMATCHED
            return n
        end = match_end(automaton, alphabet, text, n, pos, &state)
        if state != STOP and not more and automaton.flags[state >> 7] & MATCHED_AT_END:
            end = n
        if pos > start and end > pos:
            ending[0] = UNMATCHED
            return pos
        if state != STOP and more:
            ending[0] = RUNNING if pos == start else OPEN
            return end
        if end > pos:
            ending[0] = MATCHED
            return end
        following(automaton, alphabet, START, text, n, pos, &end)
        pos = end


cdef size_t split_one(
    const Automaton* automaton, const Alphabet* alphabet, const uint8_t* text, size_t n, size_t start, bint more,
    size_t* ends, size_t capacity
) noexcept nogil:
    """The next `capacity` word ends at most, from `start` on, of one pattern; returns how many.

    With `more` text behind n, only the words that end before n whatever it is.
    """
    cdef size_t pos = start, count = 0, limit, end
    cdef uint32_t state = START
    cdef uint32_t fresh = automaton.fresh
    cdef const uint32_t* narrow = automaton.narrow
    cdef Ending ending
    while count < capacity:
        limit = n if n - pos <= capacity - count else pos + (capacity - count)  # a step adds one word at most
        while pos < limit:
            if text[pos] < 0x80:
                state = narrow[state | text[pos]]
                end = pos + 1
            else:
                state = automaton.wide[
                    (state >> 7) * automaton.classes + class_of(alphabet, wide_point(text, n, pos, &end))
                ]
            ends[count] = pos  # kept if `count` moves on
            count += state >= fresh
            if state == STOP:
                break
            pos = end
        if count == capacity or (state != STOP and pos < n):
            continue
        if count:
            start = ends[count - 1]
        if start == n or (state != STOP and more):
            break
        if state != STOP and automaton.flags[state >> 7] & (MATCHED_HERE | MATCHED_AT_END):
            ends[count] = n
            return count + 1
        pos = word_end(automaton, alphabet, text, n, start, more, &ending)
        if ending == OPEN or ending == RUNNING:
            break
        ends[count] = pos
        count += 1
        state = START
    return count


cdef size_t between_characters(const uint8_t* text, size_t pos) noexcept nogil:
    """The place up to three bytes before `pos` > 3 that no character reaches over."""
    cdef size_t back
    for back in range(4):
        if not is_tail(text[pos - back]):
            return pos - back
    return pos


cdef void* copied(const void* source, size_t count, size_t size) except NULL:
    cdef void* block = allocate(count, size)
    memcpy(block, source, count * size)
    return block


cdef int fill(
    Automaton* automaton, const Alphabet* alphabet, size_t classes, const uint32_t[:, ::1] targets,
    const uint8_t[::1] flags, uint32_t fresh, bint resumable
) except -1:
    """Make an automaton's tables from the states, one row each, that each class leads to."""
    cdef size_t states = <size_t>targets.shape[0], state, number
    cdef uint32_t byte
    if <size_t>targets.shape[1] != classes or <size_t>flags.shape[0] != states or states < 2:
        raise ValueError("tables of the wrong shape")
    automaton.narrow = <uint32_t*>allocate(states, 128 * sizeof(uint32_t))
    automaton.wide = <uint32_t*>allocate(states, classes * sizeof(uint32_t))
    automaton.flags = <uint8_t*>copied(&flags[0], states, 1)
    automaton.fresh = fresh << 7
    automaton.classes = classes
    automaton.resumable = resumable
    for state in range(states):
        for number in range(classes):
            if targets[state, number] >= states:
                raise ValueError(f"state {targets[state, number]} of {states}")
            automaton.wide[state * classes + number] = targets[state, number] << 7
        for byte in range(128):
            automaton.narrow[state * 128 + byte] = targets[state, class_of(alphabet, byte)] << 7
    return 0


cdef class AutomatonSplitter(Splitter):
    cdef size_t split_stages(
        self, size_t level, const uint8_t* text, size_t n, size_t start, bint more, size_t* ends, size_t capacity
    ) noexcept nogil:
        """As `split_one`, by the pattern number `level` and those behind it."""
        cdef const Automaton* automaton = &self.stages[level]
        cdef size_t pos = start, count = 0, made, end
        cdef Ending ending
        cdef bint goes_on
        if level + 1 == self.n_stages:
            return split_one(automaton, &self.alphabet, text, n, start, more, ends, capacity)
        while pos < n and count < capacity:
            end = word_end(automaton, &self.alphabet, text, n, pos, more, &ending)
            if end == pos:
                break
            goes_on = ending == OPEN or ending == RUNNING
            made = self.split_stages(level + 1, text, end, pos, goes_on, ends + count, capacity - count)
            if made and ends[count + made - 1] == end and not goes_on:
                count += made
                pos = end
                continue
            if ending == OPEN or ending == UNMATCHED or automaton.resumable:
                count += made
            break
        return count

    cdef size_t scan(
        self, const uint8_t* text, size_t n, size_t pos, size_t* ends, size_t capacity
    ) noexcept nogil:
        cdef size_t window = capacity * 6, end, count
        if self.n_stages == 1:
            return split_one(&self.stages[0], &self.alphabet, text, n, pos, False, ends, capacity)
        while True:
            end = n if n - pos <= window else between_characters(text, pos + window)
            count = self.split_stages(0, text, end, pos, end < n, ends, capacity)
            if count or end == n:
                return count
            window *= 4

    cdef size_t last_cut(self, const uint8_t* text, size_t n) noexcept nogil:
        """The last place where text[:n] can be cut so that splitting both parts gives the words of the whole; 0 if none."""
        cdef size_t pos = n, before, end
        cdef uint8_t second
        while pos > 1:
            pos -= 1
            if is_tail(text[pos]):
                continue
            second = self.class_at(text, n, pos, &end)
            if text[pos] >= 0x80 and end == pos + 1:
                continue  # not UTF-8, or a character that goes on behind n
            before = pos - 1
            while before > 0 and is_tail(text[before]) and pos - before < 4:
                before -= 1
            if self.cuts[self.class_at(text, n, before, &end) * self.n_classes + second] and end == pos:
                return pos
        return 0

    cdef inline size_t class_at(self, const uint8_t* text, size_t n, size_t pos, size_t* end) noexcept nogil:
        if text[pos] < 0x80:
            end[0] = pos + 1
            return class_of(&self.alphabet, text[pos])
        return class_of(&self.alphabet, wide_point(text, n, pos, end))

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self,
        const uint16_t[::1] blocks not None,
        const uint8_t[:, ::1] classes not None,
        list stages not None,
        const uint8_t[:, ::1] cuts not None,
    ):
        cdef size_t size = <size_t>cuts.shape[0], i
        if blocks.shape[0] != N_BLOCKS or classes.shape[1] != BLOCK_SIZE or not classes.shape[0]:
            raise ValueError("tables of the wrong shape")
        if not size or cuts.shape[1] != <Py_ssize_t>size or not stages:
            raise ValueError("tables of the wrong shape")
        for i in range(<size_t>N_BLOCKS):
            if blocks[i] >= classes.shape[0]:
                raise ValueError(f"block {blocks[i]} of {classes.shape[0]}")
        for i in range(<size_t>classes.shape[0] * BLOCK_SIZE):
            if (&classes[0, 0])[i] >= size:
                raise ValueError(f"class {(&classes[0, 0])[i]} of {size}")
        self.n_classes = size
        self.alphabet.blocks = <uint16_t*>copied(&blocks[0], <size_t>blocks.shape[0], sizeof(uint16_t))
        self.alphabet.classes = <uint8_t*>copied(&classes[0, 0], <size_t>classes.shape[0], BLOCK_SIZE)
        self.cuts = <uint8_t*>copied(&cuts[0, 0], size, size)
        self.stages = <Automaton*>allocate_zeros(<size_t>len(stages), sizeof(Automaton))
        self.n_stages = <size_t>len(stages)
        for i, (targets, flags, fresh, resumable) in enumerate(stages):
            fill(&self.stages[i], &self.alphabet, size, targets, flags, fresh, resumable)

    def __dealloc__(self):
        cdef size_t i
        free(self.alphabet.blocks)
        free(self.alphabet.classes)
        free(self.cuts)
        for i in range(self.n_stages):
            free(self.stages[i].narrow)
            free(self.stages[i].wide)
            free(self.stages[i].flags)
        free(self.stages)

    @property
    def can_cut(self):
        cdef size_t i
        return any(self.cuts[i] for i in range(self.n_classes * self.n_classes))

    def find_cut(self, bytes text not None):
        return self.last_cut(<const uint8_t*><const char*>text, <size_t>len(text))


HERE = MATCHED_HERE
BEFORE = MATCHED_BEFORE
AT_END = MATCHED_AT_END
MAX_BOUNDED = LEAST_ROOM
