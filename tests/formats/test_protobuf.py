"""Messages: what is written is read again, and what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import Accepted

from pybpe import FormatError
from pybpe.formats.helpers.protobuf import BYTES, FIXED32, VARINT, bytes_field, fields, float_field, varint_field


def test_what_was_written_is_read():
    message = varint_field(1, 0) + varint_field(16, 1 << 40) + bytes_field(3, b"ab") + float_field(2, -1.5)
    found = [
        (number, kind, value if isinstance(value, int) else bytes(value)) for number, kind, value in parse(message)
    ]
    assert found == [(1, VARINT, 0), (16, VARINT, 1 << 40), (3, BYTES, b"ab"), (2, FIXED32, b"\0\0\xc0\xbf")]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x08", "truncated within a number"),
        (b"\x08" + b"\xff" * 10, "more than ten bytes"),
        (b"\x0a\xff\xff\xff\xff\x7f", "needs 34,359,738,367 bytes, and 0 are left"),
        (b"\x0d\0\0\0", "needs 4 bytes, and 3 are left"),
        (b"\x0b", "wire type 3"),
        (b"\x02\0", "the number 0"),
    ],
)
def test_what_is_no_message_is_refused(message, reason):
    with pytest.raises(FormatError, match=reason):
        parse(message)


def test_any_bytes_are_read_or_refused():
    accepted = Accepted()

    field = st.builds(varint_field, st.integers(1, 50), st.integers(0, 1 << 40)) | st.builds(
        bytes_field, st.integers(1, 50), st.binary(max_size=9)
    )

    @given(st.binary(max_size=60) | st.lists(field, max_size=5).map(b"".join))
    def check(message):
        with accepted.or_refused(FormatError):
            found = parse(message)
            assert sum(1 if isinstance(value, int) else len(value) for _, _, value in found) <= len(message)

    check()
    assert accepted.count > 5


def parse(message: bytes):
    return list(fields(memoryview(message), "the message"))
