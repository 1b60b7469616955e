"""Files of word counts: what was written is read, and nothing else is."""

from __future__ import annotations

import io
import random
import sys
import tracemalloc
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import Accepted

from pybpe import FormatError, PybpeError, Tokenizer, WordCounts
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.pretokenization.patterns import GPT2
from pybpe.training.counts.files import Counted, read_npz, read_parquet, write_npz, write_parquet

WRITE = {"npz": write_npz, "parquet": write_parquet}
READ = {"npz": read_npz, "parquet": read_parquet}
SOME = Counted(GPT2, [(b"low", 3, 0), (b" lower", 2, 1), (b"\xff\0", 2**62, 7)], 5)

both = pytest.mark.parametrize("kind", ["npz", "parquet"])


def arrays_of(counted: Counted, **changed: object) -> dict[str, np.ndarray]:
    """What an .npz of these counts holds, some of it changed."""
    words, counts, first_seen = zip(*counted.items, strict=True)
    arrays = {
        "version": [1],
        "pattern": np.frombuffer(counted.pattern.encode(), np.uint8),
        "n_texts": [counted.n_texts],
        "forgotten": [counted.forgotten],
        "words": np.frombuffer(b"".join(words), np.uint8),
        "sizes": [len(word) for word in words],
        "counts": counts,
        "first_seen": first_seen,
        **changed,
    }
    return {name: np.asarray(array) for name, array in arrays.items() if array is not None}


def write_parts(path, parts: dict[str, bytes], **options: int) -> None:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@both
@given(
    words=st.dictionaries(st.binary(min_size=1, max_size=9), st.tuples(st.integers(1, 2**63 - 1), st.integers(0))),
    n_texts=st.integers(0, 1 << 31),
    forgotten=st.integers(0, 1 << 62),
)
def test_what_was_written_is_read(tmp_path_factory, kind, words, n_texts, forgotten):
    path = tmp_path_factory.mktemp("counts") / "counts"
    items = [(word, count, first % 2**63) for word, (count, first) in words.items()]
    WRITE[kind](path, Counted(GPT2, items, n_texts, forgotten))
    assert READ[kind](path) == Counted(GPT2, sorted(items, key=lambda item: (item[2], item[0])), n_texts, forgotten)


@both
def test_equal_counts_give_equal_files(tmp_path, kind):
    WRITE[kind](tmp_path / "a", SOME)
    WRITE[kind](tmp_path / "b", SOME._replace(items=SOME.items[::-1]))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_numpy_and_parquet_readers_open_them(tmp_path):
    write_npz(tmp_path / "a.npz", SOME)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["counts"].tolist() == [3, 2, 2**62]
        assert arrays["pattern"].tobytes().decode() == GPT2
    write_parquet(tmp_path / "a.parquet", SOME)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist()[1] == {"word": b" lower", "count": 2, "first_seen": 1}


@both
def test_counts_go_on_where_they_were(tmp_path, kind):
    counts, other = WordCounts("gpt2"), WordCounts("gpt2")
    counts.update(iter(["low lower lowest", "newer"]))
    getattr(counts, f"to_{kind}")(tmp_path / "counts")
    restored = getattr(WordCounts, f"from_{kind}")(tmp_path / "counts")
    assert restored.items() == counts.items()
    assert restored.pattern == counts.pattern
    other.update(iter(["wide low"]))
    for each in (counts, restored):
        each.update(iter(["newest low"]))
        each.merge(other)
    assert sorted(restored.items()) == sorted(counts.items())
    assert Tokenizer.train(restored, 262, progress=False) == Tokenizer.train(counts, 262, progress=False)


@both
def test_a_failed_write_leaves_what_was_there(tmp_path, kind):
    WRITE[kind](tmp_path / "counts", SOME)
    before = (tmp_path / "counts").read_bytes()
    with pytest.raises(OverflowError):
        WRITE[kind](tmp_path / "counts", SOME._replace(items=[(b"a", 2**63, 0)]))
    assert (tmp_path / "counts").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["counts"]


@both
def test_a_missing_file(tmp_path, kind):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        READ[kind](tmp_path / "nowhere")


