"""The convention of sentencepiece beside the real package: the same pieces in the same order."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from pybpe import Tokenizer, TrainingError
from pybpe.data.readers.blocks import BLOCK_BYTES
from pybpe.formats.sentencepiece import read
from pybpe.normalization.charsmap import read_charsmap
from pybpe.training.sentencepiece.charsmap_rules import RULES, keys_of

sentencepiece = pytest.importorskip("sentencepiece", reason="what training makes is compared with sentencepiece")

ALPHABETS = [
    "ab ",
    "a ",
    "abc ",
    "aab  1-中かé ا\u0301",
    "ab\t\x1f\0 \r",
    "ab▁ \u200d\u0378\U0010ffff",
    ["a", "b", " ", "<", "e>", "<e>", "<s>", "<unk>", "<0x41>", "</s>"],
    [*"abab ", "▅"],
    [*"ab []E", "[E]", "[E]]", "<s>"],
]
TO_NORMALIZE = [  # what changes, what makes it change, and names that must not
    [*"aA1 ", *"ａＡ１ﬁ²\u3000", "e", "\u0301", "\u00e9", "\u0340"],
    [*" <>e", "<e>", "<s>", "\u0338", "ﬁ", "\u226e"],
    [*" 가각\u1100\u1161\u11a8\u3131\u314f", "\uffa1", "\u00a0", "\u200b"],
    [*"ab\t\x7f\x01 ～~\ufeff\u2028▁\ufffd"],
]


def theirs(source, vocab_size: int, special_tokens=(), normalizer="identity"):
    """Their model of a file, if `source` is a Path, or of the texts of an iterable."""
    content = io.BytesIO()
    of_file = isinstance(source, Path)
    with pytest.MonkeyPatch.context() as patch:
        if of_file:
            patch.chdir(source.parent)  # they take a comma in a path for the end of it
        sentencepiece.SentencePieceTrainer.train(
            **({"input": source.name} if of_file else {"sentence_iterator": iter(source)}),
            model_writer=content,
            model_type="bpe",
            vocab_size=vocab_size,
            control_symbols=list(special_tokens),
            normalization_rule_name=normalizer,
            character_coverage=1.0,
            byte_fallback=True,
            minloglevel=2,
        )
    return sentencepiece.SentencePieceProcessor(model_proto=content.getvalue())


def ours(source, vocab_size: int, special_tokens=(), normalizer="identity") -> Tokenizer:
    settings = {"special_tokens": special_tokens, "convention": "sentencepiece", "normalizer": normalizer}
    source = source if isinstance(source, Path) else iter(source)
    return Tokenizer.train(source, vocab_size, **settings, progress=False)


def check(made: Tokenizer, expected, folder) -> None:
    """The same pieces, kinds and scores: those of our file in their package."""
    made.to_sentencepiece(folder / "made.model")
    again = sentencepiece.SentencePieceProcessor(model_file=str(folder / "made.model"))
    assert again.vocab_size() == expected.vocab_size()
    for token in range(expected.vocab_size()):
        assert again.id_to_piece(token) == expected.id_to_piece(token)
        assert again.get_score(token) == expected.get_score(token)
        for kind in ("is_control", "is_unknown", "is_byte", "is_unused"):
            assert getattr(again, kind)(token) == getattr(expected, kind)(token)


def test_ties(tmp_path):
    rng = random.Random(21)
    compared = 0
    for number in range(4000):
        alphabet = ALPHABETS[number % len(ALPHABETS)]
        special = [name for name in ("<e>", "[E]", "[E]]") if name in alphabet]
        lengths = [rng.randrange(1, rng.choice((8, 30, 90))) for _ in range(rng.randrange(1, 8))]
        lines = ["".join(rng.choices(alphabet, k=length)) for length in lengths]
        size = 261 + len(special) + rng.randrange(30)
        try:
            made = ours(lines, size, special)
        except TrainingError:
            continue
        check(made, theirs(lines, size, special), tmp_path)
        compared += 1
        if compared == 1000:
            break
    assert compared == 1000


@pytest.mark.parametrize("normalizer", ["nfkc", "nmt_nfkc"])
def test_ties_in_normal_form(normalizer, tmp_path):
    rng = random.Random(22)
    compared = 0
    while compared < 100:
        alphabet = TO_NORMALIZE[compared % len(TO_NORMALIZE)]
        special = [name for name in ("<e>",) if name in alphabet]
        lines = ["".join(rng.choices(alphabet, k=rng.randrange(1, 60))) for _ in range(rng.randrange(1, 8))]
        size = 261 + len(special) + rng.randrange(30)
        try:
            made = ours(lines, size, special, normalizer)
        except TrainingError:
            continue
        expected = theirs(lines, size, special, normalizer)
        check(made, expected, tmp_path)
        for line in lines:
            assert made.encode_ordinary(line) == expected.encode(line)
        compared += 1


def same_or_refused(source, size: int, normalizer: str, folder, text: str) -> bool:
    """True if both packages made the same tokenizer, which encodes `text` alike; False if ours refused to train."""
    try:
        made = ours(source, size, normalizer=normalizer)
    except TrainingError:
        return False
    expected = theirs(source, size, normalizer=normalizer)
    check(made, expected, folder)
    assert made.encode_ordinary(text) == expected.encode(text)
    return True


LINE_ENDS = ["\n", "\r\n", "\r", "\r\r\n", "\n\n", " \r\n", "\r \n", "\n\r", "\u2028", "\x85", "\x0b", ""]


@pytest.mark.parametrize("normalizer", ["identity", *RULES])
def test_line_ends_of_files(normalizer, tmp_path):
    rng = random.Random(23)
    compared = 0
    for _ in range(400):
        lines = ("".join(rng.choices("ab \r", (4, 4, 2, 1), k=rng.randrange(30))) for _ in range(rng.randrange(2, 9)))
        path = tmp_path / "corpus.txt"
        text = "".join(line + rng.choice(LINE_ENDS) for line in lines)
        path.write_bytes(text.encode())
        compared += same_or_refused(path, 261 + rng.randrange(12), normalizer, tmp_path, text)
    assert compared > 100


@pytest.mark.parametrize("normalizer", ["identity", *RULES])
@pytest.mark.parametrize("encode", [str, str.encode])
def test_line_ends_of_texts(normalizer, encode, tmp_path):
    """Both strip CR and LF from the ends of texts. LF within a text, which ends a line here, is not compared."""
    rng = random.Random(24)
    ends = ["", *LINE_ENDS]
    compared = 0
    for _ in range(200):
        lines = ["".join(rng.choices("ab \r", (4, 4, 2, 1), k=rng.randrange(30))) for _ in range(rng.randrange(2, 9))]
        texts = [encode(line + rng.choice(ends)) for line in lines]
        compared += same_or_refused(texts, 261 + rng.randrange(12), normalizer, tmp_path, lines[0])
    assert compared > 60


def test_the_longest_line_counts_its_carriage_return(tmp_path):
    path = tmp_path / "corpus.txt"
    for size in (4190, 4191, 4192, 4193):
        path.write_bytes(b"cd cd cd\n" + b"x" * size + b"\r\ncd\n")
        made = ours(path, 264 if size > 4191 else 266)
        check(made, theirs(path, made.n_vocab), tmp_path)
        assert (b"x" in list(made.vocab.values())[259:]) == (size <= 4191)


def test_large_files_with_carriage_returns(texts, tmp_path):
    """Files of several blocks: no line loses its end where blocks are cut."""
    path = tmp_path / "corpus.txt"
    path.write_bytes(texts["english"].replace("\n", "\r\n").encode())
    assert path.stat().st_size > 2 * BLOCK_BYTES
    check(ours(path, 4_000), theirs(path, 4_000), tmp_path)


@pytest.mark.parametrize("rule", RULES)
def test_the_maps_are_theirs(rule, tmp_path):
    path = tmp_path / "their.model"
    path.write_bytes(theirs(["ab ab"], 263, normalizer=rule).serialized_model_proto())
    assert keys_of(rule) == read_charsmap(read(path).preprocessing.sentencepiece.charsmap)


@pytest.mark.parametrize(("vocab_size", "normalizer"), [(8_192, "identity"), (60_000, "identity"), (30_000, "nfkc")])
def test_real_text(texts, vocab_size, normalizer, tmp_path):
    for content in texts.values():
        made = ours([content], vocab_size, normalizer=normalizer)
        expected = theirs(content.split("\n"), vocab_size, normalizer=normalizer)
        check(made, expected, tmp_path)
        assert made.encode_ordinary(content[:200_000]) == expected.encode(content[:200_000])


def test_every_script(tmp_path):
    """Each code point of the basic plane beside characters of other scripts: with which of them it makes a piece."""
    points = [point for point in range(0x21, 0x10000) if not 0xD800 <= point < 0xE000 and point != 0x2585]
    for start in range(0, len(points), 0x800):
        chars = [chr(point) for point in points[start : start + 0x800]]
        lines = [char + other for char in chars for other in [*"a1漢я\u0301", chars[0], char]]
        size = 259 + len(set("".join(lines))) + 1 + 1000
        check(ours(lines, size), theirs(lines, size), tmp_path)
