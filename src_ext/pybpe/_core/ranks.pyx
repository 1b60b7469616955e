# The merges of a vocabulary of ranks, which lists none: any two neighbours whose bytes joined are a token merge, lowest
# id first.
#
# There may be many ways to cut a token into two others, but merging meets only one. Say that two neighbours stand for
# the bytes of a token. Then nothing has merged across either end of these bytes, and within them every merge was the
# lowest, the leftmost of equals: it went as if they were a word alone. So a token has one merge, the last but one state
# of merging its bytes alone, or none if that ends in more parts; and merging by one row a token gives the ids of merging
# by all the ways to cut, with a table a third as large.
#
# Finding the rows is merging every token, the shorter ones first. Rows from a file are a hint, which is checked row by
# row: faster than finding them, and the file need not be trusted.
#
# A vocabulary whose ranks stand beside it is the same but for the ranks. Tokens may share one, for of merges of equal
# rank the leftmost goes first, alone as within a text.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from pybpe._core.ids cimport IdBuffer
from pybpe._core.memory cimport allocate, allocate_zeros, prefetch
from pybpe._core.merge cimport AHEAD, MergeTable, Scratch, free_scratch
from pybpe._core.parts cimport Parts, is_met
from pybpe._core.types cimport NONE, token_t
from pybpe._core.vocab cimport Vocabulary


# What one call works with.
cdef class Work:
    cdef Parts* split_table  # by token; NONE for a byte, or none yet
    cdef uint8_t* built  # whether merging can come to a token: it is the id of a byte, or it has a row
    cdef token_t* made  # room for the ids of the longest token
    cdef Scratch scratch

    def __cinit__(self, size_t count, size_t longest):
        self.split_table = <Parts*>allocate(count, sizeof(Parts))
        memset(self.split_table, 0xFF, count * sizeof(Parts))
        self.built = <uint8_t*>allocate_zeros(count, 1)
        self.made = <token_t*>allocate(longest, sizeof(token_t))

    def __dealloc__(self):
        free(self.split_table)
        free(self.built)
        free(self.made)
        free_scratch(&self.scratch)


cdef inline Py_ssize_t merge_token(Vocabulary vocabulary, MergeTable table, Work work, token_t token) except -1 nogil:
    """Merge the bytes of a token into `work.made`; how many parts are left."""
    return table.merge_word(
        vocabulary.blob + vocabulary.offsets[token], vocabulary.size_of(token), work.made, &work.scratch
    )


cdef bint enter(
    Vocabulary vocabulary, MergeTable table, Work work, const token_t* rows, size_t n
) noexcept nogil:
    """Add the rows to the table; whether each joins two smaller ids, built before, to a larger one, in its order."""
    cdef const token_t* row
    cdef size_t i
    for i in range(256):
        work.built[table.byte_ids[i]] = True
    for i in range(n):
        row = rows + 3 * i
        if not vocabulary.joins(row) or row[2] <= row[0] or row[2] <= row[1] or (i and row[2] <= rows[3 * i - 1]):
            return False
        if not (work.built[row[0]] and work.built[row[1]]):
            return False
        work.built[row[2]] = True
        if i + AHEAD < n:
            table.ask_for(row[3 * AHEAD], row[3 * AHEAD + 1])
        table.add(row[0], row[1], row[2], row[2])
        work.split_table[row[2]] = Parts(row[0], row[1], row[2])
    table.note_byte_pairs()
    return True


cdef int are_right(Vocabulary vocabulary, MergeTable table, Work work) except -1 nogil:
    """Whether the rows entered are those that `find_rows` would find."""
    cdef size_t token
    cdef token_t left, right
    for token in range(vocabulary.count):
        if vocabulary.size_of(<token_t>token) < 2:
            continue
        left = work.split_table[token].left
        right = work.split_table[token].right
        if left == NONE:
            if merge_token(vocabulary, table, work, <token_t>token) == 2:
                return False
        elif not is_met(table, work.split_table, left, right):
            return False
    return True