@both
def test_truncations_are_said(tmp_path, kind):
    path = tmp_path / "counts"
    WRITE[kind](path, SOME)
    content = path.read_bytes()
    for end in range(0, len(content), 13):
        path.write_bytes(content[:end])
        with pytest.raises(FormatError, match="counts is damaged, or no"):
            READ[kind](path)


def test_any_changed_byte_of_an_npz_is_found_or_does_not_matter(tmp_path_factory):
    accepted = Accepted()

    @given(place=st.integers(0, 1 << 20), value=st.integers(0, 255))
    def check(place, value):
        path = tmp_path_factory.mktemp("changed") / "counts"
        write_npz(path, SOME)
        content = bytearray(path.read_bytes())
        content[place % len(content)] = value
        path.write_bytes(content)
        with accepted.or_refused(FormatError):
            assert read_npz(path) == SOME

    check()
    assert accepted.count > 1


def test_an_npz_as_numpy_writes_it(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays_of(SOME))
    assert read_npz(tmp_path / "a.npz") == SOME


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"counts": [3, 0, 1]}, "a word has the count 0"),
        ({"counts": [3, -1, 1]}, "a word has the count -1"),
        ({"first_seen": [0, -2, 1]}, "a word has the first_seen -2"),
        ({"sizes": [3, 0, 8]}, "not as long as it says"),
        ({"sizes": [3, 6, 3]}, "not as long as it says"),
        ({"sizes": [2**63 - 1, 2**63 - 1, 13]}, "not as long as it says"),
        ({"sizes": [3, 6]}, "its columns are not equally long"),
        ({"counts": [[3], [2], [1]]}, r"counts\.npy is int64\[3, 1\] in 24 bytes"),
        ({"counts": [3.0, 2.0, 1.0]}, r"counts\.npy is float64"),
        ({"counts": np.array([3, 2, 1], ">i8")}, r"counts\.npy is >i8"),
        ({"words": np.frombuffer(b"lowlowlowlo", np.uint8)}, "a word is there twice"),
        ({"counts": None}, r"no item named 'counts\.npy'"),
        ({"version": [3]}, "it has version 3; upgrade pybpe"),
        ({"reading": np.frombuffer(b"{", np.uint8)}, "what it says of reading text"),
        ({"reading": np.frombuffer(b"[" * 100_000, np.uint8)}, "what it says of reading text"),
        ({"reading": np.frombuffer(b'{"protected": ["", ""], "reading": {}}', np.uint8)}, "says of reading text"),
        ({"reading": np.frombuffer(b'{"protected": [1], "reading": {}}', np.uint8)}, "says of reading text"),
        ({"reading": np.frombuffer(b'{"protected": [], "reading": {"x": 1}}', np.uint8)}, "says of reading text"),
        ({"version": [0]}, "it does not say its version"),
        ({"version": [1, 1]}, "not one number each"),
        ({"n_texts": [-1]}, "it says that -1 texts"),
        ({"n_texts": [1 << 32]}, "it says that 4294967296 texts"),
        ({"forgotten": [-1]}, "it says that -1 occurrences"),
        ({"pattern": np.frombuffer(b"(", np.uint8)}, "holds a wrong pattern: .*not a valid regular expression"),
        ({"pattern": np.frombuffer(b"\xff", np.uint8)}, "holds a wrong pattern"),
        ({"pattern": np.frombuffer(b"", np.uint8)}, "holds a wrong pattern: .*empty"),
    ],
)
def test_an_npz_of_impossible_content(tmp_path, changed, says):
    if "words" in changed:
        changed = {**changed, "sizes": [3, 3, 5]}
    np.savez(tmp_path / "a.npz", **arrays_of(SOME, **changed))
    with pytest.raises(FormatError, match=rf"a\.npz .*{says}"):
        read_npz(tmp_path / "a.npz")


