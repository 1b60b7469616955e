"""pybpe convert: every kind of file from every other, proved, refused in one line."""

import json
import subprocess
from pathlib import Path

import pytest
from support.huggingface_files import characters, clip, write_json

from pybpe import Tokenizer
from pybpe.cli import convert
from pybpe.cli.main import main
from pybpe.formats import huggingface

TEXT = "The cat sat on 12345 mats, and it's old.\n\n  é <|endoftext|>"


@pytest.fixture
def plain(workplace) -> Tokenizer:
    """What every kind can hold: plain.pybpe."""
    made = Tokenizer.train(iter(["The cat sat on a mat"] * 9), 266, pattern="gpt2", progress=False)
    made.save("plain.pybpe")
    return made


def converted(*argv: str) -> None:
    assert main(["convert", *argv]) == 0


def test_from_each_kind_to_each(plain, capsys):
    outputs = {
        "a.pybpe": [],
        "a.tiktoken": [],
        "a.json": [],
        "a.model": [],
        "a.gguf": [],
        "hf": [],
        "pair": ["--to", "gpt2"],
        "odd.name": ["--to", "tiktoken"],
    }
    for name, options in outputs.items():
        converted("plain.pybpe", name, *options)
    assert "both give the same" in capsys.readouterr().out
    assert sorted(path.name for path in Path("pair").iterdir()) == ["merges.txt", "vocab.json"]
    for name in outputs:
        known = ["--pattern", "gpt2"] if name in ("a.tiktoken", "odd.name") else []
        for goal in ("b.pybpe", "b.json", "b.model", "b.gguf"):
            converted(name, goal, "--force", *known)
            capsys.readouterr()
            assert main(["encode", goal, "--text", TEXT.replace("<|endoftext|>", "")]) == 0
            ids = [int(word) for word in capsys.readouterr().out.split()]
            assert ids == plain.encode(TEXT.replace("<|endoftext|>", "")), (name, goal)
            assert main(["info", goal, "--json"]) == 0
            results = json.loads(capsys.readouterr().out)
            assert results["special_tokens"] == ({} if known else plain.special_tokens)


