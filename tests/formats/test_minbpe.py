"""minbpe's files: read as minbpe reads them, written as it writes them, and refused with the line where they are wrong.

minbpe is not a package; its format and its encoding are restated here.
"""

from __future__ import annotations

import random

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import text, tiny_corpus

from pybpe import FormatError, Tokenizer
from pybpe.compat.tiktoken import Encoding
from pybpe.formats import minbpe
from pybpe.pretokenization.patterns import GPT2, GPT4, KIMI, STARCODER

MODEL = "minbpe v1\n \n2\n<a> 300\n<b> 258\n97 98\n256 99\n"


class Minbpe:
    """What minbpe does with a .model, but for the pattern it forgets to compile."""

    def __init__(self, content: str) -> None:
        lines = content.split("\n")
        assert lines[0].strip() == "minbpe v1"
        self.pattern = lines[1].strip()
        count = int(lines[2])
        self.special = {name: int(token) for name, token in (line.strip().split() for line in lines[3 : 3 + count])}
        pairs = [tuple(map(int, line.split())) for line in lines[3 + count : -1]]
        self.merges = {pair: token for token, pair in enumerate(pairs, 256)}

    def write(self) -> str:
        special = "".join(f"{name} {token}\n" for name, token in self.special.items())
        merges = "".join(f"{left} {right}\n" for left, right in self.merges)
        return f"minbpe v1\n{self.pattern}\n{len(self.special)}\n{special}{merges}"

    def encode_ordinary(self, text: str) -> list[int]:
        words = regex.findall(self.pattern, text) if self.pattern else [text]
        return [token for word in words for token in self.encode_word(list(word.encode()))]

    def encode_word(self, ids: list[int]) -> list[int]:
        while len(ids) > 1:
            pair = min(zip(ids, ids[1:], strict=False), key=lambda pair: self.merges.get(pair, 1 << 30))
            if pair not in self.merges:
                break
            done, i = [], 0
            while i < len(ids):
                hit = tuple(ids[i : i + 2]) == pair
                done.append(self.merges[pair] if hit else ids[i])
                i += 1 + hit
            ids = done
        return ids


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.model"


@given(corpus=tiny_corpus, content=text, pattern=st.sampled_from([GPT2, GPT4, None]))
@pytest.mark.filterwarnings("ignore:the corpus is too small")
def test_both_ways(tmp_path_factory, corpus, content, pattern):
    path = tmp_path_factory.getbasetemp() / "both.model"
    tok = Tokenizer.train(iter(corpus), 280, pattern=pattern, special_tokens=["<|x|>"], progress=False)
    tok.to_minbpe(path)
    written = path.read_text(encoding="utf-8")
    theirs = Minbpe(written)
    assert theirs.write() == written
    assert theirs.merges == tok.merges
    assert theirs.special == tok.special_tokens
    assert theirs.encode_ordinary(content) == tok.encode_ordinary(content)
    assert Tokenizer.from_minbpe(path) == tok


def test_reading(path):
    for content in (MODEL, MODEL.replace("\n", "\r\n"), MODEL[:-1]):
        path.write_bytes(content.encode())
        tok = Tokenizer.from_minbpe(path)
        assert tok.encode("abc\nab<a>", allowed_special="all") == [257, 10, 256, 300]
        assert tok.decode([257, 258, 300]) == "abc<b><a>"
        assert tok.pattern == r"[\s\S]+"


def test_a_pattern_is_never_a_name(path):
    lines = MODEL.split("\n")
    path.write_text("\n".join([lines[0], "gpt2", *lines[2:]]), encoding="utf-8")
    tok = Tokenizer.from_minbpe(path)
    assert tok.pattern == "(?:gpt2)"
    assert tok.encode_ordinary("it's  abc") == [*b"it's  ", 257]


