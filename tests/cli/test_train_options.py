"""What `pybpe train` can be told: each option does what the library does, and contradictions are one line."""

import io
import json
import sys
from pathlib import Path

import pytest

from pybpe import Tokenizer, WordCounts
from pybpe.cli.main import main
from pybpe.cli.train_options import CONVENTIONS
from pybpe.pretokenization.patterns import WHOLE
from pybpe.training.conventions import CONVENTIONS as ALL_CONVENTIONS
from pybpe.training.conventions import SENTENCEPIECE

pytestmark = pytest.mark.filterwarnings("ignore:the corpus is too small")


def test_every_convention_is_offered():
    assert set(CONVENTIONS) == {*ALL_CONVENTIONS, SENTENCEPIECE}


@pytest.mark.parametrize("convention", ALL_CONVENTIONS)
def test_a_convention(corpus, capsys, convention):
    assert main(["train", "corpus.txt", "--vocab-size", "290", "--convention", convention, "--report", "a.html"]) == 0
    expected = Tokenizer.train(corpus, 290, convention=convention, progress=False)
    assert Tokenizer.load("corpus.pybpe") == expected
    shown = capsys.readouterr().out
    assert f"convention       {convention}\n" in shown
    assert f"{expected.n_vocab} tokens: 256 bytes, {len(expected.merges)} merges, 1 special" in shown
    assert "forgotten" not in shown
    assert "<h1>corpus.txt</h1>" in Path("a.html").read_text(encoding="utf-8")


def test_patterns_in_a_row_and_none(corpus):
    train = ["train", "corpus.txt", "--vocab-size", "300", "--force", "--pattern"]
    assert main([*train, r"\p{N}", "--pattern", "gpt2"]) == 0
    expected = Tokenizer.train(corpus, 300, pattern=[r"\p{N}", "gpt2"], progress=False)
    assert Tokenizer.load("corpus.pybpe") == expected
    assert main([*train, "none"]) == 0
    assert Tokenizer.load("corpus.pybpe").pattern == WHOLE


def test_lengths_alphabet_and_frequency(corpus):
    options = ["--max-token-length", "3", "--initial-alphabet", "é中", "--min-frequency", "5"]
    assert main(["train", "corpus.txt", "--vocab-size", "300", *options]) == 0
    expected = Tokenizer.train(corpus, 300, max_token_length=3, initial_alphabet="é中", min_frequency=5, progress=False)
    assert Tokenizer.load("corpus.pybpe") == expected
    assert len(expected.encode("é中")) == 2


@pytest.mark.parametrize(("said", "protects"), [([], None), (["cut"], True), (["learn"], False)])
@pytest.mark.parametrize("convention", ["pybpe", "huggingface"])
def test_special_tokens_in_the_text(workplace, said, protects, convention):
    Path("corpus.txt").write_text("one<|endoftext|>two" * 99, encoding="utf-8")
    options = [f"--special-in-text={choice}" for choice in said]
    assert main(["train", "corpus.txt", "--vocab-size=262", "--convention", convention, *options]) == 0
    expected = Tokenizer.train("corpus.txt", 262, convention=convention, protect_special=protects, progress=False)
    assert Tokenizer.load("corpus.pybpe") == expected
    learns = protects is False or (protects is None and convention == "huggingface")
    assert any(b"end" in token or token == b"<|" for token in expected.mergeable_ranks) is learns


def test_a_special_token_on_the_edge_of_a_block_of_standard_input(workplace, monkeypatch):
    monkeypatch.setattr("pybpe.data.readers.blocks.BLOCK_BYTES", 64)
    content = "".join(f"{'ab ' * (i % 5)}<| x |>" for i in range(100))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode()), encoding="utf-8"))
    assert main(["train", "-", "-o", "a.pybpe", "--special", "<| x |>", "--vocab-size", "262"]) == 0
    assert not any(b"x" in token for token in Tokenizer.load("a.pybpe").mergeable_ranks if len(token) > 1)