@pytest.mark.parametrize(
    ("pattern", "special", "typed"),
    [
        ("gpt2", ["<|endoftext|>"], "gpt2"),
        (None, [], "whole"),
        (r"\p{L}+|'x\$ |[\s\S]", ["<a>", "<é b>"], r"""'\p{L}+|'"'"'x\$ |[\s\S]'"""),
        ("deepseek-v3", [f"<{number}>" for number in range(20)], "deepseek-v3"),
        ([r"\p{N}", "a|b"], ["<a>"], r"$'\x5cp{N}\x1ea|b'"),
    ],
)
def test_a_rank_file_says_what_it_does_not_hold(workplace, capsys, pattern, special, typed):
    made = Tokenizer.train(iter(["The cat sat on a mat"] * 9), 262, pattern, special, progress=False)
    made.save("plain.pybpe")
    converted("plain.pybpe", "a.tiktoken")
    shown = capsys.readouterr()
    assert "neither the split pattern nor special tokens" in shown.err
    assert f"262 of {262 + len(special)}, all but the special ones" in shown.out
    assert "opened with that pattern and those special tokens" in shown.out
    for number, name in enumerate(special[:8]):
        assert f"{name} (id {262 + number})" in shown.out
    assert ("and 12 more" in shown.out) == (len(special) == 20)
    command = shown.out.splitlines()[-1].removeprefix("next:  ")
    assert command == f"pybpe info a.tiktoken --pattern={typed}"
    words = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True).stdout
    argv = words.decode().split("\0")[1:-1]
    assert main([*argv, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pattern"] == made.pattern
    if len(special) <= 8:
        call = next(line for line in shown.out.splitlines() if "Tokenizer.from_tiktoken(" in line)
        assert eval(call.removeprefix("to open it").strip(), {"Tokenizer": Tokenizer}) == Tokenizer.from_tiktoken(
            "a.tiktoken", made.pattern, made.special_tokens
        )


def test_a_public_encoding_loses_nothing_as_a_rank_file(vocabs, workplace, capsys):
    converted(str(vocabs / "r50k_base.tiktoken"), "a.pybpe")
    capsys.readouterr()
    converted("a.pybpe", "b.tiktoken")
    shown = capsys.readouterr()
    assert "note" not in shown.err
    assert "not in it" not in shown.out
    assert shown.out.endswith("next:  pybpe info b.tiktoken\n")
    assert main(["info", "b.tiktoken"]) == 0


def test_what_cannot_be_said_is_refused(corpus, tokenizer, fails):
    assert "for the split pattern gpt2" in fails(1, "convert", "corpus.pybpe", "pair", "--to", "gpt2")
    special = Tokenizer.train(iter(["ab"] * 9), 257, special_tokens=["<a b>"], progress=False)
    special.save("special.pybpe")
    assert "holds white space" in fails(1, "convert", "special.pybpe", "special.model")
    assert not [path for path in Path().iterdir() if path.name in ("pair", "special.model", "special.vocab")]


def test_places_that_cannot_be_written(plain, fails):
    assert "is not that of a file format" in fails(2, "convert", "plain.pybpe", "a.bin")
    assert "is the tokenizer itself" in fails(1, "convert", "plain.pybpe", "./plain.pybpe", "--force")
    Path("there.json").write_text("mine", encoding="utf-8")
    assert "add --force" in fails(1, "convert", "plain.pybpe", "there.json")
    Path("there.vocab").write_text("mine", encoding="utf-8")
    assert "there.vocab exists already" in fails(1, "convert", "plain.pybpe", "there.model")
    Path("folder").mkdir()
    Path("folder/tokenizer.json").write_text("mine", encoding="utf-8")
    assert "tokenizer.json exists already" in fails(1, "convert", "plain.pybpe", "folder")
    assert "is a folder; name a file" in fails(1, "convert", "plain.pybpe", "folder", "--to", "pybpe")
    assert "is a file" in fails(1, "convert", "plain.pybpe", "there.json", "--to", "gpt2")
    assert "there is no folder" in fails(1, "convert", "plain.pybpe", "nowhere/a.pybpe")
    assert Path("there.json").read_text(encoding="utf-8") == "mine"
    converted("plain.pybpe", "there.json", "--force")
    assert json.loads(Path("there.json").read_text(encoding="utf-8"))["model"]["type"] == "BPE"


def test_files_that_are_no_tokenizers(plain, fails):
    assert "did you mean 'plain.pybpe'?" in fails(1, "convert", "plain.pybp", "a.json")
    Path("bad.model").write_text("minbpe v1\n\n0\n1 999\n", encoding="utf-8")
    assert "bad.model, line 4" in fails(1, "convert", "bad.model", "a.json")
    assert "bad.model, line 4" in fails(1, "info", "bad.model")
    Path("sentences.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    assert "sentences.model is a model of type unigram" in fails(1, "info", "sentences.model")
    assert "see: pybpe convert --help" in fails(2, "convert", "plain.pybpe")


@pytest.mark.parametrize("damage", ["ids", "text"])
def test_a_writer_that_does_not_keep_its_word(plain, fails, monkeypatch, damage):
    other = Tokenizer.train(
        iter(["on the mat the cat"] * 9),
        262 if damage == "ids" else 256,
        pattern="gpt2",
        special_tokens=["<|endoftexT|>"],
        progress=False,
    )
    if damage == "text":
        monkeypatch.setattr(Tokenizer, "encode", lambda *_, **__: [256])
    monkeypatch.setattr(huggingface, "read", lambda _: other.definition)
    assert "nothing was written" in fails(1, "convert", "plain.pybpe", "a.json")
    assert not Path("a.json").exists()


def test_the_probe_holds_what_differs():
    for text in ("doesn't", "1234567", "\r\n", "cafe\u0301", "中文", "🙂", "\u3000"):
        assert text in convert.PROBE


def test_characters_between_their_formats(tmp_path, capsys):
    content = characters(merges=["▁ ▁", "a b", "▁ a", "ab c", "c c"])
    given = write_json(tmp_path / "t.json", content)
    for source, target, kind in (
        (given, "t.model", "a sentencepiece model"),
        (tmp_path / "t.model", "t.gguf", "a GGUF vocabulary"),
        (tmp_path / "t.gguf", "back.json", "Hugging Face's file"),
        (given, "t.pybpe", "pybpe's own file"),
    ):
        assert main(["convert", str(source), str(tmp_path / target)]) == 0
        assert kind in capsys.readouterr().out
        assert main(["info", str(tmp_path / target)]) == 0
        assert "characters, merged by" in capsys.readouterr().out
    for target, more, reason in (
        ("t.tiktoken", [], "a rank file cannot say so"),
        ("t2.model", ["--to", "minbpe"], "minbpe cannot say"),
    ):
        assert main(["convert", str(given), str(tmp_path / target), *more]) == 1
        assert reason in capsys.readouterr().err
        assert not (tmp_path / target).exists()
    assert main(["convert", str(write_json(tmp_path / "c.json", clip())), str(tmp_path / "c.gguf")]) == 1
    assert "GGUF cannot say how this tokenizer makes words" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "c.json")]) == 0
    assert "</w> behind the last token of each" in capsys.readouterr().out


def test_json_is_one_line(plain, capsys):
    assert main(["convert", "plain.pybpe", "a.model", "--json"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    facts = json.loads(shown)
    assert facts.pop("compared_ids") > plain.n_vocab
    n_bytes = Path("a.model").stat().st_size
    expected = {"input": "plain.pybpe", "output": "a.model", "kind": "minbpe", "n_vocab": plain.n_vocab}
    assert facts == {**expected, "file_bytes": n_bytes}
