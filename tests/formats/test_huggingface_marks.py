"""tokenizer.json of bytes with continuing_subword_prefix or end_of_word_suffix: tokens say where in words they are."""

from __future__ import annotations

import functools
import json
from pydoc_data.topics import topics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.huggingface_files import added, check_what_marked_words_cannot, split_by, tokenizer_json, write_json
from support.strategies import any_text, boundary_text

from pybpe import FormatError, Tokenizer
from pybpe.cli.main import main
from pybpe.formats.helpers.byte_level import to_chars

tokenizers = pytest.importorskip("tokenizers", reason="the ids of tokenizer.json are compared with tokenizers")

ENGLISH = [text.translate(dict.fromkeys(map(ord, "#@_<>/"))) for text in topics.values()][:200]
BYTES = [to_chars(bytes([byte])) for byte in range(256)]
MARKS = [("##", None), ("@", None), ("##", "</w>"), ("@@", "_"), (None, "</w>")]
MERGES = ("l o", "lo w", "e r", "Ġ lo", "w er", "Ã ©", "! !", "!! !!", "ä ¸", "ä¸ Ń", "ä¸Ń ä¸Ń")
texts = st.one_of(any_text, boundary_text, st.text("lower ab#@</w>é1\u3000中", max_size=30))


def marked(prefix="##", suffix=None, merges=MERGES, **model):
    """A file with every byte in every place of a word, and `merges` wherever they can be."""
    before, behind = prefix or "", suffix or ""
    names = dict.fromkeys(first + byte + last for byte in BYTES for first in ("", before) for last in ("", behind))
    pairs = []
    for merge in merges:
        left, right = merge.split(" ")
        for first in dict.fromkeys(("", before)):
            for last in dict.fromkeys(("", behind)):
                pairs.append((first + left, before + right + last))
                names.setdefault(first + left + right + last)
    content = tokenizer_json()
    content["model"] |= {"vocab": {name: number for number, name in enumerate(names)}, "merges": pairs}
    content["model"] |= {"continuing_subword_prefix": prefix, "end_of_word_suffix": suffix, **model}
    return content


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "marks.json"


@functools.lru_cache(maxsize=64)
def _pair_of(path, content):
    ours = Tokenizer.from_huggingface(write_json(path, json.loads(content)))
    ours.to_huggingface(path.with_name("marks_written.json"))
    ours.save(path.with_name("marks.pybpe"))
    loaded = Tokenizer.load(path.with_name("marks.pybpe"))
    assert loaded == ours == Tokenizer.from_huggingface(path.with_name("marks_written.json"))
    return loaded, [tokenizers.Tokenizer.from_file(str(p)) for p in (path, path.with_name("marks_written.json"))]


def check(ours, theirs, text):
    expected = theirs[0].encode(text, add_special_tokens=False)
    assert ours.encode(text) == expected.ids == theirs[1].encode(text, add_special_tokens=False).ids
    assert ours.encode_batch([text, text.encode(), text], threads=1) == [expected.ids] * 3
    assert ours.count(text) == len(expected.ids)
    assert ours.decode(expected.ids) == theirs[0].decode(expected.ids, skip_special_tokens=False)
    ids, spans = ours.encode_with_offsets(text)
    assert ids == expected.ids
    if text.isascii():
        assert spans == expected.offsets
    assert all(0 <= start < end <= len(text) for start, end in spans)


@pytest.mark.parametrize("marks", MARKS, ids=str)
@given(text=texts)
@settings(max_examples=60)
def test_handmade(path, marks, text):
    check(*_pair_of(path, json.dumps(marked(*marks))), text)


@pytest.mark.parametrize("marks", MARKS, ids=str)
def test_every_code_point(path, marks):
    ours, theirs = _pair_of(path, json.dumps(marked(*marks)))
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    together = ["".join(f"{char}lo{char} " for char in points[i : i + 8192]) for i in range(0, len(points), 8192)]
    expected = [found.ids for found in theirs[0].encode_batch_fast(together, add_special_tokens=False)]
    assert ours.encode_batch(together) == expected


@pytest.mark.parametrize("marks", MARKS, ids=str)
def test_long_words(path, marks):
    ours, theirs = _pair_of(path, json.dumps(marked(*marks)))
    whole = split_by(r"\s", "Contiguous")  # so that a word can be anything
    long, judges = _pair_of(path, json.dumps({**marked(*marks), "pre_tokenizer": whole}))
    for word in ("low", "!", "中", "lower中!", "\xe9lo"):
        for times in (5, 40, 300, 70_000):
            for one, others in ((ours, theirs), (long, judges)):
                assert one.encode(word * times) == others[0].encode(word * times).ids


