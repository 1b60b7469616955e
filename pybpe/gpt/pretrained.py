"""Weights of other programs: GPT-2 in Hugging Face's layout, nanoGPT's ckpt.pt, and the micro engine's checkpoints.

Files come from strangers. Nothing is unpickled but what torch.load(weights_only=True) allows, and names, shapes, types
and sizes are checked against the configuration before weights are taken.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pybpe.errors import FormatError
from pybpe.gpt import micro
from pybpe.gpt.checkpoint import Checkpoint, empty_model, read_checkpoint
from pybpe.gpt.finite import check_finite
from pybpe.gpt.micro import checkpoint as micro_checkpoint
from pybpe.gpt.model import EPS, FORMS, MOST_PADDING, GPTConfig
from pybpe.gpt.runs.folder import MODEL

CONFIG, INDEX = "config.json", "model.safetensors.index.json"
MOST_JSON = 64 << 20  # bytes
HEAD_WIDTH = 64  # of every published GPT-2, which a file of weights alone does not say
PADDING_SHARE = 0.05  # of the ids of a vocabulary: rows of an embedding beyond it that can be padding
PADDED_FROM = 256  # ids: smaller vocabularies, of characters, are not padded by any program that is read here
ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "relu": "relu"}
# Names inside a layer, ours and GPT-2's. OpenAI's matrices, and so Hugging Face's, stand the other way round.
LAYER = {
    "norm1": "ln_1",
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "norm2": "ln_2",
    "mlp.up": "mlp.c_fc",
    "mlp.down": "mlp.c_proj",
}
MASKS = (".attn.bias", ".attn.masked_bias")  # that old files hold among the weights
MICRO = {"attention.out": "attn_wo", "mlp.up": "mlp_fc1", "mlp.down": "mlp_fc2"}


def read_pretrained(path: Path) -> Checkpoint:
    """Read the weights, in float32 or float64, of a folder or file. FormatError for what is not known here.

    A folder: of a run of either engine, or with config.json and model.safetensors of a GPT-2. A file: a checkpoint of
    either engine, weights of a GPT-2 (config.json may lie beside them), or nanoGPT's ckpt.pt.
    """
    if path.is_dir():
        if not any((path / name).is_file() for name in (MODEL, INDEX)):
            raise FileNotFoundError(f"{path} holds no {MODEL}; other files of weights are not read here")
        return _read_safetensors(path / MODEL) if (path / MODEL).is_file() else _read_huggingface(path / INDEX)
    with path.open("rb") as file:
        start = file.read(2)
    return _read_nanogpt(path) if start == b"PK" else _read_safetensors(path)


def fit_vocabulary(checkpoint: Checkpoint, n_vocab: int, fingerprint: str) -> Checkpoint:
    """Return the checkpoint for a vocabulary of n_vocab ids.

    Programs pad an embedding with rows that stand for no id, so that GPUs multiply it faster. Up to PADDING_SHARE of
    n_vocab such rows are taken for padding, whatever they are a multiple of, and none where n_vocab is below
    PADDED_FROM; their ids are never generated. Raises FormatError if there are more, or fewer rows than ids.
    """
    rows, most = checkpoint.config.rows, most_padding(n_vocab)
    if not n_vocab <= rows <= n_vocab + most:
        raise FormatError(
            f"the model has {rows:,} rows of ids and the vocabulary has {n_vocab:,} ids, so it is another one (up to "
            f"{most:,} more rows would count as padding); name the tokenizer that the model was trained with"
        )
    config = replace(checkpoint.config, n_vocab=n_vocab, vocab_rows=rows if rows > n_vocab else None)
    return replace(checkpoint, config=config, fingerprint=fingerprint)


def most_padding(n_vocab: int) -> int:
    """Return how many rows beyond the n_vocab ids of a vocabulary count as padding."""
    return 0 if n_vocab < PADDED_FROM else min(int(n_vocab * PADDING_SHARE), MOST_PADDING)


def _read_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt") as file:
            kind = (file.metadata() or {}).get("pybpe.format", "")
    except SafetensorError as error:
        raise FormatError(f"{path} is no file of weights that is known here, or is damaged: {error}") from error
    if kind.startswith("micro-gpt"):
        return _read_micro(path)
    return read_checkpoint(path, moments=False) if kind else _read_huggingface(path)


# ------------------------------------------------------------------------------------------------ Hugging Face


def _read_huggingface(path: Path) -> Checkpoint:
    """Weights of a GPT-2 from a file, or from those that an index names."""
    try:
        files = _shards(path) if path.name == INDEX else [path]
        tensors = {name: tensor for file in files for name, tensor in _tensors(file)}
        settings = path.parent / CONFIG
        config = _from_config(_json(settings)) if settings.is_file() else _from_shapes(tensors)
        return _from_gpt2(config, tensors, turned=True)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path} is not a GPT-2 in Hugging Face's layout, or is damaged: {error}") from error


def _shards(index: Path) -> list[Path]:
    names = set(_json(index)["weight_map"].values())
    if not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise FormatError("it names files outside its folder")
    return [index.parent / name for name in sorted(names)]


def _tensors(path: Path) -> Iterable[tuple[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 (it is no dict)
            yield name, file.get_tensor(name)


def _json(path: Path) -> Any:
    with path.open("rb") as file:
        content = file.read(MOST_JSON + 1)
    if len(content) > MOST_JSON:
        raise FormatError(f"{path.name} is too large")
    return json.loads(content)


def _from_config(fields: dict[str, Any]) -> GPTConfig:
    """The shape that config.json says; what this model cannot do is refused."""
    width = fields["n_embd"]
    needed = {
        "model_type": ("gpt2",),
        "layer_norm_epsilon": (EPS,),
        "n_inner": (None, 4 * width),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    }
    for name, known in needed.items():
        if fields.get(name, known[0]) not in known:
            raise FormatError(f"its {name} is {fields[name]!r}, and this GPT can only have {known[-1]!r}")
    activation = fields.get("activation_function", "gelu_new")
    if activation not in ACTIVATIONS:
        raise FormatError(f"its activation {activation!r} is not one of {', '.join(ACTIVATIONS)}")
    return GPTConfig(
        n_vocab=fields["vocab_size"],
        n_layer=fields["n_layer"],
        n_head=fields["n_head"],
        n_embd=width,
        block_size=fields.get("n_positions", 1024),
        **{
            **FORMS["gpt2"],
            "activation": ACTIVATIONS[activation],
            "tied": bool(fields.get("tie_word_embeddings", True)),
        },
    )


def _from_shapes(tensors: Mapping[str, Tensor]) -> GPTConfig:
    """The shape of a published GPT-2 from its weights alone: their heads are all 64 wide."""
    plain = {name.removeprefix("transformer."): tensor.shape for name, tensor in tensors.items()}
    (n_vocab, width), (block_size, _) = plain["wte.weight"], plain["wpe.weight"]
    if width % HEAD_WIDTH:
        raise FormatError(f"there is no {CONFIG} beside it, and without it the number of heads is not known")
    n_layer = len({name.split(".")[1] for name in plain if name.startswith("h.")})
    return GPTConfig(n_vocab, n_layer, width // HEAD_WIDTH, width, block_size, **FORMS["gpt2"])


# ------------------------------------------------------------------------------------------------ nanoGPT


def _read_nanogpt(path: Path) -> Checkpoint:
    """What nanoGPT's train.py saves. Its zip must not be compressed, so that no small file becomes a large one."""
    try:
        with zipfile.ZipFile(path) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise FormatError(f"{path} is compressed, which torch.save does not do")
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        options, tensors = content["model_args"], content["model"]
        config = GPTConfig(
            *(options[name] for name in ("vocab_size", "n_layer", "n_head", "n_embd", "block_size")),
            **{**FORMS["nanogpt"], "bias": options["bias"]},
        )
        tensors = {name.removeprefix("_orig_mod."): tensor for name, tensor in tensors.items()}
        if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > 2 * path.stat().st_size:
            raise FormatError(f"the weights of {path} claim to be larger than the file")
        return _from_gpt2(config, tensors, turned=False)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    except pickle.UnpicklingError:
        raise FormatError(f"{path} holds more than weights and numbers: it is not a nanoGPT checkpoint") from None
    except (zipfile.BadZipFile, RuntimeError, KeyError, TypeError, ValueError, AttributeError, EOFError) as error:
        raise FormatError(f"{path} is not a nanoGPT checkpoint, or is damaged: {error}") from error


