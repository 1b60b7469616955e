import json
from pathlib import Path

from pybpe.cli.main import main


def test_info_as_json_and_as_a_table(tokenizer, capsys):
    assert main(["info", "corpus.pybpe", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["n_vocab"] == 301
    assert facts["fingerprint"] == tokenizer.fingerprint
    assert facts["file_bytes"] == Path("corpus.pybpe").stat().st_size
    lengths = [len(token) for token in facts["longest_tokens"]]
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
    assert "it is a folder" in fails(1, "info", "folder")
