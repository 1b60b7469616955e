# Counts of pairs are kept exact by adding and subtracting around every replacement, never recounted. A pair of two
# older tokens can only lose occurrences, for a merge makes none but with its new token: so a pair that at its birth
# occurs too rarely to be reached need not be kept at all. How rarely that is is a guess; where it was wrong, all pairs
# are counted once more, with a lower floor.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate_zeros, grow, prefetch
from pybpe._core.pairs cimport Pair, Pairs, find_pair, places_of
from pybpe._core.queue cimport Candidate, Queue, wait
from pybpe._core.slots cimport ALIGNED, Slots, count_of, next_window
from pybpe._core.spellings cimport MOST_SPELLED, Spellings
from pybpe._core.types cimport NONE, count_t, pack_pair, pair_t, token_t

cdef enum:
    OUT_OF_MEMORY = -1
    NO_PAIR_LEFT = 0
    MERGED = 1

cdef enum:
    AHEAD = 12  # places whose slots are asked for early
    GRID = 1024  # most tokens for which pairs are first counted in a square
    REACH = 96  # the first floor is the count that so many times the tokens wanted would have, if all had the same
    STEP_DOWN = 8  # from one floor to the next

ORDERS = {"ids": BY_IDS, "place": BY_PLACE, "spelling": BY_SPELLING}
TWINS = {"separate": SEPARATE, "shared": SHARED, "huggingface": SHARED_AS_HUGGINGFACE}


cdef int expect(Beside* beside, size_t n) noexcept nogil:
    """Room for `n` more places."""
    cdef void* grown
    if n > beside.near_capacity:
        grown = grow(beside.near, &beside.near_capacity, n, sizeof(Near))
        if grown == NULL:
            return OUT_OF_MEMORY
        beside.near = <Near*>grown
    if n > beside.met_capacity:
        grown = grow(beside.met, &beside.met_capacity, n, sizeof(token_t))
        if grown == NULL:
            return OUT_OF_MEMORY
        beside.met = <token_t*>grown
    return 0


cdef inline void note(Beside* beside, token_t token, uint32_t place, count_t count) noexcept nogil:
    """A symbol stands beside the new token; its pair with that would be at `place`."""
    cdef Side* side = &beside.sides[token]
    if side.n == 0:
        beside.met[beside.n_met] = token
        beside.n_met += 1
    side.count += count
    side.n += 1
    beside.near[beside.n_near].token = token
    beside.near[beside.n_near].place = place
    beside.n_near += 1


cdef void free_beside(Beside* beside) noexcept nogil:
    free(beside.sides)
    free(beside.near)
    free(beside.met)