cdef int find_rows(
    Vocabulary vocabulary, MergeTable table, Work work, const token_t* by_size, const uint32_t* ranks
) except -1 nogil:
    """Add the row of every token, given in the order of their sizes. Without `ranks` a token's id is its rank."""
    cdef size_t i, size, previous = 0
    cdef token_t token
    for i in range(vocabulary.count):
        if i + AHEAD < vocabulary.count:
            prefetch(&vocabulary.offsets[by_size[i + AHEAD]])
            prefetch(vocabulary.blob + vocabulary.offsets[by_size[i + AHEAD // 2]])
        token = by_size[i]
        size = vocabulary.size_of(token)
        if size < 2:
            continue
        if previous == 2 and size > 2:
            table.note_byte_pairs()
        previous = size
        if vocabulary.has_twins:
            if vocabulary.find(vocabulary.blob + vocabulary.offsets[token], size) != token:
                continue
        if merge_token(vocabulary, table, work, token) == 2:
            table.add(work.made[0], work.made[1], token, ranks[token] if ranks else token)
            work.split_table[token] = Parts(work.made[0], work.made[1], token)
    if previous == 2:
        table.note_byte_pairs()
    return 0


cdef void sort_by_size(Vocabulary vocabulary, size_t longest, size_t* starts, token_t* by_size) noexcept nogil:
    """Fill `by_size` with all ids, the shortest tokens first; `starts` is longest + 2 zeros."""
    cdef size_t i
    for i in range(vocabulary.count):
        starts[vocabulary.size_of(<token_t>i) + 1] += 1
    for i in range(longest + 1):
        starts[i + 1] += starts[i]
    for i in range(vocabulary.count):
        by_size[starts[vocabulary.size_of(<token_t>i)]] = <token_t>i
        starts[vocabulary.size_of(<token_t>i)] += 1


# ---------------------------------------------------------------------------------------------------------------------


cdef IdBuffer rows_of(Vocabulary vocabulary, Work work):
    """The rows in the order of their tokens."""
    cdef IdBuffer rows = IdBuffer()
    cdef size_t token
    if rows.reserve(3 * vocabulary.count) < 0:
        raise MemoryError
    for token in range(vocabulary.count):
        if work.split_table[token].left != NONE:
            rows.data[rows.size] = work.split_table[token].left
            rows.data[rows.size + 1] = work.split_table[token].right
            rows.data[rows.size + 2] = <token_t>token
            rows.size += 3
    return rows


def ranked_merges(Vocabulary vocabulary not None, const token_t[:, ::1] hint not None):
    cdef size_t n = <size_t>hint.shape[0], longest = vocabulary.longest
    cdef const token_t* rows = &hint[0, 0] if n else NULL
    cdef MergeTable table
    cdef Work work
    cdef bint right
    if hint.shape[1] != 3:
        raise ValueError("merges must be rows of (left, right, token)")
    if n and n <= vocabulary.count and not vocabulary.has_twins:
        table = MergeTable(vocabulary, n)
        work = Work(vocabulary.count, longest)
        with nogil:
            right = enter(vocabulary, table, work, rows, n) and are_right(vocabulary, table, work)
        if right:
            return table, None
    table = MergeTable(vocabulary, vocabulary.count)
    work = Work(vocabulary.count, longest)
    find_all(vocabulary, table, work, NULL)
    return table, rows_of(vocabulary, work)


def scored_merges(Vocabulary vocabulary not None, const uint32_t[::1] ranks not None, bint tied):
    cdef MergeTable table
    cdef Work work
    if <size_t>ranks.shape[0] != vocabulary.count:
        raise ValueError(f"there are {vocabulary.count} tokens and {ranks.shape[0]} ranks")
    table = MergeTable(vocabulary, vocabulary.count)
    table.tied = tied
    work = Work(vocabulary.count, vocabulary.longest)
    find_all(vocabulary, table, work, &ranks[0])
    return table, rows_of(vocabulary, work)


cdef int find_all(Vocabulary vocabulary, MergeTable table, Work work, const uint32_t* ranks) except -1:
    """Add the row of every token to an empty table."""
    cdef size_t longest = vocabulary.longest
    cdef size_t* starts = NULL
    cdef token_t* by_size = NULL
    try:
        starts = <size_t*>allocate_zeros(longest + 2, sizeof(size_t))
        by_size = <token_t*>allocate(vocabulary.count, sizeof(token_t))
        with nogil:
            sort_by_size(vocabulary, longest, starts, by_size)
            find_rows(vocabulary, table, work, by_size, ranks)
    finally:
        free(starts)
        free(by_size)
    return 0
