"""Protocol Buffers: reading and writing the fields of a message by number.

Sizes are checked against the bytes that are left before anything is read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pybpe.errors import FormatError

Field = tuple[int, int, "int | memoryview"]  # number, wire type, content

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def fields(message: memoryview, name: str) -> Iterator[Field]:
    """Yield (number, wire type, value) of each field, in order: an int for a varint, a view of the bytes for others.

    Raises FormatError, which calls the message `name`, for malformed bytes.
    """
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place, name)
        number, kind = key >> 3, key & 7
        if number == 0 or number >= 1 << 29:
            raise FormatError(f"{name} is damaged: a field has the number {number}")
        if kind == VARINT:
            value, place = _varint(message, place, name)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place, name)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise FormatError(f"{name} is damaged: field {number} is of wire type {kind}")
        if size > end - place:
            raise FormatError(f"{name} is truncated: field {number} needs {size:,} bytes, and {end - place:,} are left")
        yield number, kind, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int, name: str) -> tuple[int, int]:
    """Return (the varint at a place, the place after it). Raises FormatError."""
    value = 0
    for shift in range(0, 70, 7):
        if place == len(message):
            raise FormatError(f"{name} is truncated within a number")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
    raise FormatError(f"{name} is damaged: a number has more than ten bytes")


def varint_field(number: int, value: int) -> bytes:
    """Return the bytes of a field with a number, 0 or more."""
    return _write_varint(number << 3 | VARINT) + _write_varint(value)


def bytes_field(number: int, content: bytes) -> bytes:
    """Return the bytes of a field with a string, bytes, or a message."""
    return _write_varint(number << 3 | BYTES) + _write_varint(len(content)) + content


def float_field(number: int, value: float) -> bytes:
    """Return the bytes of a field with a float32."""
    return _write_varint(number << 3 | FIXED32) + struct.pack("<f", value)


def _write_varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