def test_words_that_are_forgotten_are_told(corpus, capsys):
    assert main(["train", "corpus.txt", "--vocab-size", "290", "--max-words", "9"]) == 0
    shown = capsys.readouterr()
    counts = WordCounts(protect=["<|endoftext|>"], max_words=9)
    counts.update(corpus)
    assert f"forgotten        {counts.forgotten:,} of {counts.forgotten + counts.total:,} words (" in shown.out
    assert f"{counts.total:,} words, 9 different" in shown.out
    assert sum("were forgotten, to remember no more than 9" in line for line in shown.err.splitlines()) == 1


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C after the first merges."""

    def interrupt(stage: str, done: float, total: float | None) -> None:
        if stage == "merging":
            raise KeyboardInterrupt

    monkeypatch.setattr("pybpe.cli.console._plain_progress", lambda unit: interrupt)


def test_what_was_learned_is_kept_if_asked(corpus, interrupted, capsys):
    corpus.write_text(" ".join(map(str, range(5000))), encoding="utf-8")
    assert main(["train", "corpus.txt", "--vocab-size", "600", "--keep-on-interrupt"]) == 0
    assert Tokenizer.load("corpus.pybpe").n_vocab == 256 + 64 + 1
    assert "note: interrupted: the vocabulary has the 64 merges learned so far" in capsys.readouterr().err


def test_counts_outlast_an_interrupt(corpus, interrupted, fails):
    message = fails(130, "train", "corpus.txt", "--save-counts", "a.npz")
    assert message.endswith("the counts are complete; go on with: pybpe train --counts a.npz")
    assert len(WordCounts.from_npz("a.npz"))
    assert not Path("corpus.pybpe").exists()


# Counts


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_counts_give_what_their_text_gives(corpus, capsys, kind):
    lines = corpus.read_text(encoding="utf-8").splitlines(keepends=True)
    for name, part in (("a", lines[:200]), ("b", lines[200:])):
        Path(f"{name}.txt").write_text("".join(part), encoding="utf-8")
        arguments = [f"{name}.txt", "--vocab-size", "300", "--save-counts", f"{name}.{kind}"]
        assert main(["train", *arguments]) == 0
    assert f"counts           b.{kind}, " in capsys.readouterr().out
    assert main(["train", "--counts", f"a.{kind}", f"b.{kind}", "--vocab-size", "300"]) == 0
    assert Tokenizer.load("tokenizer.pybpe") == Tokenizer.train([Path("a.txt"), Path("b.txt")], 300, progress=False)
    shown = capsys.readouterr().out
    assert f"{corpus.stat().st_size / 1000:.0f} KB, " in shown
    assert "bytes per token" not in shown
    assert "next:  pybpe encode tokenizer.pybpe --text 'Hello world'" in shown
    arguments = ["--counts", f"a.{kind}", "--max-words", "5", "--vocab-size", "270", "--save-counts", f"c.{kind}"]
    assert main(["train", *arguments, "-o", "c.pybpe", "--eval", "a.txt"]) == 0
    shown = capsys.readouterr().out
    assert "5 different" in shown
    assert "bytes per token on " in shown


def test_counts_that_cannot_be_read_or_written(corpus, tokenizer, fails, monkeypatch):
    Path("corpus.pybpe").unlink()
    counts = WordCounts("gpt2")
    counts.update(corpus)
    counts.to_npz("a.npz")
    WordCounts().to_npz("b.npz")
    Path("damaged.npz").write_text("no counts", encoding="utf-8")
    assert "name a .npz or .parquet file" in fails(2, "train", "--counts", "corpus.txt")
    assert "did you mean 'a.npz'?" in fails(1, "train", "--counts", "aa.npz")
    assert "damaged.npz is damaged, or no file of word counts" in fails(1, "train", "--counts", "damaged.npz")
    assert "cannot merge counts split by" in fails(1, "train", "--counts", "a.npz", "b.npz")
    assert "the corpus is empty" in fails(1, "train", "--counts", "b.npz")
    assert "name a .npz or .parquet file" in fails(2, "train", "corpus.txt", "--save-counts", "a.txt")
    assert "a.npz exists already; add --force" in fails(1, "train", "corpus.txt", "--save-counts", "a.npz")
    assert "a.npz is the corpus itself" in fails(1, "train", "--counts", "a.npz", "--save-counts", "a.npz", "--force")
    same = ["--save-counts", "c.npz", "-o", "c.npz"]
    assert "two files cannot both be c.npz" in fails(2, "train", "corpus.txt", *same)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "pip install 'pybpe[data]'" in fails(1, "train", "corpus.txt", "--save-counts", "a.parquet")
    assert not Path("corpus.pybpe").exists()


# Going on with a tokenizer


def test_extending(corpus, tokenizer, capsys):
    arguments = ["train", "corpus.txt", "--extend", "corpus.pybpe", "--vocab-size", "310"]
    assert main([*arguments, "-o", "larger.pybpe"]) == 0
    assert Tokenizer.load("larger.pybpe") == tokenizer.extend(corpus, 310, progress=False)
    shown = capsys.readouterr().out
    assert "310 tokens: 301 as they were, 9 new" in shown
    assert "goes on from Tokenizer of 301 tokens, pattern 'gpt4'" in shown
    assert "new tokens" in shown
    assert main([*arguments, "--force"]) == 0  # in its place
    assert Tokenizer.load("corpus.pybpe") == Tokenizer.load("larger.pybpe")


def test_extending_tokenizers_of_others(corpus, tokenizer):
    tokenizer.to_tiktoken("ranks.tiktoken")
    tokenizer.to_huggingface("tokenizer.json")
    end = ["--vocab-size", "320", "--force"]
    assert main(["train", "corpus.txt", "--extend", "ranks.tiktoken", "--pattern", "gpt4", *end]) == 0
    expected = Tokenizer.from_tiktoken("ranks.tiktoken", "gpt4").extend(corpus, 320, progress=False)
    assert Tokenizer.load("corpus.pybpe") == expected
    assert main(["train", "corpus.txt", "--extend", "tokenizer.json", "--report", "a.html", *end]) == 0
    expected = Tokenizer.from_huggingface("tokenizer.json").extend(corpus, 320, progress=False)
    assert Tokenizer.load("corpus.pybpe") == expected


def test_extending_from_counts_and_with_limits(corpus, tokenizer):
    counts = WordCounts(protect=["<|endoftext|>"])
    counts.update(corpus)
    counts.to_npz("a.npz")
    limits = ["--max-token-length", "4", "--min-frequency", "2"]
    arguments = ["--extend", "corpus.pybpe", "--vocab-size", "330", "-o", "b.pybpe", *limits]
    assert main(["train", "--counts", "a.npz", *arguments]) == 0
    expected = tokenizer.extend(corpus, 330, max_token_length=4, min_frequency=2, progress=False)
    assert Tokenizer.load("b.pybpe") == expected


def test_what_cannot_be_extended(corpus, tokenizer, fails):
    def extend(status: int, *options: str) -> str:
        return fails(status, "train", "corpus.txt", "-o", "b.pybpe", "--extend", *options)

    assert "must be at least 301: there are so many ids" in extend(1, "corpus.pybpe", "--vocab-size", "300")
    assert "did you mean 'corpus.pybpe'?" in extend(1, "corpsu.pybpe", "--vocab-size", "300")
    assert "corpus.txt is not a tokenizer" in extend(1, "corpus.txt", "--vocab-size", "300")
    tokenizer.to_tiktoken("ranks.tiktoken")
    assert "add --pattern with one of gpt2" in extend(2, "ranks.tiktoken", "--vocab-size", "400")
    WordCounts("gpt2").to_npz("a.npz")
    arguments = ["--extend", "corpus.pybpe", "--vocab-size", "400", "-o", "b.pybpe"]
    assert "this tokenizer splits by" in fails(1, "train", "--counts", "a.npz", *arguments)
    assert not Path("b.pybpe").exists()


# Contradictions


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--extend", "corpus.pybpe"], "--extend needs --vocab-size"),
        (["--extend", "corpus.pybpe", "--vocab-size=400", "--convention=pybpe"], "--convention is fixed by"),
        (["--extend", "corpus.pybpe", "--vocab-size=400", "--special=<s>"], "--special is fixed by"),
        (["--extend", "corpus.pybpe", "--vocab-size=400", "--initial-alphabet=é"], "--initial-alphabet is fixed by"),
        (["--extend", "corpus.pybpe", "--vocab-size=400", "--no-special"], "leave out --no-special"),
        (["--extend", "corpus.pybpe", "--vocab-size=400", "--pattern=gpt2"], "leave out --pattern"),
        (["--extend", "corpus.pybpe", "--vocab-size=400", "--pattern=a", "--pattern=b"], "leave out the others"),
        (["--pattern", "none", "--pattern", "gpt2"], "--pattern none keeps texts whole and stands alone"),
        (["--counts", "a.npz"], "--counts replaces text"),
        (["--convention", "gpt2"], "'gpt2' is none of pybpe, rustbpe, huggingface"),
        (["--convention", "Hugging"], "did you mean 'huggingface'?"),
        (["--normalizer", "nfk"], "did you mean 'nfkc'?"),
        (["--special-in-text", "keep"], "'keep' is none of cut, learn"),
        (["--max-words", "0"], "at least 1"),
        (["--max-token-length", "0"], "at least 1"),
    ],
)
def test_contradictions_are_wrong_usage(corpus, tokenizer, fails, options, says):
    assert says in fails(2, "train", "corpus.txt", *options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--pattern", "gpt2"], "--pattern applies to text"),
        (["--special-in-text", "cut"], "--special-in-text applies to text"),
        (["--held-out", "0.1"], "--held-out applies to text"),
        (["--text-field", "body"], "--text-field applies to text"),
        (["--report", "a.html"], "name some with --eval FILE"),
    ],
)
def test_what_does_not_go_with_counts(workplace, fails, options, says):
    assert says in fails(2, "train", "--counts", "a.npz", *options)


def test_mistakes_show_before_the_text_is_read(corpus, fails, monkeypatch):
    monkeypatch.setattr(WordCounts, "update", lambda *_, **__: pytest.fail("counted before it looked"))
    assert "a special token must not be empty" in fails(1, "train", "corpus.txt", "--special", "")
    arguments = ["--vocab-size", "256", "--convention", "huggingface"]
    assert "must be at least 257: bytes and special tokens count" in fails(1, "train", "corpus.txt", *arguments)
    arguments = ["--special", "é", "--convention", "huggingface"]
    assert "is how Hugging Face writes the byte 0xe9" in fails(1, "train", "corpus.txt", *arguments)


def test_text_in_fields_with_options(workplace):
    Path("a.jsonl").write_text(
        "".join(json.dumps({"body": f"low lower {i}"}) + "\n" for i in range(50)), encoding="utf-8"
    )
    assert main(["train", "a.jsonl", "--text-field", "body", "--convention", "minbpe", "--vocab-size", "260"]) == 0
    assert Tokenizer.load("a.pybpe").n_vocab == 261


def test_help_has_examples(capsys):
    assert main(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--extend", "--counts", "--save-counts", "--convention", "--special-in-text", "examples:"):
        assert option in shown


def test_sentencepiece(corpus, capsys, fails):
    assert main(["train", "corpus.txt", "--convention", "sentencepiece", "--vocab-size", "340", "-o", "s.pybpe"]) == 0
    shown = capsys.readouterr().out
    made = Tokenizer.load("s.pybpe")
    assert made == Tokenizer.train(corpus, 340, convention="sentencepiece", progress=False)
    assert "sentencepiece" in shown
    assert f"{made.n_vocab:,} tokens" in shown
    command = ["train", "corpus.txt", "--convention", "sentencepiece", "--force"]
    wrong = ["--pattern", "gpt2", "--min-frequency", "9"]
    assert "does not support --pattern and --min-frequency" in fails(2, *command, *wrong)


@pytest.mark.parametrize("held_out", [[], ["--held-out", "0.1"]])
def test_sentencepiece_keeps_the_carriage_returns_of_files(workplace, pipe, held_out):
    content = b"low lower lowest\r\n" * 200
    if held_out:
        Path("corpus.txt").write_bytes(content)
        source = "corpus.txt"
    else:
        source = str(pipe(content))
    command = ["train", source, "--convention", "sentencepiece", "--no-special", "--vocab-size", "275", *held_out]
    assert main([*command, "-o", "s.pybpe"]) == 0
    Path("twice.txt").write_bytes(content[:36])
    expected = Tokenizer.train("twice.txt", 275, special_tokens=[], convention="sentencepiece", progress=False)
    assert Tokenizer.load("s.pybpe") == expected
    assert b"\r" in list(expected.vocab.values())[259:]


def test_sentencepiece_from_counts_in_normal_form(workplace, capsys):
    Path("corpus.txt").write_text("ｌow lower ﬁne\nlowest ﬁner\n" * 9, encoding="utf-8")
    common = ["--convention", "sentencepiece", "--vocab-size", "283"]
    assert main(["train", "corpus.txt", *common, "--normalizer", "nfkc", "--save-counts", "a.npz"]) == 0
    assert main(["train", "--counts", "a.npz", *common, "-o", "b.pybpe"]) == 0
    made = Tokenizer.load("corpus.pybpe")
    assert made == Tokenizer.load("b.pybpe")
    assert made.encode("ﬁne") == made.encode("fine")


def test_a_normal_form_of_tokenizers(workplace, fails):
    Path("corpus.txt").write_text("e\u0301e\u0301 é" * 9, encoding="utf-8")
    assert main(["train", "corpus.txt", "--normalizer", "NFC", "--vocab-size", "257"]) == 0
    assert Tokenizer.load("corpus.pybpe").token_bytes(256) == "é".encode()
    assert "must be one of NFC" in fails(1, "train", "corpus.txt", "--normalizer", "nfkc", "--force")
    extend = ("train", "corpus.txt", "--extend", "corpus.pybpe", "--vocab-size", "300", "--normalizer", "NFC")
    assert "--normalizer is fixed by the tokenizer" in fails(2, *extend)
