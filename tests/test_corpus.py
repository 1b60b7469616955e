"""Files become blocks: nothing lost, words whole, and paths told from texts."""

from __future__ import annotations

import pytest

from pybpe import Tokenizer, WordCounts, corpus
from pybpe._core.split import find_cut


def counted(source, **options):
    counts = WordCounts()
    counts.update(source, **options)
    return sorted(item[:2] for item in counts.items())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text("one two three", encoding="utf-8")
    (tmp_path / "b.txt").write_text("vier fünf sechs", encoding="utf-8")
    return tmp_path


def test_blocks_hold_the_whole_file_and_whole_words(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "BLOCK_BYTES", 50)
    text = "The quick brown fox isn't   slow,\n\n中文字符，很多 word 123456 🙂🙂\r\n" * 40
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    blocks = list(corpus.read_blocks(path, find_cut))
    assert len(blocks) > 20
    assert b"".join(blocks) == text.encode()
    assert counted(path) == counted(iter([text]))


def test_a_file_without_any_cut_is_one_block(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "BLOCK_BYTES", 50)
    path = tmp_path / "digits.txt"
    path.write_text("1" * 1000)
    assert [len(block) for block in corpus.read_blocks(path, find_cut)] == [1000]


def test_a_path_a_list_and_a_glob(folder):
    both = counted(iter(["one two three", "vier fünf sechs"]))
    assert counted([folder / "a.txt", folder / "b.txt"]) == both
    assert counted([str(folder / "a.txt"), str(folder / "b.txt")]) == both
    assert counted([str(folder / "*.txt")]) == both
    assert counted(str(folder / "*.txt")) == both
    assert counted(iter([folder / "a.txt", folder / "b.txt"])) == both


def test_texts_are_not_taken_for_paths(folder):
    assert counted(["one two three"]) == counted(iter(["one two three"]))
    assert counted(iter([str(folder / "a.txt")])) != counted(folder / "a.txt")
    assert counted(["a\0b"]) == [(b"\0b", 1), (b"a", 1)]


@pytest.mark.parametrize("missing", ["no/such/file.txt", ["nosuch.txt"], ["*.nosuch.txt"]])
def test_missing_files(missing):
    with pytest.raises(FileNotFoundError, match="no such file"):
        counted(missing)


def test_one_missing_of_several(folder):
    with pytest.raises(FileNotFoundError, match=r"c\.txt"):
        counted([str(folder / "a.txt"), str(folder / "c.txt")])


def test_a_folder_is_not_a_file(folder):
    with pytest.raises(IsADirectoryError, match="is a folder; name its files"):
        counted(folder)


@pytest.mark.parametrize(
    ("content", "kind"), [(b"caf\xe9 au lait", "not UTF-8"), (b"\x7fELF\0\0\xff\xfe", "binary data")]
)
def test_bytes_that_are_not_utf8_are_taken_and_said(tmp_path, content, kind):
    path = tmp_path / "data"
    path.write_bytes(content * 3)
    with pytest.warns(UnicodeWarning, match=f"data is {kind}; its bytes are taken as they are"):
        tok = Tokenizer.train(path, 260, progress=False)
    assert tok.decode_bytes(tok.encode_ordinary(content)) == content


def test_empty_files_among_others(folder):
    (folder / "empty.txt").touch()
    assert counted([str(folder / "*.txt")]) == counted([folder / "a.txt", folder / "b.txt"])


def test_text_itself_is_not_a_source():
    with pytest.raises(TypeError, match="pass a list of it"):
        counted(b"text")
    with pytest.raises(TypeError, match="must be str or bytes, not int"):
        counted(iter([1]))
