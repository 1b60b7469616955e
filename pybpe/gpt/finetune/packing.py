"""Pack items of given lengths into rows of one capacity, by best fit decreasing."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Return rows of the indexes of items, each item in one row and no row longer than `capacity` in total.

    Best fit decreasing: the items are taken from the longest to the shortest, and each goes into the row with the least
    free space that is enough, or begins a new row. Equal items, and rows of equal free space, are taken in order, so
    the same lengths give the same rows. ValueError for a length that is not in 1..capacity.

    There are at most 11/9 of the fewest rows possible, and 4 (Johnson et al. 1974).

    The distinct amounts of free space are a sorted list, in which a row is found by bisection. There are at most
    `capacity` of them, so n items take O(n log n) for the sorting and O(n log capacity) for the search.

    >>> pack([3, 5, 2, 4, 1], 6)
    [[1, 4], [3, 2], [0]]
    """
    for length in lengths:
        if not 1 <= length <= capacity:
            raise ValueError(f"an item has the length {length}; it must lie in 1..{capacity}")
    rows: list[list[int]] = []
    by_space: dict[int, list[int]] = {}  # free space -> rows with that much, the last of which is used first
    spaces: list[int] = []  # the keys of by_space, sorted
    for item in sorted(range(len(lengths)), key=lambda item: -lengths[item]):
        place = bisect_left(spaces, lengths[item])
        if place == len(spaces):
            row, space = len(rows), capacity
            rows.append([])
        else:
            space = spaces[place]
            row = by_space[space].pop()
            if not by_space[space]:
                del by_space[space], spaces[place]
        rows[row].append(item)
        if left := space - lengths[item]:
            if left not in by_space:
                by_space[left] = []
                insort(spaces, left)
            by_space[left].append(row)
    return rows
