"""Text in other encodings is told from binary data, and said with the way out; its bytes stay what they are."""

from __future__ import annotations

import io
import subprocess
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.data.documents import read_documents, read_stream
from pybpe.data.readers.text_encoding import wide_encoding
from pybpe.errors import FormatError

TEXT = "The cat sat on the mat.\r\nGrößer als 12 Äpfel\n" * 20
ENCODINGS = {"utf-16": "UTF-16", "utf-16-le": "UTF-16LE", "utf-16-be": "UTF-16BE", "utf-32": "UTF-32"}


def notes(path: Path) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        content = b"".join(text for text, _ in read_documents([path], None))
    assert content == path.read_bytes()
    return [str(each.message) for each in caught]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_wide_text_is_named_and_the_command_converts_it(tmp_path, encoding):
    path = tmp_path / "it's a.txt"
    path.write_bytes(TEXT.encode(encoding))
    (said,) = notes(path)
    assert said.startswith(f"{path} is {ENCODINGS[encoding]} text; its bytes are taken as they are: convert it")
    command = said.split("with: ")[1]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / "new.txt").read_bytes() == TEXT.encode()


def test_a_byte_order_mark_is_noted_and_the_command_removes_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode("utf-8-sig"))
    (said,) = notes(path)
    assert "begins with a byte order mark (BOM), which is taken as text, U+FEFF" in said
    subprocess.run(said.split("with: ")[1], shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / "new.txt").read_bytes() == TEXT.encode()
    path.write_bytes(b"\xef\xbb\xbfcaf\xe9")
    assert [said.split(";")[0] for said in notes(path)][1:] == [f"{path} is not UTF-8"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\xffb", "not UTF-8"),
        (bytes(range(256)) * 4, "binary data"),
        (b"", None),
        (b"a\0b", None),
        (b"ab", None),
        (b"\xff\xfe\0\xd8a\xff\0\0", "binary data"),
    ],
)
def test_other_bytes(tmp_path, content, said):
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    assert notes(path) == ([] if said is None else [f"{path} is {said}; its bytes are taken as they are"])


def test_standard_input_is_looked_at_too():
    with pytest.warns(UnicodeWarning, match=r"standard input is UTF-16 text.* iconv -f UTF-16 -t UTF-8 FILE"):
        assert b"".join(read_stream(io.BytesIO(TEXT.encode("utf-16")), None)) == TEXT.encode("utf-16")


def test_json_lines_in_utf_16_are_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text": "a"}\n'.encode("utf-16"))
    with pytest.raises(FormatError, match="is UTF-16 text, and JSON must be UTF-8: convert it"):
        list(read_documents([path], None))


@given(st.text())
def test_utf8_is_never_taken_for_a_wide_encoding(text):
    content = text.replace("\0", "").encode()
    assert wide_encoding(content) is None


@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Zs"]), min_size=8, max_size=3000))
def test_latin_text_in_utf_16_is_found_without_a_mark(text):
    assert wide_encoding(text.encode("utf-16-le")) == "UTF-16LE"
    assert wide_encoding(text.encode("utf-16-be")) == "UTF-16BE"