# ------------------------------------------------------------------------------------------------ GPT-2's names


def gpt2_names(config: GPTConfig) -> Iterable[tuple[str, str, bool]]:
    """(our name, theirs, whether Hugging Face turns the matrix) of every tensor."""
    for name in empty_model(config).state_dict():
        parts = name.split(".")
        if parts[0] == "blocks":
            inner, kind = ".".join(parts[2:-1]), parts[-1]
            turned = kind == "weight" and not inner.startswith("norm")
            yield name, f"transformer.h.{parts[1]}.{LAYER[inner]}.{kind}", turned
        elif parts[0] == "norm":
            yield name, f"transformer.ln_f.{parts[1]}", False
        else:
            yield name, name if parts[0] == "lm_head" else f"transformer.{name}", False


def _from_gpt2(config: GPTConfig, tensors: Mapping[str, Tensor], *, turned: bool) -> Checkpoint:
    """Our weights from theirs, exactly those of the configuration. turned: matrices stand the other way round.

    A head that differs from the embedding is kept as a head of its own, whatever the configuration says of tying.
    """
    theirs = {
        name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": tensor
        for name, tensor in tensors.items()
        if not name.endswith(MASKS)
    }
    if config.tied and "lm_head.weight" in theirs:
        if _is_tied(theirs):
            del theirs["lm_head.weight"]
        else:
            config = replace(config, tied=False)
    shapes = {name: tuple(tensor.shape) for name, tensor in empty_model(config).state_dict().items()}
    weights = {}
    for name, other, turn in gpt2_names(config):
        if other not in theirs:
            raise FormatError(f"tensor {other!r} is missing")
        tensor = _plain(other, theirs.pop(other))
        weights[name] = tensor.T.contiguous() if turn and turned else tensor
        if tuple(weights[name].shape) != shapes[name]:
            raise FormatError(f"tensor {other!r} has the shape {list(tensor.shape)}, which is not that of {config}")
    if theirs:
        raise FormatError(f"tensor {sorted(theirs)[0]!r} is not one of a GPT-2")
    if any(weight.dtype == torch.float64 for weight in weights.values()):
        weights = {name: weight.double() for name, weight in weights.items()}
    check_finite(weights, "this file")
    return Checkpoint(config, weights)


