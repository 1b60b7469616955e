"""The compiler of maps of characters to sentencepiece's form: a double array of keys, and the values.

A double array (Aoe 1989) holds a trie in one array. The child of a node for a byte lies at base XOR byte, and the
offset of the node's value at the base itself. As in Darts-clone, equal subtrees are stored once.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_EMPTY = 1 << 31  # the value of a unit that no byte leads to
_HAS_VALUE = 1 << 8
_BLOCK = 256  # units; sentencepiece reads whole blocks only
_SEARCHED = 4 * _BLOCK  # units at the end in which a free place is searched
_MOST_UNITS = 1 << 21  # the range of an offset's 22 bits

Children = tuple[tuple[int, int], ...]  # (byte, number of the node); the byte -1 has the offset of the value instead


def build_charsmap(keys: Mapping[str, str]) -> bytes:
    """Return the compiled map, b"" for no keys.

    Raises ValueError for a key or a value with NUL, for an empty key, and for too many keys.
    """
    if not keys:
        return b""
    places, values = _values(keys)
    children, root = _trie({key.encode(): places[value] for key, value in keys.items()})
    units = _units(children, root)
    return struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + values


def _values(keys: Mapping[str, str]) -> tuple[dict[str, int], bytes]:
    """Return (the offset of each value, all values joined, each with a NUL after it)."""
    if "" in keys or any("\0" in key or "\0" in value for key, value in keys.items()):
        raise ValueError("a map of characters can hold neither NUL nor an empty key")
    places: dict[str, int] = {}
    values = bytearray()
    for value in sorted(set(keys.values())):
        places[value] = len(values)
        values += value.encode() + b"\0"
    return places, bytes(values)


def _trie(keys: Mapping[bytes, int]) -> tuple[list[Children], int]:
    """Return (the distinct nodes, children before parents; the number of the root)."""
    numbers: dict[Children, int] = {}
    nodes: list[Children] = []

    def close(node: dict[int, int]) -> int:
        content = tuple(sorted(node.items()))
        if content not in numbers:
            numbers[content] = len(nodes)
            nodes.append(content)
        return numbers[content]

    path: list[tuple[int, dict[int, int]]] = [(0, {})]  # (the byte that leads to a node, its children so far)
    before = b""
    for key in sorted(keys):
        shared = next((place for place, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), len(before))
        while len(path) > shared + 1:
            byte, node = path.pop()
            path[-1][1][byte] = close(node)
        path += [(byte, {}) for byte in key[shared:]]
        path[-1][1][-1] = keys[key]
        before = key
    while len(path) > 1:
        byte, node = path.pop()
        path[-1][1][byte] = close(node)
    return nodes, close(path[0][1])


def _units(nodes: list[Children], root: int) -> list[int]:
    """Return the double array, uint32 units."""
    units = [_EMPTY] * _BLOCK
    free = [True] * _BLOCK
    free[0] = False  # the root's own unit
    taken: set[int] = {0}  # as a base
    bases: list[int] = []
    first_free = 1

    for children in nodes:
        offsets = [max(byte, 0) for byte, _ in children]
        place = max(first_free, len(free) - _SEARCHED)
        while True:
            while len(free) <= place + _BLOCK:
                free += [True] * _BLOCK
                units += [_EMPTY] * _BLOCK
            base = place ^ offsets[0]
            if free[place] and base not in taken and all(free[base ^ offset] for offset in offsets):
                break
            place += 1
        taken.add(base)
        bases.append(base)
        for (byte, target), offset in zip(children, offsets, strict=True):
            unit = base ^ offset
            free[unit] = False
            units[unit] = _EMPTY | target if byte < 0 else _unit(byte, unit, bases[target], nodes[target])
        while first_free < len(free) and not free[first_free]:
            first_free += 1
    if len(units) > _MOST_UNITS:
        raise ValueError("too many different keys for a map of characters")
    units[0] = _unit(0, 0, bases[root], nodes[root])
    return units


def _unit(byte: int, at: int, base: int, children: Children) -> int:
    return (base ^ at) << 10 | (_HAS_VALUE if children and children[0][0] < 0 else 0) | byte