def corpus_with_every_byte_everywhere():
    """Words with each byte that is in UTF-8 as the whole, at the beginning, within and at the end."""
    leads = [chr(lead << 6 & 0x7FF | 0x21) for lead in range(0xC2, 0xE0)]
    leads += [chr((lead & 0xF) << 12 | (0x21 if lead == 0xED else 0x821)) for lead in range(0xE0, 0xF0)]
    leads += [chr((lead & 7) << 18 | 0x10021) for lead in range(0xF0, 0xF4)] + ["\U00100021"]
    tails = [chr(0x400 | tail) for tail in range(64)]
    for char in [*map(chr, range(128)), *leads, *tails]:
        yield from (char, char * 4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")

    @functools.cache
    def train(prefix, suffix):
        marks = {"continuing_subword_prefix": prefix, "end_of_word_suffix": suffix}
        marks = {name: mark for name, mark in marks.items() if mark}
        tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(**marks))
        byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        tokenizer.pre_tokenizer = byte_level
        tokenizer.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=3000,
            **marks,
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=["<|endoftext|>"],
            show_progress=False,
        )
        tokenizer.train_from_iterator([*corpus_with_every_byte_everywhere(), *ENGLISH], trainer)
        file = folder / f"{len(list(folder.iterdir()))}.json"
        tokenizer.save(str(file))
        return json.loads(file.read_text(encoding="utf-8"))

    return train


@pytest.mark.parametrize("marks", MARKS, ids=str)
@given(text=texts, number=st.integers(0, 10**6))
@settings(max_examples=40)
def test_trained(path, trained, marks, text, number):
    ours, theirs = _pair_of(path, json.dumps(trained(*marks)))
    content = ENGLISH[number % len(ENGLISH)]
    start = number // 7 % len(content)
    check(ours, theirs, text)
    check(ours, theirs, content[start : start + 200] + text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (marked(ignore_merges=True), "cannot have ignore_merges"),
        (marked(continuing_subword_prefix=1), "continuing_subword_prefix is not a string"),
        (marked(continuing_subword_prefix="→"), "not of ASCII that prints"),
        (marked(continuing_subword_prefix="\ud800"), "not of ASCII that prints"),
        (marked(merges=["l o"], continuing_subword_prefix="%%"), "which does not begin with '%%'"),
        (marked(merges=[], continuing_subword_prefix="%%"), "0x00 within a word|that a word with marks"),
        (marked(merges=["# #", "## #"]), "by their names some are for other places"),
        (marked("##", "</w>", ["# #"]), "by their names some are for other places"),
        (marked("a", "b"), "0x61 as the whole of a word"),
        ({**marked(), "decoder": None}, "the decoder ByteLevel"),
        ({**marked(), "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": False}}, "the decoder ByteLevel"),
        ({**marked(), "pre_tokenizer": {"type": "WhitespaceSplit"}}, "cannot split text of characters"),
        (tokenizer_json(continuing_subword_prefix="##", merges=[]), "0x00 within a word"),
    ],
)
def test_what_is_refused(path, content, message):
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_huggingface(write_json(path, content))


def test_a_byte_without_a_token_for_a_place_that_text_has(path):
    for name, place in (("##a", "0x61 within"), ("a", "0x61 at the beginning of")):
        content = marked(merges=[])
        del content["model"]["vocab"][name]
        with pytest.raises(FormatError, match=place):
            Tokenizer.from_huggingface(write_json(path, content))


def test_names_beside_marks(path):
    content = marked("##", "</w>")
    size = len(content["model"]["vocab"])
    content["added_tokens"] = [added(size, "<s>", special=True), added(size + 1, "lo!")]
    ours, theirs = _pair_of(path, json.dumps(content))
    for text in ("lo!low<s>lo", "<s>", "lo! lo!lo!"):
        assert ours.encode(text, allowed_special="all") == theirs[0].encode(text).ids


def test_what_they_cannot_become(tmp_path_factory, tmp_path, capsys):
    path = write_json(tmp_path_factory.mktemp("source") / "tokenizer.json", marked())
    ours = Tokenizer.from_huggingface(path)
    check_what_marked_words_cannot(ours, tmp_path, r"##|how this tokenizer|in this tokenizer they are not")
    assert main(["info", str(path)]) == 0
    assert "## before each token but the first" in " ".join(capsys.readouterr().out.split())
    assert main(["convert", str(path), str(tmp_path / "t.pybpe")]) == 0
    assert main(["convert", str(tmp_path / "t.pybpe"), str(tmp_path / "t.json")]) == 0
    assert Tokenizer.from_huggingface(tmp_path / "t.json") == ours == Tokenizer.load(tmp_path / "t.pybpe")
