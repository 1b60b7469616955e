import json
from pathlib import Path

from pybpe import Tokenizer
from pybpe.cli.main import main


def test_info_as_json_and_as_a_table(tokenizer, capsys):
    assert main(["info", "corpus.pybpe", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
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
