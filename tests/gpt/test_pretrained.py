"""Weights of other programs: read, written, and refused."""

import json
import math
import os
import pickle
import string
import zipfile
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from torch.nn import functional  # noqa: E402

from pybpe.cli.main import main  # noqa: E402
from pybpe.errors import FormatError, TrainingError  # noqa: E402
from pybpe.gpt.checkpoint import Checkpoint, read_checkpoint, write_checkpoint  # noqa: E402
from pybpe.gpt.generation import Inference  # noqa: E402
from pybpe.gpt.huggingface import write_huggingface  # noqa: E402
from pybpe.gpt.micro import MicroConfig, MicroGPT  # noqa: E402
from pybpe.gpt.model import FORMS, GPT, GPTConfig  # noqa: E402
from pybpe.gpt.pretrained import fit_vocabulary, read_pretrained, write_micro  # noqa: E402

IDS = np.random.default_rng(1).integers(0, 40, (2, 9))
CONFIG = {
    "model_type": "gpt2",
    "vocab_size": 40,
    "n_positions": 12,
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 1,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
}


def gpt2_tensors(bias=True, turned=True):
    """Random weights by the names that OpenAI's program gave them; turned: matrices as [in, out]."""
    rng = np.random.default_rng(2)
    wide, found = 64, {}

    def add(name, *shape):
        found[name] = rng.normal(0, 0.2, shape).astype(np.float32)

    add("wte.weight", 40, wide)
    add("wpe.weight", 12, wide)
    for layer in range(2):
        for name, rows, columns in (
            ("attn.c_attn", wide, 3 * wide),
            ("attn.c_proj", wide, wide),
            ("mlp.c_fc", wide, 4 * wide),
            ("mlp.c_proj", 4 * wide, wide),
        ):
            add(f"h.{layer}.{name}.weight", *((rows, columns) if turned else (columns, rows)))
            if bias:
                add(f"h.{layer}.{name}.bias", columns)
        for name in ("ln_1", "ln_2"):
            add(f"h.{layer}.{name}.weight", wide)
            if bias:
                add(f"h.{layer}.{name}.bias", wide)
    add("ln_f.weight", wide)
    if bias:
        add("ln_f.bias", wide)
    return found


def gpt2_logits(tensors, ids, turned=True, tanh=True):
    """GPT-2 written out, with these weights."""
    w = {name: torch.tensor(tensor) for name, tensor in tensors.items()}

    def linear(x, name):
        weight = w[f"{name}.weight"] if turned else w[f"{name}.weight"].T
        return x @ weight + w.get(f"{name}.bias", torch.zeros(()))

    def norm(x, name):
        spread = ((x - x.mean(-1, keepdim=True)) ** 2).mean(-1, keepdim=True)
        x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(spread + 1e-5)
        return x * w[f"{name}.weight"] + w.get(f"{name}.bias", torch.zeros(()))

    time = ids.shape[1]
    x = w["wte.weight"][torch.tensor(ids)] + w["wpe.weight"][:time]
    for layer in range(2):
        q, k, v = linear(norm(x, f"h.{layer}.ln_1"), f"h.{layer}.attn.c_attn").split(64, dim=-1)
        scores = q @ k.transpose(1, 2) / math.sqrt(64)
        scores = scores.masked_fill(torch.triu(torch.ones(time, time, dtype=torch.bool), 1), -math.inf)
        x = x + linear(scores.softmax(-1) @ v, f"h.{layer}.attn.c_proj")
        hidden = linear(norm(x, f"h.{layer}.ln_2"), f"h.{layer}.mlp.c_fc")
        hidden = functional.gelu(hidden, approximate="tanh" if tanh else "none")
        x = x + linear(hidden, f"h.{layer}.mlp.c_proj")
    return (norm(x, "ln_f") @ w["wte.weight"].T).numpy()


