"""JSON lines: a text a line, and errors that name the line."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import FormatError
from pybpe.data.readers import json_lines
from pybpe.data.readers.json_lines import read_json_lines


def read(content: bytes, field: str = "text") -> list[str]:
    file = io.BytesIO(content)
    file.name = "some.jsonl"
    return list(read_json_lines(file, field))


@given(texts=st.lists(st.text()), ascii_only=st.booleans(), end=st.sampled_from(["\n", "\r\n", "\n\n \t\n"]))
def test_what_was_written_is_read(texts, ascii_only, end):
    lines = [json.dumps({"id": i, "text": text}, ensure_ascii=ascii_only) + end for i, text in enumerate(texts)]
    assert read("".join(lines).encode()) == texts


def test_a_bom_blank_lines_and_no_line_end_at_the_end():
    assert read(b'\xef\xbb\xbf{"text": "a"}\n\n   \r\n{"text": "b"}') == ["a", "b"]
    assert read(b"\xef\xbb\xbf") == []
    assert read(b"") == []


def test_half_characters_are_passed_on():
    assert read(rb'{"text": "a\ud800"}') == ["a\ud800"]


def test_numbers_of_any_length_beside_the_text():
    assert read(b'{"n": %s, "text": "a"}' % (b"7" * 10_000)) == ["a"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"plain text", "not JSON: Expecting value at character 1"),
        (b'{"text": "cut o', "not JSON: Unterminated string starting at character 10"),
        (b'{"text": "a"} {"text": "b"}', "not JSON: Extra data at character 15"),
        (b'{"text": "caf\xe9"}', r"not UTF-8, as JSON must be \(byte 14\)"),
        (b"[" * 100_000, "nested too deeply"),
        (b'["a"]', "a list, not an object with a field 'text'"),
        (b'"a"', "a string, not an object"),
        (b"3", "a number, not an object"),
        (b"{}", "no field 'text'; there is none at all"),
        (
            b'{"Text": 1, "id": 2}',
            r"no field 'text'; there are 'Text', 'id': name .* text_field= \(--text-field",
        ),
        (json.dumps({f"f{i}": 0 for i in range(15)}).encode(), "'f11' and 3 more: name"),
        (json.dumps({"x" * 100: 0}).encode(), f"there are '{'x' * 39}…': name"),
        (b'{"text": null}', "the field 'text' holds null, not a string"),
        (b'{"text": 1.5}', "holds a number"),
        (b'{"text": true}', "holds true or false"),
        (b'{"text": ["a"]}', "holds a list"),
        (b'{"text": {"a": 1}}', "holds an object"),
    ],
)
def test_a_line_without_text_is_named(line, says):
    with pytest.raises(FormatError, match=f"^some.jsonl, line 3: .*{says}"):
        read(b'{"text": "a"}\n\n' + line + b"\n")


def test_a_line_that_is_too_long(monkeypatch):
    monkeypatch.setattr(json_lines, "MOST_LINE", 20)
    assert read(b'{"text": "a b c d"}\n') == ["a b c d"]
    with pytest.raises(FormatError, match="line 2: longer than 20 bytes; is each document a line"):
        read(b'{"text": "a"}\n{"text": "a b c d e f g"}')


def test_another_field():
    assert read(b'{"text": 1, "body": "a"}', "body") == ["a"]
