"""Training in the convention of sentencepiece: what it makes of small corpora, and what it refuses."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe import Tokenizer, TrainingError, WordCounts
from pybpe.normalization.sentencepiece import SentencePieceNormalizer
from pybpe.normalization.stages import apply_stages
from pybpe.training.sentencepiece.script_table import script_of
from pybpe.training.sentencepiece.words import SentencePieceWords, normalizer_of


def train(lines, vocab_size, **options) -> Tokenizer:
    options.setdefault("special_tokens", [])
    return Tokenizer.train(iter(lines), vocab_size, convention="sentencepiece", progress=False, **options)


def pieces_of(tok: Tokenizer, first: int = 259) -> list[bytes]:
    return [tok.token_bytes(token) for token in range(first, tok.n_vocab)]


def plain_training(lines: list[str], n_pieces: int) -> list[str]:
    """The pieces of several characters, by counting all pairs anew each time; fewer where no two are left."""
    words = Counter(word for line in lines for word in line.split(" ") if word)
    parts = {word: ["▁", *word] for word in words}
    pieces: list[str] = []
    while len(pieces) < n_pieces:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, split in parts.items():
            for left, right in zip(split, split[1:], strict=False):
                if len(left + right) <= 16:
                    pairs[left, right] += words[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], len("".join(pair)), "".join(pair).encode()))
        pieces.append("".join(best))
        for split in parts.values():
            place = 0
            while place + 1 < len(split):
                if (split[place], split[place + 1]) == best:
                    split[place : place + 2] = ["".join(best)]
                place += 1
    return pieces


@given(lines=st.lists(st.text("abcß ", max_size=60), min_size=1, max_size=6), n_pieces=st.integers(0, 40))
def test_ties_equal_training_in_plain_python(lines, n_pieces):
    pieces = plain_training(lines, n_pieces)
    chars = len(set("".join(lines)) - {" "}) + 1
    if chars > 1:
        made = pieces_of(train(lines, 259 + chars + len(pieces)))
        assert made[: len(pieces)] == [piece.replace("▁", " ").encode() for piece in pieces]


def test_the_layout_and_the_order():
    tok = train(["aaa ab aaa b"], 268)
    assert pieces_of(tok) == [b"aa", b"aaa", b" aaa", b"ab", b" b", b" ab", b"a", b" ", b"b"]
    assert tok.special_tokens == {"<unk>": 0, "<s>": 1, "</s>": 2}
    assert tok.vocab[3 + 0x41] == b"A"
    assert tok.decode(tok.encode("ab é")) == "ab é"
    assert tok.info["byte_fallback"] is True


def test_special_tokens_come_before_the_bytes_and_are_not_learned_from():
    tok = train(["a<e>b a<e>b ab<s>"], 264, special_tokens=["<e>"])
    assert tok.special_tokens["<e>"] == 3
    assert pieces_of(tok, 260) == [b" a", b"a", b"b", b" "]


def test_pieces_hold_one_script_and_sixteen_characters():
    tok = train(["a1a1 中a中a かなカナ漢 éé " + "x" * 40] * 9, 283)
    pieces = pieces_of(tok)
    assert b"xxxxxxxxxxxxxxxx" in pieces
    assert max(len(piece.decode()) for piece in pieces) == 16
    assert not [piece for piece in pieces if piece.strip() in (b"a1", b"1a", "中a".encode())]
    assert any("カナ漢" in piece.decode() or "なカ" in piece.decode() for piece in pieces)


def test_lines_are_read_one_by_one():
    long = "ab" * 2096
    assert len(long) == 4192
    assert pieces_of(train(["cd cd"], 264)) == pieces_of(train([f"{long}x\ncd cd\n\n▅ cd\r\n"], 264))
    assert (
        pieces_of(train(["cd", "cd"], 264)) == pieces_of(train(["  cd\ncd  "], 264)) == pieces_of(train(["cd cd"], 264))
    )


def test_files_saved_and_written(tmp_path):
    (tmp_path / "corpus.txt").write_text("low lower lowest\n" * 10, encoding="utf-8")
    tok = Tokenizer.train(tmp_path / "corpus.txt", 275, convention="sentencepiece", progress=False)
    assert "<|endoftext|>" in tok.special_tokens
    tok.save(tmp_path / "t.pybpe")
    tok.to_sentencepiece(tmp_path / "t.model")
    assert Tokenizer.load(tmp_path / "t.pybpe") == tok == Tokenizer.from_sentencepiece(tmp_path / "t.model")


@pytest.mark.parametrize(
    ("lines", "vocab_size", "options", "reason"),
    [
        (["ab"], 300, {}, r"after 2 merges no two are left .* set vocab_size 36 lower"),
        (["ab"], 261, {}, "vocab_size is 261, must be 262 to"),
        ([""], 300, {}, "corpus is empty"),
        (["▅"], 300, {}, "corpus is empty"),
        (["ab"], 262, {"pattern": "gpt2"}, "takes no pattern"),
        (["ab"], 262, {"min_frequency": 2, "max_token_length": 5}, "takes no min_frequency and no max_token_length"),
        (["ab"], 262, {"initial_alphabet": "c"}, "takes no initial_alphabet"),
        (["ab"], 262, {"special_tokens": ["a b"]}, "holds a space"),
        (["ab"], 262, {"special_tokens": ["<0x41>"]}, "name of a byte"),
        (["ab"], 262, {"normalizer": "NFKC"}, "no normalizer 'NFKC'; it knows identity, nfkc, nmt_nfkc"),
    ],
)
def test_what_is_refused(lines, vocab_size, options, reason):
    with pytest.raises(TrainingError, match=reason):
        train(lines, vocab_size, **options)


LINES = ["low lower lowest", "  new newer <e>newest ", "ｌｏｗ １２ ﬁne <s> x"] * 3


@pytest.mark.parametrize("normalizer", [None, "nfkc"])
def test_counts_made_before_are_as_good_as_text(normalizer, tmp_path):
    whole = train(LINES, 288, special_tokens=["<e>"], normalizer=normalizer)
    parts = []
    for start, end in ((0, 4), (4, 9)):
        counts = WordCounts.for_sentencepiece(["<e>"], normalizer=normalizer)
        counts.update(LINES[start:end], threads=2)
        counts.to_npz(tmp_path / "counts.npz")
        parts.append(WordCounts.from_npz(tmp_path / "counts.npz"))
    counts, other = parts
    counts.merge(other)
    settings = {"special_tokens": ["<e>"], "convention": "sentencepiece", "progress": False}
    assert Tokenizer.train(counts, 288, **settings) == whole
    assert Tokenizer.train(counts, 288, **settings, normalizer=normalizer or "identity") == whole
    with pytest.raises(ValueError, match="another normalizer"):
        Tokenizer.train(counts, 288, **settings, normalizer="identity" if normalizer else "nfkc")
    with pytest.raises(ValueError, match="count with WordCounts"):
        Tokenizer.train(counts, 288, **settings | {"special_tokens": []})
    with pytest.raises(ValueError, match="sentencepiece"):
        Tokenizer.train(counts, 288, progress=False)


def test_counts_for_another_convention_are_refused():
    with pytest.raises(ValueError, match="not counted for convention"):
        Tokenizer.train(WordCounts(), 300, convention="sentencepiece", progress=False)
    with pytest.raises(ValueError, match="in another way"):
        WordCounts.for_sentencepiece().merge(WordCounts.for_sentencepiece(normalizer="nfkc"))


@pytest.fixture(scope="module", params=[None, "nmt_nfkc"])
def spm(request) -> SentencePieceNormalizer:
    return normalizer_of(request.param)


@given(data=st.data())
def test_words_of_lines_equal_those_of_sentences(spm, readers, data):
    """The words that are counted are those that the encoder reads, of each line for itself."""
    text = data.draw(st.text("ab ▁▅\r\n\x1f<s>\ufb01\ufffdé", max_size=80))
    words, charsmap = readers
    expected = []
    for line in text.split("\n"):
        if "▅" not in line:
            read = apply_stages(spm.stages(charsmap), line).replace("<s>", "\x1f")
            expected += read.split(" ")[1:]
    assert b"".join(words.split(text.encode())).decode().split(" ")[1:] == expected


@pytest.fixture(scope="module")
def readers(spm):
    return SentencePieceWords(spm, ["<s>"]), spm.map_of(frozenset())


def test_the_number_of_threads_changes_nothing(texts):
    source = [text[start : start + 50_000] for text in texts.values() for start in range(0, 500_000, 50_000)]
    made = [Tokenizer.train(source, 12_000, convention="sentencepiece", threads=n, progress=False) for n in (1, 2, 8)]
    assert made[0] == made[1] == made[2]


def test_few_words_are_remembered_if_wanted():
    with pytest.warns(UserWarning, match="rare words were forgotten"):
        train(LINES, 275, max_words=5)


def test_scripts():
    assert [script_of(char) for char in "aé中かカーΩ1 \u0301\U00018000\u0378"] == [
        *("Latn", "Latn", "Hani", "Hani", "Hani", "Hani", "Grek", "Zyyy", "Zyyy", "Zinh", "Tang", "Zyyy")
    ]