def write_gpt2(folder, tensors, **config):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}), encoding="utf-8")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_gpt2_in_hugging_faces_layout(tmp_path, prefix):
    tensors = gpt2_tensors()
    expected = gpt2_logits(tensors, IDS)
    there = {prefix + name: tensor for name, tensor in tensors.items()}
    masks = {f"{prefix}h.0.attn.bias": np.ones((1, 1, 12, 12), np.float32)}
    folder = write_gpt2(tmp_path / "a", {**there, **masks})
    np.testing.assert_allclose(Inference(read_pretrained(folder).model()).logits(IDS), expected, atol=1e-4)
    file = folder / "model.safetensors"
    np.testing.assert_allclose(Inference(read_pretrained(file).model()).logits(IDS), expected, atol=1e-4)
    (folder / "config.json").unlink()  # a published one says all but its heads, and those are 64 wide
    assert read_pretrained(file).config == replace(read_pretrained(file).config, n_head=1, block_size=12, n_vocab=40)
    np.testing.assert_allclose(Inference(read_pretrained(file).model()).logits(IDS), expected, atol=1e-4)


def test_weights_in_several_files(tmp_path):
    tensors = gpt2_tensors()
    folder = write_gpt2(tmp_path, tensors)
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    where = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(names)}
    for file in set(where.values()):
        save_file({name: tensors[name] for name in names if where[name] == file}, folder / file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": where}), encoding="utf-8")
    np.testing.assert_allclose(
        Inference(read_pretrained(folder).model()).logits(IDS), gpt2_logits(tensors, IDS), atol=1e-4
    )
    index.write_text(json.dumps({"weight_map": {"x": "../model-0.safetensors"}}), encoding="utf-8")
    with pytest.raises(FormatError, match="outside its folder"):
        read_pretrained(folder)


def nanogpt(path, bias=False, **changes):
    tensors = gpt2_tensors(bias=bias, turned=False)
    named = {f"_orig_mod.transformer.{name}": torch.tensor(tensor) for name, tensor in tensors.items()}
    named["_orig_mod.lm_head.weight"] = named["_orig_mod.transformer.wte.weight"]
    options = {
        "n_layer": 2,
        "n_head": 1,
        "n_embd": 64,
        "block_size": 12,
        "bias": bias,
        "vocab_size": 40,
        "dropout": 0.0,
    }
    torch.save({"model": named, "model_args": {**options, **changes}, "iter_num": 7, "optimizer": {"state": {}}}, path)
    return tensors


@pytest.mark.parametrize("bias", [False, True])
def test_nanogpt(tmp_path, bias):
    tensors = nanogpt(tmp_path / "ckpt.pt", bias)
    logits = Inference(read_pretrained(tmp_path / "ckpt.pt").model()).logits(IDS)
    np.testing.assert_allclose(logits, gpt2_logits(tensors, IDS, turned=False, tanh=False), atol=1e-4)


def test_nanogpts_characters_come_along(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tensors = nanogpt(tmp_path / "ckpt.pt")
    text = "".join(sorted(string.ascii_letters[:38] + " \n"))
    stoi = {character: id_ for id_, character in enumerate(text)}
    meta = {"vocab_size": 40, "itos": {id_: character for character, id_ in stoi.items()}, "stoi": stoi}
    (tmp_path / "input.txt").write_text(text * 20, encoding="utf-8")
    assert main(["gpt", "convert", "ckpt.pt", "-o", "x"]) == 2
    assert "meta.pkl of nanoGPT's characters" in capsys.readouterr().err
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.pkl").write_bytes(pickle.dumps(meta))
    assert main(["gpt", "convert", "ckpt.pt", "-t", "data/meta.pkl", "-o", "mine"]) == 0
    capsys.readouterr()
    assert main(["gpt", "sample", "mine", "--prompt", "abc", "--tokens", "8", "--temperature", "0"]) == 0
    said, expected = capsys.readouterr().out.removesuffix("\n"), "abc"
    for _ in range(8):
        ids = np.array([[stoi[character] for character in expected]])
        expected += text[gpt2_logits(tensors, ids, turned=False, tanh=False)[0, -1].argmax()]
    assert said == expected
    assert main(["gpt", "sample", "mine"]) == 1
    assert "give a prompt" in capsys.readouterr().err
    assert main(["gpt", "eval", "mine", "input.txt"]) == 0
    more = ("--steps", "2", "--eval-windows", "2", "--threads", "1", "--device", "cpu")
    assert main(["gpt", "train", "input.txt", "--init", "mine", *more, "-o", "more"]) == 0
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps({**meta, "stoi": dict(list(stoi.items())[:-1])}))  # beside it
    assert main(["gpt", "convert", "ckpt.pt", "-o", "other"]) == 1
    assert "the vocabulary has 39" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n_vocab", "rows"), [(50_257, 50_257), (50_257, 50_264), (50_257, 50_304), (50_257, 50_432), (50_257, 51_200)]
)
def test_rows_beyond_the_vocabulary_are_padding(n_vocab, rows):
    whole = checkpoint("nanogpt", n_vocab=rows, n_layer=1, n_head=1, n_embd=8)
    fitted = fit_vocabulary(whole, n_vocab, "f" * 64)
    assert (fitted.config.n_vocab, fitted.config.rows, fitted.fingerprint) == (n_vocab, rows, "f" * 64)
    logits = Inference(fitted.model()).logits(IDS)
    assert np.array_equal(logits, Inference(whole.model()).logits(IDS)[..., :n_vocab])


