"""datatrove's pipelines with pybpe's steps and with its own: the same files, byte for byte."""

from __future__ import annotations

import pickle

import pytest
from support.strategies import BOUNDARY

from pybpe import Tokenizer
from pybpe.compat import encoding
from pybpe.compat.tokenizers import Tokenizer as StandIn

pytest.importorskip("datatrove", reason="its pipelines are run with pybpe and without")
from datatrove.data import Document
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline import tokens as theirs

import pybpe.compat.datatrove as ours


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory):
    lines = ["The quick brown fox jumps over the lazy dog's 1234 back.\n", "Größe, 中文字符 and 한국어 🙂   !\n"] * 4
    trained = Tokenizer.train(iter(lines), vocab_size=320, progress=False)
    path = tmp_path_factory.mktemp("trained") / "tokenizer.json"
    trained.to_huggingface(path)
    return str(path)


def documents() -> list[Document]:
    texts = ["The quick fox.", "", "Größe <|endoftext|> 中文\n\n  x", BOUNDARY, "a" * 5000, *map(str, range(200))]
    ranges = [{"no_loss_ranges": [(0, 3)]} if len(text) > 9 else {} for text in texts]
    return [
        Document(text=text, id=str(i), metadata=some) for i, (text, some) in enumerate(zip(texts, ranges, strict=True))
    ]


def run(folder, *steps) -> None:
    LocalPipelineExecutor(pipeline=[documents(), *steps], logging_dir=str(folder / "logs")).run()


def files(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle_documents": False, "eos_token": None, "save_loss_metadata": True},
        {"seed": 1, "shuffle_chunk_size": 64, "max_tokens_per_file": 1000, "batch_size": 7},
    ],
    ids=["as it is", "with losses", "in chunks"],
)
def test_the_files_are_the_same(tokenizer_file, options, tmp_path):
    options = {"tokenizer_name_or_path": tokenizer_file, "eos_token": "<|endoftext|>", "seed": 0, **options}
    step = ours.DocumentTokenizer(str(tmp_path / "ours"), save_final_metadata=True, **options)
    run(tmp_path, step)
    run(tmp_path / "other", theirs.DocumentTokenizer(str(tmp_path / "theirs"), save_final_metadata=True, **options))
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    assert sum(map(len, files(tmp_path / "ours").values())) > 4000


def test_megatron(tokenizer_file, tmp_path):
    for where, steps in (("ours", ours), ("theirs", theirs)):
        run(tmp_path / f"{where} logs", steps.MegatronDocumentTokenizer(str(tmp_path / where), None, tokenizer_file))
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    assert files(tmp_path / "ours")


def test_counting(tokenizer_file):
    counts = [
        [document.metadata["token_count"] for document in steps.TokensCounter(tokenizer_file).run(documents())]
        for steps in (ours, theirs)
    ]
    assert counts[0] == counts[1]
    assert sum(counts[0]) > 1000


def test_pybpe_does_the_work(tokenizer_file, tmp_path):
    step = ours.DocumentTokenizer(str(tmp_path), tokenizer_name_or_path=tokenizer_file, eos_token="<|endoftext|>")
    assert isinstance(step.tokenizer, StandIn)
    found = step.tokenizer.encode_batch(["The quick fox"])[0]
    assert isinstance(found, encoding.Encoding)
    assert found.ids[-1] == 320
    assert step.tokenizer.reason is None
    again = pickle.loads(pickle.dumps(step))
    assert again.tokenizer.encode("fox").ids == step.tokenizer.encode("fox").ids
    assert isinstance(ours.load_tokenizer(tokenizer_file), StandIn)