def test_a_file_of_the_first_version(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays_of(SOME))
    assert read_npz(tmp_path / "a.npz") == SOME
    pq.write_table(parquet_table(), tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet") == SOME


@both
def test_how_text_was_read_is_kept(tmp_path, kind):
    given = SOME._replace(
        protected=("<s>", "é"), preprocessing=Preprocessing(normalizer="NFC", added_tokens={"<x>": 7})
    )
    WRITE[kind](tmp_path / "counts", given)
    assert READ[kind](tmp_path / "counts") == given


def test_a_lying_header_takes_no_memory(tmp_path):
    """Not of the arrays, whatever their headers say, nor by unpacking."""
    np.savez(tmp_path / "a.npz", **arrays_of(SOME))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    lying = parts["counts.npy"].replace(b"(3,), ", b"(10000000000,), ")
    long_header = io.BytesIO()
    np.lib.format.write_array_header_2_0(long_header, {"descr": "<i8", "fortran_order": False, "shape": (10**10,)})
    for number, content in enumerate([lying, long_header.getvalue() + bytes(24), b"", b"\x93NUMPY\1\0\xff\xff"]):
        write_parts(tmp_path / f"{number}.npz", {**parts, "counts.npy": content})
    bomb = {**parts, "words.npy": parts["words.npy"][:128] + bytes(50_000_000)}
    write_parts(tmp_path / "4.npz", bomb, compression=zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    for number in range(5):
        with pytest.raises(FormatError, match="is damaged, or no"):
            read_npz(tmp_path / f"{number}.npz")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays_of(SOME, counts=np.array([print, 1, 2], object)))
    with pytest.raises(FormatError, match=r"counts\.npy is object"):
        read_npz(tmp_path / "a.npz")


def parquet_table(metadata=None, **changed) -> pa.Table:
    words, counts, first_seen = zip(*SOME.items, strict=True)
    columns = {
        "word": pa.array(words, pa.binary()),
        "count": pa.array(counts),
        "first_seen": pa.array(first_seen),
        **changed,
    }
    about = {
        "pybpe.version": "1",
        "pybpe.pattern": GPT2,
        "pybpe.n_texts": "5",
        "pybpe.forgotten": "0",
        **(metadata or {}),
    }
    return pa.table(columns).replace_schema_metadata(about)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (parquet_table(count=pa.array([3, 0, 1])), "a word has the count 0"),
        (parquet_table(first_seen=pa.array([0, -2, 1])), "a word has the first_seen -2"),
        (parquet_table(count=pa.array([3, None, 1])), "a value is missing"),
        (parquet_table(word=pa.array([b"a", None, b"b"])), "a value is missing"),
        (parquet_table(word=pa.array([b"a", b"a", b"b"])), "a word is there twice"),
        (parquet_table(word=pa.array([b"a", b"", b"b"])), "or is empty"),
        (parquet_table(word=pa.array(["a", "b", "c"])), "its columns are not word, count and first_seen"),
        (parquet_table(more=pa.array([1, 2, 3])), "its columns are not"),
        (parquet_table({"pybpe.version": "x"}), "it does not say its version"),
        (parquet_table({"pybpe.version": "3"}), "it has version 3; upgrade"),
        (parquet_table({"pybpe.reading": "[]"}), "what it says of reading text"),
        (parquet_table({"pybpe.n_texts": ""}), "it says that -1 texts"),
        (parquet_table({"pybpe.n_texts": "9" * 5000}), "it says that -1 texts"),
        (parquet_table({"pybpe.pattern": "("}), "holds a wrong pattern"),
        (pa.table({"text": ["a"]}), "no file of word counts"),
    ],
)
def test_a_parquet_file_of_impossible_content(tmp_path, table, says):
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FormatError, match=rf"a\.parquet .*{says}"):
        read_parquet(tmp_path / "a.parquet")


def test_a_word_that_is_there_twice_far_apart(tmp_path):
    words = [b"%d" % i for i in range(10_000)] + [b"7"]
    table = parquet_table(word=pa.array(words), count=pa.array([1] * 10_001), first_seen=pa.array(range(10_001)))
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="a word is there twice"):
        read_parquet(tmp_path / "a.parquet")


def test_many_words(tmp_path):
    rng = random.Random(1)
    counted = Counted(GPT2, [(b"w%d" % i, rng.randrange(1, 99), i) for i in range(20_000)], 3)
    for kind in WRITE:
        WRITE[kind](tmp_path / kind, counted)
        assert READ[kind](tmp_path / kind) == counted


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for function in (WordCounts().to_parquet, WordCounts.from_parquet):
        with pytest.raises(PybpeError, match=r"pyarrow is needed to (read|write) \.parquet files.*pybpe\[data\]"):
            function(tmp_path / "a.parquet")
