"""nanoGPT's meta.pkl: read without running it, and hostile ones refused."""

import contextlib
import os
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.accepted import Accepted

from pybpe.errors import FormatError
from pybpe.gpt.nanogpt_meta import read_meta

CHARACTERS = st.sets(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=300)


def meta(characters):
    """As nanoGPT's prepare.py makes it."""
    characters = sorted(characters)
    itos = dict(enumerate(characters))
    return {"vocab_size": len(characters), "itos": itos, "stoi": {char: id_ for id_, char in itos.items()}}


@given(CHARACTERS, st.integers(2, 5), st.booleans())
def test_the_characters_of_every_protocol(tmp_path_factory, characters, protocol, in_python):
    path = tmp_path_factory.mktemp("m") / "meta.pkl"
    dump = pickle._dumps if in_python else pickle.dumps
    path.write_bytes(dump(meta(characters), protocol))
    vocabulary = read_meta(path)
    assert vocabulary.characters == sorted(characters)
    assert vocabulary.n_vocab == len(characters)
    assert vocabulary.encode_ordinary("".join(sorted(characters))) == list(range(len(characters)))


def test_as_many_characters_as_chinese_has(tmp_path):
    path = tmp_path / "meta.pkl"
    path.write_bytes(pickle.dumps(meta(map(chr, range(0x20, 0xD800))), 4))
    assert read_meta(path).n_vocab == 0xD800 - 0x20


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


DUMPS = [
    Evil(),
    {"stoi": Evil()},
    {"stoi": {"a": Evil()}},
    {"stoi": {Evil(): 0}},
    [],
    {},
    "stoi",
    7,
    {"stoi": []},
    {"stoi": {}},
    {"stoi": "ab"},
    {"stoi": 3},
    {"stoi": {"a": "b"}},
    {"stoi": {"a": 0.0}},
    {"stoi": {"a": None}},
    {"stoi": {"a": 1}},
    {"stoi": {"a": 0, "b": 2}},
    {"stoi": {"b": 0, "a": 1}},
    {"stoi": {"ab": 0}},
    {"stoi": {"": 0}},
    {"stoi": {0: 0}},
    {"stoi": {"a": 0}, "more": (1, 2)},
    {"stoi": {"a": 1 << 70}},
]


@pytest.mark.parametrize("content", DUMPS, ids=range(len(DUMPS)))
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_what_is_no_vocabulary(tmp_path, monkeypatch, content, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "meta.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(FormatError, match=r"meta\.pkl is not nanoGPT's vocabulary"):
        read_meta(path)
    assert not (tmp_path / "evil").exists()


MARK, DICT, END, ONE = b"(", b"}", b".", b"K\x01"
PROGRAMS = {
    "nothing": b"",
    "text": b"hello",
    "no end": b"\x80\x04}",
    "two values": b"\x80\x04}}.",
    "no value": b"\x80\x04.",
    "items for nothing": b"\x80\x04(K\x01K\x01u.",
    "no mark": b"\x80\x04}K\x01K\x01u.",
    "an odd number of items": b"\x80\x04}(K\x01u.",
    "items for a number": b"\x80\x04K\x01(K\x01K\x01u.",
    "a dict that holds itself": b"\x80\x04}\x94K\x01h\x00s.",
    "a label that is not there": b"\x80\x04}K\x01h\x07s.",
    "a label for nothing": b"\x80\x04\x94.",
    "a text that is cut off": b"\x80\x04X\xff\xff\xff\x7fab",
    "a text of exabytes": b"\x80\x04\x8d" + b"\xff" * 8,
    "a text that is none": b"\x80\x04\x8c\x02\xff\xfe.",
    "an import": b"\x80\x04cos\nsystem\n(X\x02\x00\x00\x00lstR.",
    "an import from the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "another file": b"\x80\x04Pfile\n.",
    "a very long number": b"\x80\x04I" + b"9" * 1_000_000 + b"\n.",
    "a million marks": b"\x80\x04" + MARK * 1_000_000,
    "a million dicts": b"\x80\x04" + DICT * 1_000_000,
    "many values below a dict": b"\x80\x04" + ONE * 60_000 + DICT + (MARK + b"u") * 300_000 + END,
    "too large": b"\x80\x04" + b"\x95" + b"\0" * (5 << 20),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_hostile_programs(tmp_path, program):
    path = tmp_path / "meta.pkl"
    path.write_bytes(program)
    began = time.perf_counter()
    with pytest.raises(FormatError, match=r"meta\.pkl is not nanoGPT's vocabulary"):
        read_meta(path)
    assert time.perf_counter() - began < 20


@given(st.binary(max_size=200), st.integers(0, 150))
def test_noise(tmp_path_factory, noise, at):
    path = tmp_path_factory.mktemp("m") / "meta.pkl"
    whole = pickle.dumps(meta({*"hello world"}), 4)
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    with contextlib.suppress(FormatError):
        assert read_meta(path).n_vocab > 0


def test_any_other_byte_is_read_or_refused(tmp_path):
    path = tmp_path / "meta.pkl"
    whole = pickle.dumps(meta({*"hello world"}), 4)
    path.write_bytes(whole)
    assert read_meta(path).n_vocab == len({*"hello world"})
    accepted = Accepted()
    for at in range(len(whole)):
        for byte in {*b"x\0\xff0i"} - {whole[at]}:
            path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
            with accepted.or_refused(FormatError):
                assert read_meta(path).n_vocab > 0
    assert 3 < accepted.count < 2 * len(whole)