def test_what_is_there_for_people(path, small):
    small.to_minbpe(path)
    lines = path.with_suffix(".vocab").read_text(encoding="utf-8").split("\n")
    assert lines[10] == "[\\u000a] 10"
    assert lines[97] == "[a] 97"
    left, right = next(iter(small.merges))
    assert lines[256].endswith("] 256")
    assert lines[256].startswith(f"[{chr(left)}][{chr(right)}] -> [")
    assert lines[-3:] == ["[<|endoftext|>] 400", "[<|pad|>] 401", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [], "first line"),
        (lambda lines: ["minbpe v2", *lines[1:]], "first line"),
        (lambda lines: lines[:1], "truncated: line 2 should say its pattern"),
        (lambda lines: lines[:2], "line 3 should say how many"),
        (lambda lines: lines[:4], "line 5 should say a special token"),
        (lambda lines: [*lines[:1], "(", *lines[2:]], "not a valid regular expression"),
        (lambda lines: [*lines[:1], "(a)|b", *lines[2:]], "has capturing groups"),
        (lambda lines: [*lines[:1], "|" * 100_001, *lines[2:]], "100,001 characters"),
        (lambda lines: [*lines[:1], "(?:" * 3000 + ")" * 3000, *lines[2:]], "nested too deeply"),
        (lambda lines: [*lines[:1], "(?:a{10000}){10000}|b", *lines[2:]], "repeats things"),
        (lambda lines: [*lines[:1], "a{1," + "9" * 6000 + "}|b", *lines[2:]], "repeats things"),
        (lambda lines: [*lines[:2], "9" * 5000, *lines[3:]], "line 3: '9999"),
        (lambda lines: [*lines[:2], "-1", *lines[3:]], "line 3: '-1' is not a number"),
        (
            lambda lines: [*lines[:2], "4194303", *lines[3:]],
            "should say a special token|is not the name of a new special token",
        ),
        (lambda lines: [*lines[:3], "<a>", *lines[4:]], "is not the name of a new special token"),
        (lambda lines: [*lines[:3], "<b> 300", *lines[4:]], "is not the name of a new special token"),
        (lambda lines: [*lines[:3], "<a> 258", *lines[4:]], "share id 258"),
        (lambda lines: [*lines[:3], "<a> 97", *lines[4:]], "which is the token"),
        (lambda lines: [*lines[:3], "<a> 9999999", *lines[4:]], "is not a number up to"),
        (lambda lines: [*lines, "1 2 3"], "line 8: '1 2 3' is not a merge"),
        (lambda lines: [*lines, "", "1 2"], "line 8: '' is not a merge"),
        (lambda lines: [*lines, "1 ²"], "line 8: '²' is not a number"),
        (lambda lines: [*lines, "258 1"], "takes id 258, and there are only 258"),
        (lambda lines: [*lines, "97 98"], "occurs twice"),
        (lambda lines: [*lines, *(f"{i} {i}" for i in range(257, 300))], "too large"),
    ],
)
def test_files_that_are_wrong(path, change, message):
    path.write_text("\n".join(change(MODEL.split("\n")[:-1])) + "\n", encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_minbpe(path)


def test_damaged_files_are_a_format_error_or_a_tokenizer(path, small):
    small.to_minbpe(path)
    whole, rng, accepted = path.read_bytes(), random.Random(5), 0
    for round_ in range(600):
        content = bytearray(whole[: rng.randrange(len(whole))] if round_ % 3 else whole)
        for _ in range(rng.randrange(6)):
            if content:
                place = rng.randrange(min(len(content), rng.choice([200, 10**6])))
                content[place : place + rng.randrange(3)] = bytes(rng.choices(b"0123456789 \n\r\x00\xff({[*+<\\", k=2))
        path.write_bytes(content)
        try:
            tok = Tokenizer.from_minbpe(path)
        except FormatError:
            continue
        assert tok.decode(tok.encode_ordinary("The quick é")) == "The quick é"
        accepted += 1
    assert 30 < accepted < 570


def test_what_it_cannot_say(path, small, tmp_path):
    def refused(tok, message):
        with pytest.raises(ValueError, match=message):
            tok.to_minbpe(path)
        assert not list(tmp_path.glob("*.model"))

    def trained(**options):
        return Tokenizer.train(iter(["ab ab ab ab"]), 257, progress=False, **options)

    refused(trained(special_tokens=["<a b>"]), "holds white space")
    refused(trained(pattern=STARCODER), "one after another")
    refused(trained(pattern=KIMI), "&&")
    refused(trained(pattern="(a)|[^a]+"), "has capturing groups")
    refused(trained(pattern="[^b]+|b "), "white space around it")
    refused(trained(convention="huggingface"), "the first 256 ids are the bytes")
    lines = [*(bytes([i]) for i in range(256)), b"xyz"]
    ranks = Encoding(
        "lone", pat_str=GPT2, mergeable_ranks={token: i for i, token in enumerate(lines)}, special_tokens={}
    )
    with pytest.raises(ValueError, match="are the merges in order"):
        minbpe.write(ranks._codec.definition, path)
    with pytest.raises(ValueError, match=r"end with \.model"):
        small.to_minbpe(tmp_path / "some.json")


def test_a_rank_file_of_its_kind(path, small, tmp_path):
    small.to_tiktoken(tmp_path / "ranks")
    tok = Tokenizer.from_tiktoken(tmp_path / "ranks", "gpt4", small.special_tokens)
    tok.to_minbpe(path)
    content = "The quick brown fox 中文字符 12345"
    assert Tokenizer.from_minbpe(path).encode(content) == tok.encode(content)


def test_public_encodings_are_refused(path, vocabs):
    with pytest.raises(ValueError, match="the first 256 ids are the bytes"):
        Tokenizer.from_tiktoken(vocabs / "cl100k_base.tiktoken").to_minbpe(path)
