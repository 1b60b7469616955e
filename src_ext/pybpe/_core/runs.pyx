from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memmove

from pybpe._core.merge cimport MergeTable
from pybpe._core.types cimport NONE, token_t


ctypedef struct Run:
    token_t token
    size_t count


cdef inline size_t append(Run* runs, size_t n, token_t token, size_t count) noexcept nogil:
    """Add symbols to the end of a list of runs; how many runs there are then."""
    if count == 0:
        return n
    if n and runs[n - 1].token == token:
        runs[n - 1].count += count
        return n
    runs[n].token = token
    runs[n].count = count
    return n + 1


cdef size_t find_runs(MergeTable table, const uint8_t* word, size_t n, Run* runs) noexcept nogil:
    """The runs of a word; 0 if there are too many of them."""
    cdef size_t i = 0, start, found = 0
    while i < n:
        start = i
        while i < n and word[i] == word[start]:
            i += 1
        if found == MOST_RUNS // 4 or n < (found + 1) * RUN_LENGTH:
            return 0
        found = append(runs, found, table.byte_ids[word[start]], i - start)
    return found


cdef size_t merge_runs(MergeTable table, const uint8_t* word, size_t n, token_t* out) noexcept nogil:
    cdef Run runs[MOST_RUNS]
    cdef Run merged[3 * MOST_RUNS]
    cdef size_t size = find_runs(table, word, n, runs), new_size, i, k, count, taken
    cdef token_t left = 0, right = 0, joined = 0, made = 0
    cdef uint32_t lowest, rank
    if size == 0:
        return 0
    while True:
        lowest = NONE
        for i in range(size):
            if runs[i].count > 1:
                rank = table.find(runs[i].token, runs[i].token, &joined)
                if rank < lowest:
                    lowest, left, right, made = rank, runs[i].token, runs[i].token, joined
            if i + 1 < size:
                rank = table.find(runs[i].token, runs[i + 1].token, &joined)
                if rank < lowest:
                    lowest, left, right, made = rank, runs[i].token, runs[i + 1].token, joined
        if lowest == NONE:
            break
        new_size = 0
        taken = 0  # of the run at i, by a merge with the end of the run before it
        for i in range(size):
            count = runs[i].count - taken
            taken = 0
            if left == right and runs[i].token == left:
                new_size = append(merged, new_size, made, count // 2)
                new_size = append(merged, new_size, left, count % 2)
            elif left != right and count and i + 1 < size and runs[i].token == left and runs[i + 1].token == right:
                new_size = append(merged, new_size, left, count - 1)
                new_size = append(merged, new_size, made, 1)
                taken = 1
            else:
                new_size = append(merged, new_size, runs[i].token, count)
        if new_size > MOST_RUNS:
            return 0
        size = new_size
        memmove(runs, merged, size * sizeof(Run))
    count = 0
    for i in range(size):
        for k in range(runs[i].count):
            out[count] = runs[i].token
            count += 1
    return count
