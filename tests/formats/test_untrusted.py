"""Files from strangers, of every format: mutated, and made to explode. A pybpe error, or a tokenizer that works.

Each format's own tests have damaged files that are known to be hard; here are many that are not.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.huggingface_files import added, characters, clip, tokenizer_json

from pybpe import PybpeError, Tokenizer

ORDER = ["▁ ▁", "a b", "▁ a", "ab c", "c c"]
NAMES = [added(262, "<s>", special=True, normalized=True), added(263, "<call>", lstrip=True)]
MINBPE = "minbpe v1\n'(?:[sdmt]|ll|ve|re)| ?\\p{L}+|\\s+|.{1,3}\n1\n<a> 300\n97 98\n256 32\n"
READERS = {
    "pybpe": Tokenizer.load,
    "tiktoken": lambda path: Tokenizer.from_tiktoken(path, "gpt2", {"<s>": 500}),
    "minbpe": Tokenizer.from_minbpe,
    "sentencepiece": Tokenizer.from_sentencepiece,
    "gguf": Tokenizer.from_gguf,
    "json": Tokenizer.from_huggingface,
}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory, small) -> dict[str, tuple[str, bytes]]:
    """Small valid files: {name: (reader, content)}."""
    folder = tmp_path_factory.mktemp("seeds")
    files = {
        "bytes": tokenizer_json(NAMES, normalizer={"type": "NFC"}),
        "characters": characters(merges=ORDER),
        "clip": clip(),
    }
    seeds = {}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
        seeds[name] = "json", (folder / name).read_bytes()
        Tokenizer.from_huggingface(folder / name).save(folder / "saved")
        seeds[f"{name}, saved"] = "pybpe", (folder / "saved").read_bytes()
    of_characters = Tokenizer.from_huggingface(folder / "characters")
    plain = Tokenizer.train(iter(["ab low ab low"]), 260, pattern="gpt2", progress=False)
    for name, reader, write in (
        ("ranks", "tiktoken", small.to_tiktoken),
        ("gguf of characters", "gguf", of_characters.to_gguf),
        ("gguf of bytes", "gguf", plain.to_gguf),
        ("sentencepiece", "sentencepiece", of_characters.to_sentencepiece),
    ):
        write(folder / "written")
        seeds[name] = reader, (folder / "written").read_bytes()
    seeds["minbpe"] = "minbpe", MINBPE.encode()
    return seeds


SEEDS = ["bytes", "characters", "clip", "ranks", "gguf of characters", "gguf of bytes", "sentencepiece", "minbpe"]
SEEDS += ["bytes, saved", "characters, saved", "clip, saved"]
ODD = [
    b"\xff",
    b"\x00",
    b"\xed\xa0\x80",
    b"999999999999",
    b"-1",
    b"[" * 3000,
    b'"',
    b"\\",
    b"{",
    b"null",
    b"1e999",
    b"\n",
]
ODD += [
    b"\xff" * 8,
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"(?:a{1000}){1000}",
    b"true",
    b"[]",
    b"\xe2\x96\x81",
    b"<0x00>",
]


@st.composite
def mutations(draw):
    """What is done to a file, by places that are parts of its size."""
    place = st.floats(0, 1, exclude_max=True)
    kind = st.sampled_from(["cut", "put", "over", "drop", "twice", "number"])
    return [(draw(kind), draw(place), draw(place), draw(st.sampled_from(ODD))) for _ in range(draw(st.integers(1, 3)))]


def mutated(content: bytes, steps) -> bytes:
    for kind, first, second, odd in steps:
        at, size = int(first * len(content)), int(second * second * 40)
        if kind == "cut":
            content = content[:at]
        elif kind == "put":
            content = content[:at] + odd + content[at:]
        elif kind == "over":
            content = content[:at] + odd + content[at + len(odd) :]
        elif kind == "drop":
            content = content[:at] + content[at + size :]
        elif kind == "twice":
            content = content[: at + size] + content[at:]
        elif numbers := list(re.finditer(rb"[0-9]+", content[at : at + 2000])):
            found = numbers[int(second * len(numbers))]
            content = content[: at + found.start()] + odd + content[at + found.end() :]
    return content


def read(reader: str, path: Path) -> Tokenizer | None:
    """A tokenizer that works; None where the file is refused, in a line."""
    try:
        tok = READERS[reader](path)
    except PybpeError as error:
        said = str(error).replace(str(path), "")
    else:
        said = ""
    if said:
        assert len(said) < 1000
        return None
    text = "ab  abc low é 中\n"
    ids = tok.encode(text, disallowed_special=())
    assert all(0 <= token < tok.n_vocab for token in ids)
    tok.decode(ids)
    tok.encode_with_offsets(text, disallowed_special=()) if "<unk>" not in tok.special_tokens else None
    return tok


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=60)
@given(steps=mutations())
def test_mutated_files(seeds, tmp_path_factory, name, steps):
    reader, content = seeds[name]
    path = tmp_path_factory.getbasetemp() / "mutated"
    content = mutated(content, steps)
    if reader == "pybpe":  # sealed anew: whoever makes a file can do that too
        content = content[:-32] + hashlib.sha256(content[:-32]).digest()
    path.write_bytes(content)
    read(reader, path)


@pytest.mark.parametrize("name", SEEDS)
def test_the_files_that_are_mutated_are_right(seeds, tmp_path, name):
    reader, content = seeds[name]
    (tmp_path / "file").write_bytes(content)
    assert read(reader, tmp_path / "file") is not None


def json_bombs():
    """Files of Hugging Face's that want more than they hold."""
    nested: dict = {"type": "NFC"}
    for _ in range(300):
        nested = {"type": "Sequence", "normalizers": [nested]}
    for pattern in ("(?:a{1000}){1000}|b", "(?:" * 3000 + "a" + ")" * 3000, "a{999999999}"):
        split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
        yield tokenizer_json(pre_tokenizer={"type": "Sequence", "pretokenizers": [split, byte_level]})
    yield tokenizer_json(normalizer={"type": "Sequence", "normalizers": [nested] * 200})
    doubling = [{"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 50}] * 8
    yield tokenizer_json([added(262, "a", normalized=True)], normalizer={"type": "Sequence", "normalizers": doubling})
    yield tokenizer_json([added(1 << 62, "a")])
    vocab = dict(tokenizer_json()["model"]["vocab"])
    yield tokenizer_json(vocab={**vocab, "zz": 1 << 40})
    yield tokenizer_json(vocab={**vocab, "zz": 3})
    yield tokenizer_json(merges=["l o"] * 10, vocab={**vocab, "lo": True})
    yield characters() | {"decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}] * 100_000}}


BOMBS = """
import json, resource, sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from pybpe import PybpeError
from test_untrusted import READERS
resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, 2_500_000_000))
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.perf_counter()
    try:
        READERS[path.suffix[1:]](path)
    except PybpeError as error:
        print(path.name, "refused", round(time.perf_counter() - start, 1), str(error)[:80])
    else:
        print(path.name, "read")
    assert time.perf_counter() - start < 10, path
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited in Linux's way")
def test_bombs_within_bounded_memory_and_time(tmp_path):
    bombs = tmp_path / "bombs"
    bombs.mkdir()
    for number, content in enumerate(json_bombs()):
        (bombs / f"{number:02}.json").write_text(json.dumps(content), encoding="utf-8")
    (bombs / "deep.json").write_text("[" * 1_000_000, encoding="utf-8")
    (bombs / "deeper.json").write_text('{"a":' * 500_000, encoding="utf-8")
    doubling = "\n".join(f"{token} {token}" for token in (97, *range(256, 320)))
    (bombs / "doubling.minbpe").write_text(f"minbpe v1\n\n0\n{doubling}\n", encoding="utf-8")
    (bombs / "pattern.minbpe").write_text("minbpe v1\n(?:a{1000}){1000}|b\n0\n", encoding="utf-8")
    many = b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (1 << 60).to_bytes(8, "little")
    (bombs / "keys.gguf").write_bytes(many + b"\xff" * 64)
    (bombs / "ranks.tiktoken").write_text("YQ== 4194303999\n" + "YQ== 1\n" * 10, encoding="utf-8")
    (bombs / "message.sentencepiece").write_bytes(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + b"a" * 100)
    (bombs / "header.pybpe").write_bytes(b"\x93PYBPE\r\n" + b"\x04\0\0\0" + b"\xff" * 200)
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    command = [sys.executable, "-c", BOMBS, str(bombs), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count(" refused ") == len(list(bombs.iterdir())), done.stdout