cdef class Trainer:
    cdef int count_pairs(self) noexcept nogil:
        """Find every pair that occurs `floor` times or more and queue it; 0 or OUT_OF_MEMORY."""
        cdef size_t slot = ALIGNED, i
        cdef size_t side = self.next_token if self.next_token <= GRID else 0
        cdef token_t left = NONE, right = NONE
        cdef uint32_t index
        cdef uint32_t* grid = NULL  # of few tokens, where each pair is, without a hash
        cdef Pair* entry
        if side:
            grid = <uint32_t*>malloc(side * side * sizeof(uint32_t))
            if grid == NULL:
                return OUT_OF_MEMORY
            memset(grid, 0xFF, side * side * sizeof(uint32_t))
        self.queue.clear()
        if self.pairs.clear() < 0:
            free(grid)
            return OUT_OF_MEMORY
        while next_window(self.slots, &slot, &left, &right):
            index = grid[left * side + right] if side else find_pair(self.tally, pack_pair(left, right))
            if index == NONE:
                index = self.tally.make(pack_pair(left, right), 0, 0, True)
                if index == NONE:
                    free(grid)
                    return OUT_OF_MEMORY
                if side:
                    grid[left * side + right] = index
            entry = &self.tally.items[index]
            entry.count += count_of(self.slots, <uint32_t>slot)
            entry.cursor += 1
        for i in range(self.tally.count):
            entry = &self.tally.items[i]
            left = <token_t>(entry.pair >> 32)
            right = <token_t>entry.pair
            index = NONE
            if entry.count >= self.floor and self.fits(left, right, True):
                index = self.pairs.make(entry.pair, entry.count, entry.cursor, True)
                if index == NONE:
                    free(grid)
                    return OUT_OF_MEMORY
            if side:
                grid[left * side + right] = index
        self.tally.clear()
        slot = ALIGNED
        while next_window(self.slots, &slot, &left, &right):
            index = grid[left * side + right] if side else find_pair(self.pairs, pack_pair(left, right))
            if index != NONE:
                entry = &self.pairs.items[index]
                places_of(entry)[entry.cursor] = <uint32_t>slot
                entry.cursor += 1
        free(grid)
        for i in range(self.pairs.count):
            self.pairs.items[i].cursor = 0
            if self.enqueue(<uint32_t>i) < 0:
                return OUT_OF_MEMORY
        return 0

    cdef uint32_t first_place(self, uint32_t index) noexcept nogil:
        """The first place that still has the pair, NONE if there is none."""
        cdef Pair* entry = &self.pairs.items[index]
        cdef const uint32_t* places = places_of(entry)
        cdef token_t left = <token_t>(entry.pair >> 32), right = <token_t>entry.pair
        while entry.cursor < entry.n_places:
            if self.slots.symbols[places[entry.cursor] - 1] == left and self.slots.symbols[places[entry.cursor]] == right:
                return places[entry.cursor]
            entry.cursor += 1
        return NONE

    cdef int enqueue(self, uint32_t index) noexcept nogil:
        """Queue an entry by its count of now, or drop it if that is below the floor; 0 or OUT_OF_MEMORY."""
        cdef Pair* entry = &self.pairs.items[index]
        cdef Candidate item
        cdef uint8_t spelled[MOST_SPELLED]
        cdef size_t n, i
        if entry.owner == NONE or self.pairs.items[entry.owner].count < self.floor:
            self.pairs.drop_places(index)
            return 0
        item.count = self.pairs.items[entry.owner].count
        if item.count < self.queue.level:
            wait(self.queue, entry, index, item.count)
            return 0
        if self.order == BY_IDS:
            item.key = entry.pair
        elif self.order == BY_PLACE:
            item.key = self.first_place(index)
        else:
            n = self.tokens.spell(entry.pair, spelled)
            item.key = <uint64_t>(self.chars[<token_t>(entry.pair >> 32)] + self.chars[<token_t>entry.pair]) << 56
            for i in range(n if n < KEY_BYTES else KEY_BYTES):
                item.key |= <uint64_t>spelled[i] << (48 - 8 * i)
        item.index = index
        return self.queue.push(item)

    cdef int first_spelled(self, Candidate* top) noexcept nogil:
        """Make of `top`, taken from the queue, the first of those that have its count and key; MERGED or OUT_OF_MEMORY."""
        cdef Candidate other
        cdef Pair* entry
        cdef size_t n = 0, i
        cdef void* grown
        while self.queue.size and self.queue.heap[0].count == top.count and self.queue.heap[0].key == top.key:
            other = self.queue.heap[0]
            self.queue.pop()
            entry = &self.pairs.items[other.index]
            if entry.owner == NONE or self.pairs.items[entry.owner].count != other.count:
                if self.enqueue(other.index) < 0:
                    return OUT_OF_MEMORY
                continue
            if n == self.ties_capacity:
                grown = grow(self.ties, &self.ties_capacity, n + 1, sizeof(Candidate))
                if grown == NULL:
                    return OUT_OF_MEMORY
                self.ties = <Candidate*>grown
            self.ties[n] = other
            if self.tokens.comes_before(entry.pair, self.pairs.items[top.index].pair):
                self.ties[n] = top[0]
                top[0] = other
            n += 1
        for i in range(n):
            if self.queue.push(self.ties[i]) < 0:
                return OUT_OF_MEMORY
        return MERGED

    cdef int best(self, uint32_t* index) noexcept nogil:
        """Take the entry that goes next from the queue: MERGED, NO_PAIR_LEFT or OUT_OF_MEMORY."""
        cdef Candidate top
        cdef uint32_t waiting, after
        cdef Pair* entry
        while True:
            while self.queue.size == 0:
                if self.queue.level <= self.floor:
                    return NO_PAIR_LEFT
                self.queue.level -= 1
                waiting = self.queue.lists[self.queue.level]
                while waiting != NONE:
                    after = self.pairs.items[waiting].next
                    if self.enqueue(waiting) < 0:
                        return OUT_OF_MEMORY
                    waiting = after
            top = self.queue.heap[0]
            self.queue.pop()
            entry = &self.pairs.items[top.index]
            if entry.owner != NONE and self.pairs.items[entry.owner].count == top.count:
                if self.order == BY_SPELLING:
                    if self.first_spelled(&top) < 0:
                        return OUT_OF_MEMORY
                    index[0] = top.index
                    return MERGED
                if self.order == BY_IDS or self.first_place(top.index) == top.key:
                    index[0] = top.index
                    return MERGED
            if self.enqueue(top.index) < 0:
                return OUT_OF_MEMORY

    cdef int replace(self, uint32_t index, token_t joined) noexcept nogil:
        """Replace a pair by `joined` in all places of an entry, left to right, and note what stands beside."""
        cdef pair_t pair = self.pairs.items[index].pair
        cdef token_t left = <token_t>(pair >> 32), right = <token_t>pair
        cdef uint32_t n = self.pairs.items[index].n_places, place, start, end, i
        cdef const uint32_t* places = places_of(&self.pairs.items[index])
        cdef token_t* symbols = self.slots.symbols
        cdef count_t count
        if expect(&self.lefts, n) < 0 or expect(&self.rights, n) < 0:
            return OUT_OF_MEMORY
        for i in range(n):
            if i + AHEAD < n:
                prefetch(&symbols[places[i + AHEAD]])
                prefetch(&self.slots.weights[places[i + AHEAD] // ALIGNED])
            place = places[i]
            if symbols[place - 1] != left or symbols[place] != right:
                continue
            start = place - self.slots.spans[left]
            end = place + self.slots.spans[right]
            count = count_of(self.slots, place)
            symbols[place - 1] = NONE
            symbols[place] = NONE
            symbols[start] = joined
            symbols[end - 1] = joined
            if symbols[start - 1] != NONE:
                note(&self.lefts, symbols[start - 1], start, count)
            if symbols[end] != NONE:
                note(&self.rights, symbols[end], end, count)
        return 0

    cdef uint32_t kept(self, pair_t pair, count_t count, uint32_t n_places) noexcept nogil:
        """An entry for new occurrences of a pair with the new token, still empty; NONE when memory ran out."""
        cdef uint32_t index = find_pair(self.pairs, pair), again
        cdef Pair* entry
        if index == NONE:
            return self.pairs.make(pair, count, n_places, True)
        entry = &self.pairs.items[index]
        entry.count += count  # the new token is an old one, and the pair was there before
        again = self.pairs.make(pair, 0, n_places, False)
        if again != NONE:
            self.pairs.items[again].owner = index
        return again

    cdef int settle(self, Beside* beside, bint left, pair_t pair, token_t joined) noexcept nogil:
        """Take the pairs away that the merge ended on one side, and make the new ones; 0 or OUT_OF_MEMORY."""
        cdef token_t first_of = <token_t>(pair >> 32), second_of = <token_t>pair, other
        cdef size_t i
        cdef uint32_t old
        cdef pair_t made
        cdef count_t count
        cdef Side* side
        cdef Pair* entry
        for i in range(beside.n_met):
            other = beside.met[i]
            side = &beside.sides[other]
            old = find_pair(self.pairs, pack_pair(other, first_of) if left else pack_pair(second_of, other))
            count = side.count
            if old != NONE:
                entry = &self.pairs.items[old]
                entry.count -= count
            side.index = NONE
            if count >= self.floor and self.fits(other, joined, False):
                made = pack_pair(other, joined) if left else pack_pair(joined, other)
                side.index = self.kept(made, count, side.n)
                if side.index == NONE:
                    return OUT_OF_MEMORY
        for i in range(beside.n_near):
            side = &beside.sides[beside.near[i].token]
            if side.index != NONE:
                entry = &self.pairs.items[side.index]
                places_of(entry)[entry.cursor] = beside.near[i].place
                entry.cursor += 1
        for i in range(beside.n_met):
            side = &beside.sides[beside.met[i]]
            if side.index != NONE:
                self.pairs.items[side.index].cursor = 0
            side.count = 0
            side.n = 0
        beside.n_met = beside.n_near = 0
        return 0

    cdef int absorb(self, uint32_t index, uint32_t other) noexcept nogil:
        """Add the places of another entry of the same pair, which then is none any more; 0 or OUT_OF_MEMORY."""
        cdef Pair* entry = &self.pairs.items[index]
        cdef Pair* gone = &self.pairs.items[other]
        cdef uint32_t n = entry.n_places + gone.n_places, i = 0, k = 0, at
        cdef const uint32_t* mine = places_of(entry)
        cdef const uint32_t* theirs = places_of(gone)
        cdef uint32_t* both = <uint32_t*>malloc(n * sizeof(uint32_t))
        if both == NULL:
            return OUT_OF_MEMORY
        for at in range(n):
            if k == gone.n_places or (i < entry.n_places and mine[i] <= theirs[k]):
                both[at] = mine[i]
                i += 1
            else:
                both[at] = theirs[k]
                k += 1
        self.pairs.drop_places(index)
        self.pairs.drop_places(other)
        if n > 1:
            entry.places.many = both
        else:
            entry.places.one = both[0]
            free(both)
        entry.n_places = n
        if gone.owner == other:
            entry.count = gone.count
            entry.owner = index
            self.pairs.relist(index)
        gone.owner = NONE
        return 0

    cdef int unite(self, size_t first, pair_t doubled) noexcept nogil:
        """Make one entry of those that this merge made twice, and of new and old ones where pairs wait once.

        first: where the entries of this merge begin. doubled: the new token beside itself, which both sides make.
        """
        cdef uint32_t i, last = NONE
        for i in range(<uint32_t>first, <uint32_t>self.pairs.count):
            if self.pairs.items[i].pair == doubled:
                if last != NONE and self.absorb(i, last) < 0:
                    return OUT_OF_MEMORY
                last = i
            if self.twins == SHARED and self.pairs.items[i].owner != i:
                if self.absorb(i, self.pairs.items[i].owner) < 0:
                    return OUT_OF_MEMORY
        return 0

    cdef int merge_best(self) noexcept nogil:
        """Merge the best pair everywhere: MERGED, NO_PAIR_LEFT or OUT_OF_MEMORY."""
        cdef uint32_t index, owner, i
        cdef pair_t pair
        cdef token_t left, right, joined = NONE
        cdef size_t first
        cdef int status = self.best(&index)
        if status != MERGED:
            return status
        pair = self.pairs.items[index].pair
        owner = self.pairs.items[index].owner
        if self.pairs.items[owner].count < self.least:
            return NO_PAIR_LEFT
        left = <token_t>(pair >> 32)
        right = <token_t>pair
        if self.twins != SEPARATE:
            joined = self.tokens.find_joined(left, right)
        if joined == NONE:
            joined = self.next_token
            if self.tokens.add_joined(left, right) < 0:
                return OUT_OF_MEMORY
            self.slots.spans[joined] = self.slots.spans[left] + self.slots.spans[right]
            if self.order == BY_SPELLING:
                self.chars[joined] = self.chars[left] + self.chars[right]
                self.scripts[joined] = self.scripts[left] if self.scripts[left] else self.scripts[right]
            self.next_token += 1
        if self.merges.reserve(3) < 0 or self.replace(index, joined) < 0:
            return OUT_OF_MEMORY
        self.last_count = self.pairs.items[owner].count
        self.pairs.drop_places(index)
        if self.twins != SHARED_AS_HUGGINGFACE:
            self.pairs.items[owner].count = 0
        first = self.pairs.count
        if self.settle(&self.rights, False, pair, joined) < 0 or self.settle(&self.lefts, True, pair, joined) < 0:
            return OUT_OF_MEMORY
        if self.twins != SEPARATE and self.unite(first, pack_pair(joined, joined)) < 0:
            return OUT_OF_MEMORY
        for i in range(<uint32_t>first, <uint32_t>self.pairs.count):
            if self.enqueue(i) < 0:
                return OUT_OF_MEMORY
        self.merges.data[self.merges.size] = left
        self.merges.data[self.merges.size + 1] = right
        self.merges.data[self.merges.size + 2] = joined
        self.merges.size += 3
        return MERGED

    # -----------------------------------------------------------------------------------------------------------------

    def __cinit__(
        self, const token_t[::1] symbols not None, const uint32_t[::1] sizes not None, const count_t[::1] counts not None,
        list tokens not None, token_t last_token, *, const uint8_t[::1] blob=None, count_t min_count=1,
        size_t most_bytes=NONE, str order="ids", str twins="separate", const uint16_t[::1] scripts=None
    ):
        cdef size_t i
        self.merges = IdBuffer()
        self.pairs = Pairs()
        self.tally = Pairs()
        self.queue = Queue()
        self.tokens = Spellings(tokens)
        self.next_token = <token_t>len(tokens)
        self.last_token = max(last_token, self.next_token)
        self.most_bytes = most_bytes
        self.order = ORDERS[order]
        self.twins = TWINS[twins]
        self.slots = Slots(self.tokens, self.last_token, symbols, sizes, counts, blob)
        self.least = max(min_count, 1)
        self.floor = 1
        if self.twins == SEPARATE:
            self.floor = max(
                self.least, <count_t>(self.slots.windows // (REACH * max(1, self.last_token - self.next_token)))
            )
        if (self.order == BY_SPELLING) != (scripts is not None) or (
            scripts is not None and scripts.shape[0] != self.next_token
        ):
            raise ValueError("the script of each token goes with the order of spelling")
        if self.order == BY_SPELLING:
            self.chars = <uint16_t*>allocate_zeros(<size_t>self.last_token + 1, sizeof(uint16_t))
            self.scripts = <uint16_t*>allocate_zeros(<size_t>self.last_token + 1, sizeof(uint16_t))
            for i in range(self.next_token):
                if self.tokens.size_of(<token_t>i) > 4:
                    raise ValueError(f"token {i} is not one character")
                self.chars[i] = 1
                self.scripts[i] = scripts[i]
        self.lefts.sides = <Side*>allocate_zeros(<size_t>self.last_token + 1, sizeof(Side))
        self.rights.sides = <Side*>allocate_zeros(<size_t>self.last_token + 1, sizeof(Side))

    def __dealloc__(self):
        free(self.ties)
        free(self.chars)
        free(self.scripts)
        free_beside(&self.lefts)
        free_beside(&self.rights)

    @property
    def is_full(self):
        return self.next_token == self.last_token

    def learn(self, size_t n_merges):
        cdef size_t learned = 0
        cdef int status = MERGED
        if self.merges.exports:
            raise BufferError("an array over the merges exists; they can no longer grow")
        with nogil:
            if not self.counted:
                status = self.count_pairs()
                self.counted = status == 0
                n_merges = n_merges if status == 0 else 0
            while learned < n_merges and self.next_token < self.last_token:
                status = self.merge_best()
                if status == NO_PAIR_LEFT and self.floor > self.least:
                    self.floor = max(self.least, self.floor // STEP_DOWN)
                    status = self.count_pairs()
                    if status == 0:
                        continue
                if status != MERGED:
                    break
                learned += 1
        if status == OUT_OF_MEMORY:
            raise MemoryError("out of memory while merging")
        return learned
