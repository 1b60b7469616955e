import json
from pathlib import Path

import pytest

from pybpe import Tokenizer, get_encoding
from pybpe.cli.main import main
from pybpe.errors import DownloadError


def test_info_as_json_and_as_a_table(tokenizer, capsys):
    assert main(["info", "corpus.pybpe", "--json"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert shown.isascii()
    results = json.loads(shown)
    assert results["n_vocab"] == 301
    assert results["fingerprint"] == tokenizer.fingerprint
    assert results["file_bytes"] == Path("corpus.pybpe").stat().st_size
    lengths = [len(token) for token in results["longest_tokens"]]
    assert lengths[0] == max(len(token) for token in tokenizer.vocab.values() if token != b"<|endoftext|>")
    assert lengths == sorted(lengths, reverse=True)
    assert main(["info", "corpus.pybpe"]) == 0
    shown = capsys.readouterr().out
    assert tokenizer.fingerprint in shown
    assert "<|endoftext|> = 300" in shown


def test_rank_files_need_a_pattern_unless_public(tokenizer, fails, capsys):
    tokenizer.to_tiktoken("corpus.tiktoken")
    assert "--pattern" in fails(2, "info", "corpus.tiktoken")
    assert "leave out --pattern" in fails(2, "info", "corpus.pybpe", "--pattern", "gpt4")
    assert main(["encode", "corpus.tiktoken", "--pattern", "gpt4", "--text", "The cat sat"]) == 0
    assert [int(word) for word in capsys.readouterr().out.split()] == tokenizer.encode("The cat sat")


def test_files_that_are_no_tokenizers(corpus, tokenizer, fails):
    Path("damaged.pybpe").write_bytes(Path("corpus.pybpe").read_bytes()[:-40])
    assert "damaged" in fails(1, "info", "damaged.pybpe")
    assert "is not a tokenizer" in fails(1, "info", "corpus.txt")
    assert "did you mean 'corpus.pybpe'?" in fails(1, "info", "corpus.pybp")
    assert "did you mean 'o200k_base'?" in fails(1, "info", "o200kbase")
    assert "the encoding of that model is 'o200k_base'" in fails(1, "info", "gpt-4o")
    assert "there is no folder nowhere either" in fails(1, "info", "nowhere/cl100k_base")
    Path("wide.json").write_bytes("{}".encode("utf-16"))
    assert "is UTF-16 text: convert it to UTF-8" in fails(1, "info", "wide.json")
    Path("marked.json").write_bytes(b"\xef\xbb\xbf{}")
    assert "byte order mark" in fails(1, "info", "marked.json")
    Path("empty").touch()
    assert "is not a tokenizer" in fails(1, "info", "empty")
    Path("folder").mkdir()
    assert "neither a tokenizer.json nor a vocab.json" in fails(1, "info", "folder")


def test_files_of_hugging_face(tokenizer, fails, capsys):
    tokenizer.to_huggingface("corpus.json")
    tokenizer.to_huggingface("folder")
    for name in ("corpus.json", "folder"):
        assert main(["info", name, "--json"]) == 0
        results = json.loads(capsys.readouterr().out)
        assert results["n_vocab"] == 301
        assert results["file_bytes"] > 1000
        assert main(["encode", name, "--text", "The cat sat"]) == 0
        assert [int(word) for word in capsys.readouterr().out.split()] == tokenizer.encode("The cat sat")
    assert "leave out --pattern" in fails(2, "info", "folder", "--pattern", "gpt4")
    content = json.loads(Path("corpus.json").read_text(encoding="utf-8"))
    content["normalizer"] = {"type": "NFC"}
    content["added_tokens"][0]["special"] = False
    Path("corpus.json").write_text(json.dumps(content), encoding="utf-8")
    assert main(["info", "corpus.json"]) == 0
    shown = capsys.readouterr().out
    assert "NFC" in shown
    assert "added tokens" in shown
    content["model"]["type"] = "Unigram"
    Path("corpus.json").write_text(json.dumps(content), encoding="utf-8")
    assert "pybpe reads BPE" in fails(1, "info", "corpus.json")


def test_files_of_gpt2(workplace, fails, capsys):
    tokenizer = Tokenizer.train(iter(["The cat sat"] * 9), 260, pattern="gpt2", progress=False)
    tokenizer.to_gpt2("pair")
    for name in ("pair", "pair/vocab.json"):
        assert main(["encode", name, "--text", "The cat sat"]) == 0
        assert [int(word) for word in capsys.readouterr().out.split()] == tokenizer.encode("The cat sat")
    Path("pair/merges.txt").unlink()
    assert "merges.txt" in fails(1, "info", "pair")


@pytest.fixture
def encoding(vocabs, corpus, monkeypatch) -> Tokenizer:
    """r50k_base, which commands find by its name."""
    monkeypatch.setenv("PYBPE_VOCABS", str(vocabs))
    return get_encoding("r50k_base")


def test_every_command_takes_a_public_encoding_by_name(encoding, capsys):
    def run(*argv: str) -> str:
        assert main(argv) == 0
        return capsys.readouterr().out

    ids = encoding.encode("The cat sat")
    assert json.loads(run("encode", "r50k_base", "--text", "The cat sat", "--json"))["ids"] == ids
    assert run("decode", "r50k_base", *map(str, ids)) == "The cat sat"
    assert json.loads(run("count", "gpt2", "corpus.txt", "--json"))["tokens"] == encoding.count(
        Path("corpus.txt").read_text(encoding="utf-8")
    )
    results = json.loads(run("info", "r50k_base", "--json"))
    assert (results["fingerprint"], results["file_bytes"]) == (encoding.fingerprint, 835_554)
    results = json.loads(run("convert", "r50k_base", "out.pybpe", "--json"))
    assert (results["input"], results["kind"], results["n_vocab"]) == ("r50k_base", "pybpe", encoding.n_vocab)
    assert results["compared_ids"] > encoding.n_vocab
    assert Tokenizer.load("out.pybpe") == encoding
    run("train", "corpus.txt", "--extend", "r50k_base", "--vocab-size", str(encoding.n_vocab + 1), "-o", "more.pybpe")
    assert Tokenizer.load("more.pybpe").n_vocab == encoding.n_vocab + 1
    run("gpt", "train", "corpus.txt", "-t", "r50k_base", "--steps", "1", "--n-embd", "8", "-o", "run")
    assert Tokenizer.load("run/tokenizer.pybpe") == encoding


def test_a_file_goes_before_an_encoding_of_its_name(encoding, tokenizer, fails, capsys):
    Path("gpt2").write_bytes(Path("corpus.pybpe").read_bytes())
    assert main(["info", "gpt2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fingerprint"] == tokenizer.fingerprint
    assert "has its own split pattern" in fails(2, "info", "r50k_base", "--pattern", "gpt2")


def test_an_encoding_that_is_nowhere_says_where_to_put_it(workplace, fails, monkeypatch):
    def offline(url: str, *_: object) -> bytes:
        raise DownloadError(f"{url} cannot be read: no network")

    monkeypatch.setattr("pybpe.encodings.rank_files.fetch", offline)
    monkeypatch.delenv("PYBPE_VOCABS", raising=False)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(workplace))
    assert "set PYBPE_VOCABS to the folder that holds it" in fails(1, "info", "p50k_base")


def test_count_as_json(corpus, tokenizer, capsys):
    Path("b.txt").write_text("the cat", encoding="utf-8")
    assert main(["count", "corpus.pybpe", "corpus.txt", "b.txt", "--json"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    texts = {name: Path(name).read_bytes() for name in ("corpus.txt", "b.txt")}
    files = [{"file": name, "tokens": tokenizer.count(text), "bytes": len(text)} for name, text in texts.items()]
    total = {key: sum(file[key] for file in files) for key in ("tokens", "bytes")}
    assert json.loads(shown) == {"files": files, **total}


def test_the_option_that_other_tools_have_for_a_tokenizer(corpus, fails):
    assert "the tokenizer is the first argument of pybpe count" in fails(
        2, "count", "--tokenizer", "gpt2", "corpus.txt"
    )