def _is_tied(tensors: Mapping[str, Any]) -> bool:
    """True if the head of a GPT-2 holds the same numbers as its embedding."""
    head, embedding = tensors["lm_head.weight"], tensors.get("transformer.wte.weight")
    return isinstance(head, Tensor) and isinstance(embedding, Tensor) and torch.equal(head, embedding)


def _plain(name: str, tensor: Tensor) -> Tensor:
    """Return a tensor in float32, or in float64 if that is its type, so that nothing is rounded.

    Raises FormatError for anything but a plain array of floating-point numbers.
    """
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or not tensor.is_contiguous():
        raise FormatError(f"tensor {name!r} is not a plain array of floating-point numbers")
    return tensor.detach() if tensor.dtype == torch.float64 else tensor.detach().float()


# ------------------------------------------------------------------------------------------------ the micro engine


def _read_micro(path: Path) -> Checkpoint:
    """A checkpoint of the compiled engine; its float64 stays."""
    saved = micro_checkpoint.read_checkpoint(path)
    shape = saved.config
    config = GPTConfig(*shape.sizes, **FORMS["micro"])
    weights = {}
    for name in empty_model(config).state_dict():
        theirs = [torch.from_numpy(saved.weights[part]) for part in _micro_names(name)]
        weights[name] = torch.cat(theirs) if len(theirs) > 1 else theirs[0]
    return Checkpoint(config, weights, saved.step, saved.metadata.get("tokenizer"))


def write_micro(checkpoint: Checkpoint, path: Path) -> None:
    """Write weights as the compiled engine loads them. FormatError unless they are of its form."""
    config = checkpoint.config
    same = {name: getattr(config, name) for name in FORMS["micro"]} == FORMS["micro"]
    if not same or config.bias or config.tied or config.qk_norm or config.rows != config.n_vocab:
        raise FormatError("the micro engine knows only the form micro; this model is of another form")
    dtype = str(checkpoint.weights["wte.weight"].dtype).removeprefix("torch.")
    shape = micro.MicroConfig(
        config.n_vocab, config.n_layer, config.n_head, config.n_embd, config.block_size, dtype, init_std=0.02
    )
    weights = {}
    for name, tensor in checkpoint.weights.items():
        names = _micro_names(name)
        parts = tensor.detach().cpu().chunk(len(names))
        weights.update({theirs: part.contiguous().numpy() for theirs, part in zip(names, parts, strict=True)})
    ordered = {name: weights[name] for name in shape.shapes()}
    metadata = {} if checkpoint.fingerprint is None else {"tokenizer": checkpoint.fingerprint}
    saved = micro_checkpoint.Checkpoint(shape, micro.Adam(), checkpoint.step, ordered, None, metadata)
    micro_checkpoint.write_checkpoint(saved, path)


def _micro_names(name: str) -> list[str]:
    """The matrices of the compiled engine that one of ours holds, one above another."""
    parts = name.split(".")
    if parts[0] != "blocks":
        return [parts[0]]
    inner = ".".join(parts[2:-1])
    names = [f"attn_w{letter}" for letter in "qkv"] if inner == "attention.qkv" else [MICRO[inner]]
    return [f"layer{parts[1]}.{each}" for each in names]
