"""Maps of characters: written, read again, and applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.normalization.charsmap import CharsMap, read_charsmap
from pybpe.training.sentencepiece.charsmap_builder import build_charsmap

some_keys = st.dictionaries(
    st.text("abcé中\u0301\U0001f600", min_size=1, max_size=5), st.text("xy é", max_size=3).map(lambda x: x.strip())
)


@given(keys=some_keys)
def test_what_is_written_is_read(keys):
    content = build_charsmap(keys)
    assert (read_charsmap(content) if content else {}) == keys


def test_many_keys():
    keys = {chr(point) + chr(point % 97 + 0x300): chr(point % 113 + 33) for point in range(0x4E00, 0x9000)}
    content = build_charsmap(keys)
    assert read_charsmap(content) == keys
    assert int.from_bytes(content[:4], "little") % 1024 == 0  # else sentencepiece takes it for broken


@pytest.mark.parametrize("keys", [{"": "x"}, {"a\0": "x"}, {"a": "\0"}])
def test_what_cannot_be_written(keys):
    with pytest.raises(ValueError, match="neither NUL nor an empty key"):
        build_charsmap(keys)


@given(keys=some_keys, names=st.frozensets(st.text("abé", min_size=1, max_size=3), max_size=2), text=st.text("abcé中x"))
def test_the_longest_key_at_each_place(keys, names, text):
    expected, place = [], 0
    while place < len(text):
        name = max((name for name in names if text.startswith(name, place)), key=len, default="")
        key = max((key for key in keys if text.startswith(key, place)), key=len, default="")
        expected.append(name or (keys[key] if key else text[place]))
        place += len(name or key) or 1
    parts = list(CharsMap(keys, names).parts(text))
    assert "".join(part for part, _, _ in parts) == "".join(expected)
    assert [start for _, start, _ in parts] == [0, *(end for _, _, end in parts)][: len(parts)]