@given(st.integers(1, 2_000), st.integers(1, 2_000))
def test_the_bound_of_padding(n_vocab, rows):
    """As many rows as ids, and up to a twentieth more from 256 ids on."""
    whole = Checkpoint(GPTConfig(rows, 1, 1, 8, 8), {})
    if n_vocab == rows or (n_vocab >= 256 and 0 <= 20 * (rows - n_vocab) <= n_vocab):
        assert fit_vocabulary(whole, n_vocab, "").config.rows == rows
    else:
        with pytest.raises(FormatError, match="it is another one"):
            fit_vocabulary(whole, n_vocab, "")


def test_twice_as_many_rows_as_ids_are_no_padding():
    with pytest.raises(FormatError, match=r"the model has 128 rows of ids and the vocabulary has 65 ids.*up to 0 more"):
        fit_vocabulary(checkpoint("nanogpt", n_vocab=128), 65, "")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": {}, "model_args": {}, "config": Evil()}, "ckpt.pt")
    with pytest.raises(FormatError, match="holds more than weights and numbers"):
        read_pretrained(tmp_path / "ckpt.pt")
    assert not (tmp_path / "evil").exists()


class Claims:
    """A tensor that says it is larger than what is stored."""

    def __reduce__(self):
        stored = torch.zeros(4)._typed_storage()
        return torch._utils._rebuild_tensor_v2, (stored, 0, (1 << 40,), (1,), False, OrderedDict())


def test_a_tensor_that_claims_a_terabyte_gets_none(tmp_path):
    nanogpt(tmp_path / "ckpt.pt")
    content = torch.load(tmp_path / "ckpt.pt", weights_only=True)
    content["model"]["transformer.x"] = Claims()
    torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(FormatError, match=r"ckpt\.pt"):
        read_pretrained(tmp_path / "ckpt.pt")


def test_nanogpt_files_that_are_none(tmp_path):
    path = tmp_path / "ckpt.pt"
    nanogpt(path)
    whole = path.read_bytes()
    for length in (3, 100, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"ckpt\.pt"):
            read_pretrained(path)
    path.write_bytes(whole)
    squeezed = tmp_path / "squeezed.pt"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(FormatError, match="is compressed"):
        read_pretrained(squeezed)
    for changes in ({"n_layer": 3}, {"n_embd": 32}, {"vocab_size": 41}, {"n_head": "1"}, {"block_size": 13}):
        nanogpt(path, **changes)
        with pytest.raises(FormatError, match=r"ckpt\.pt"):
            read_pretrained(path)
    huge = torch.zeros(1).expand(40, 64)  # one number that claims to be many
    content = torch.load(path, weights_only=True)
    content["model_args"]["bias"] = False
    content["model"]["_orig_mod.transformer.wte.weight"] = huge
    torch.save(content, path)
    with pytest.raises(FormatError, match="not a plain array"):
        read_pretrained(path)
    for content in ([], {"model": 3, "model_args": {}}, {"model_args": {}}):
        torch.save(content, path)
        with pytest.raises(FormatError, match=r"ckpt\.pt"):
            read_pretrained(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "llama"},
        {"layer_norm_epsilon": 1e-6},
        {"n_inner": 100},
        {"scale_attn_by_inverse_layer_idx": True},
        {"scale_attn_weights": False},
        {"activation_function": "silu"},
        {"n_layer": 3},
        {"n_layer": 1},
        {"n_layer": "2"},
        {"n_head": 0},
        {"vocab_size": 41},
        {"vocab_size": 1 << 60},
        {"tie_word_embeddings": False},
        {"n_embd": None},
    ],
)
def test_configurations_that_this_gpt_is_not(tmp_path, changes):
    with pytest.raises(FormatError, match=r"model\.safetensors"):
        read_pretrained(write_gpt2(tmp_path / "a", gpt2_tensors(), **changes))


def test_files_of_something_else(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no model\.safetensors"):
        read_pretrained(tmp_path)
    path = tmp_path / "x"
    for content in (b"", b"PK", b"hello" * 50, b"\xff" * 500):
        path.write_bytes(content)
        with pytest.raises(FormatError):
            read_pretrained(path)
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(FormatError, match="not a GPT-2"):
        read_pretrained(path)
    write_gpt2(tmp_path / "a", gpt2_tensors())
    for content in ("", "[]", "{", '{"n_embd": 64}'):
        (tmp_path / "a" / "config.json").write_text(content, encoding="utf-8")
        with pytest.raises(FormatError):
            read_pretrained(tmp_path / "a")
    integers = {name: tensor.astype(np.int32) for name, tensor in gpt2_tensors().items()}
    with pytest.raises(FormatError, match="floating-point"):
        read_pretrained(write_gpt2(tmp_path / "b", integers))


def checkpoint(form, **changes):
    torch.manual_seed(3)
    shape = {"n_vocab": 40, "n_layer": 2, "n_head": 2, "n_embd": 64, "block_size": 12}
    model = GPT(GPTConfig(**{**shape, **FORMS[form], **changes}), init_std=0.2)
    return Checkpoint(model.config, model.state_dict(), 5, "a" * 64)


@pytest.mark.parametrize(
    ("form", "changes"), [("gpt2", {}), ("nanogpt", {}), ("gpt2", {"vocab_rows": 64}), ("gpt2", {"tied": False})]
)
def test_what_is_written_for_hugging_face_reads_the_same(tmp_path, form, changes):
    saved = checkpoint(form, **changes)
    write_huggingface(saved, tmp_path / "hf", eot_token=39)
    expected = Inference(saved.model()).logits(IDS)
    again = read_pretrained(tmp_path / "hf")
    assert np.array_equal(Inference(again.model()).logits(IDS), expected)
    assert load_file(tmp_path / "hf" / "model.safetensors")["transformer.h.0.attn.c_attn.weight"].shape == (64, 192)
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    theirs = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "hf").eval()
    with torch.no_grad():
        np.testing.assert_allclose(theirs(torch.tensor(IDS)).logits.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("form", ["modern", "micro"])
def test_forms_that_transformers_gpt2_is_not(tmp_path, form):
    with pytest.raises(FormatError, match="of another form"):
        write_huggingface(checkpoint(form), tmp_path / "hf")
    assert not (tmp_path / "hf").exists()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_the_micro_engine_both_ways(tmp_path, dtype, tolerance):
    model = MicroGPT(MicroConfig(40, 2, 4, 32, 12, dtype, init_std=0.2))
    model.save(tmp_path / "micro", {"tokenizer": "b" * 64})
    read = read_pretrained(tmp_path / "micro")
    assert read.fingerprint == "b" * 64
    runner = Inference(read.model())
    assert runner.loss(IDS[:, :-1], IDS[:, 1:]) == pytest.approx(model.loss(IDS[:, :-1], IDS[:, 1:]), rel=tolerance)
    for settings in ({"temperature": 0}, {"temperature": 1.0, "seed": 4, "top_p": 0.9, "repetition_penalty": 1.2}):
        assert list(runner.generate([1, 2], 40, **settings)) == list(model.generate([1, 2], 40, **settings))
    write_micro(read, tmp_path / "again")
    again = MicroGPT.load(tmp_path / "again")
    assert again.metadata == {"tokenizer": "b" * 64}
    for name, weights in model.parameters.items():
        assert np.array_equal(again.parameters[name], weights)
    with pytest.raises(FormatError, match="only the form micro"):
        write_micro(checkpoint("gpt2"), tmp_path / "no")


def test_a_checkpoint_of_our_own(tmp_path):
    saved = checkpoint("modern", vocab_rows=64)
    write_checkpoint(saved, tmp_path / "model.safetensors")
    for path in (tmp_path, tmp_path / "model.safetensors"):
        assert read_pretrained(path).config == saved.config
        assert read_pretrained(path).step == 5


def head_of_its_own():
    return np.random.default_rng(9).normal(0, 0.2, (40, 64)).astype(np.float32)


@pytest.mark.parametrize("config", [{}, {"tie_word_embeddings": True}, {"tie_word_embeddings": False}])
@pytest.mark.parametrize("same", [True, False])
def test_a_head_beside_the_embedding_is_kept(tmp_path, config, same):
    """As transformers does: a head that differs is not tied, whatever the configuration says."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    tensors = {f"transformer.{name}": tensor for name, tensor in gpt2_tensors().items()}
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].copy() if same else head_of_its_own()
    folder = write_gpt2(tmp_path / "a", tensors, architectures=["GPT2LMHeadModel"], **config)
    read = read_pretrained(folder)
    assert read.config.tied == (same and config.get("tie_word_embeddings", True))
    logits = Inference(read.model()).logits(IDS)
    theirs = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    with torch.no_grad():
        np.testing.assert_allclose(theirs(torch.tensor(IDS)).logits.numpy(), logits, atol=1e-4)
    write_huggingface(read, tmp_path / "b")
    assert np.array_equal(Inference(read_pretrained(tmp_path / "b").model()).logits(IDS), logits)


def test_a_head_of_nanogpt_is_kept(tmp_path):
    nanogpt(tmp_path / "ckpt.pt")
    content = torch.load(tmp_path / "ckpt.pt", weights_only=True)
    content["model"]["_orig_mod.lm_head.weight"] = torch.tensor(head_of_its_own())
    torch.save(content, tmp_path / "ckpt.pt")
    read = read_pretrained(tmp_path / "ckpt.pt")
    assert not read.config.tied
    assert np.array_equal(read.weights["lm_head.weight"].numpy(), head_of_its_own())
    nanogpt(tmp_path / "ckpt.pt")
    assert read_pretrained(tmp_path / "ckpt.pt").config.tied


def test_float64_is_not_rounded(tmp_path):
    tensors = {name: tensor.astype(np.float64) + 1e-12 for name, tensor in gpt2_tensors().items()}
    read = read_pretrained(write_gpt2(tmp_path / "a", tensors))
    assert np.array_equal(read.weights["wte.weight"].numpy(), tensors["wte.weight"])
    write_huggingface(read, tmp_path / "b")
    written = load_file(tmp_path / "b" / "model.safetensors")
    assert np.array_equal(written["transformer.wte.weight"], tensors["wte.weight"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["wte.weight", "h.1.mlp.c_fc.bias"])
def test_weights_of_others_that_are_not_finite(tmp_path, value, name):
    tensors = gpt2_tensors()
    tensors[name].flat[3] = value
    with pytest.raises(FormatError, match=r"model\.safetensors.*is lost.*NaN or infinity"):
        read_pretrained(write_gpt2(tmp_path / "a", tensors))
    nanogpt(tmp_path / "ckpt.pt", bias=True)
    content = torch.load(tmp_path / "ckpt.pt", weights_only=True)
    content["model"][f"_orig_mod.transformer.{name}"].view(-1)[3] = value
    torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(FormatError, match=r"ckpt\.pt.*is lost"):
        read_pretrained(tmp_path / "ckpt.pt")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_of_our_own_that_are_not_finite(tmp_path, value):
    """Neither written, where the last checkpoint then stays, nor read, where an earlier version wrote them."""
    saved, path = checkpoint("gpt2"), tmp_path / "model.safetensors"
    write_checkpoint(saved, path)
    before = path.read_bytes()
    saved.weights["wte.weight"][1, 2] = value
    with pytest.raises(TrainingError, match="is lost"):
        write_checkpoint(saved, path)
    assert path.read_bytes() == before
    with safe_open(path, framework="numpy") as file:
        header, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors["wte.weight"][1, 2] = value
    save_file(tensors, path, header)
    for read in (read_pretrained, read_checkpoint):
        with pytest.raises(FormatError, match="is lost"):
            read(path)
