"""Read weights of other programs: GPT-2 in Hugging Face's layout, nanoGPT's ckpt.pt, and the micro engine.

Files are not trusted. Only torch.load(weights_only=True) unpickles anything, and names, shapes, dtypes and sizes are
checked against the configuration before weights are used.
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
HEAD_WIDTH = 64  # of every published GPT-2; a file of weights alone does not contain it
PADDING_SHARE = 0.05  # maximum number of padding rows, as a fraction of the size of the vocabulary
PADDED_FROM = 256  # ids; no program that is read here pads smaller vocabularies, which are of characters
ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "relu": "relu"}
# Names inside a layer: {name in GPT: name in GPT-2}. OpenAI's and Hugging Face's matrices are transposed.
LAYER = {
    "norm1": "ln_1",
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "norm2": "ln_2",
    "mlp.up": "mlp.c_fc",
    "mlp.down": "mlp.c_proj",
}
MASKS = (".attn.bias", ".attn.masked_bias")  # attention masks, which old files store with the weights
MICRO = {"attention.out": "attn_wo", "mlp.up": "mlp_fc1", "mlp.down": "mlp_fc2"}


def read_pretrained(path: Path) -> Checkpoint:
    """Read the weights of a folder or file, as float32 or float64.

    path: a folder, that of a run of either engine or with config.json and model.safetensors of a GPT-2; or a file, a
    checkpoint of either engine, weights of a GPT-2 (config.json may lie beside them) or nanoGPT's ckpt.pt. Raises
    FormatError for any other file, FileNotFoundError if the folder has no model.
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

    Programs pad an embedding with rows that belong to no id, because GPUs multiply some sizes faster. `most_padding`
    says how many extra rows count as padding; they are never generated. Raises FormatError if the model has more rows
    than that, or fewer rows than ids.
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
    """Return the maximum number of padding rows of a vocabulary: PADDING_SHARE of n_vocab, 0 below PADDED_FROM ids."""
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
    """Read the weights of a GPT-2 from a file, or from the files that an index lists."""
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
    """Return the configuration in a config.json. FormatError for a setting that GPT cannot express."""
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
    """Return the configuration of a published GPT-2 from the shapes of its weights; all have heads of HEAD_WIDTH."""
    plain = {name.removeprefix("transformer."): tensor.shape for name, tensor in tensors.items()}
    (n_vocab, width), (block_size, _) = plain["wte.weight"], plain["wpe.weight"]
    if width % HEAD_WIDTH:
        raise FormatError(f"there is no {CONFIG} beside it, and without it the number of heads is not known")
    n_layer = len({name.split(".")[1] for name in plain if name.startswith("h.")})
    return GPTConfig(n_vocab, n_layer, width // HEAD_WIDTH, width, block_size, **FORMS["gpt2"])


# ------------------------------------------------------------------------------------------------ nanoGPT


def _read_nanogpt(path: Path) -> Checkpoint:
    """Read a checkpoint of nanoGPT's train.py. Compressed zip files are refused: a small one can expand to any size."""
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
    """Yield (name in GPT, name in GPT-2, True if Hugging Face transposes it) of every tensor."""
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
    """Return a checkpoint from tensors with GPT-2's names. turned: matrices are transposed, as in Hugging Face's files.

    An output head that differs from the embedding is kept, also if the configuration says that they are tied. Raises
    FormatError if a tensor is missing, unknown or of another shape, or if weights are not finite.
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
    """Return True if the output head of a GPT-2 equals its embedding."""
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
    """Read a checkpoint of the micro engine; float64 weights stay float64."""
    saved = micro_checkpoint.read_checkpoint(path)
    shape = saved.config
    config = GPTConfig(*shape.sizes, **FORMS["micro"])
    weights = {}
    for name in empty_model(config).state_dict():
        theirs = [torch.from_numpy(saved.weights[part]) for part in _micro_names(name)]
        weights[name] = torch.cat(theirs) if len(theirs) > 1 else theirs[0]
    return Checkpoint(config, weights, saved.step, saved.metadata.get("tokenizer"))


def write_micro(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint of the micro engine. FormatError unless the model has the form "micro" and no padding."""
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
    """Return the names of the micro engine's matrices that are stacked, along the rows, in the GPT weight `name`."""
    parts = name.split(".")
    if parts[0] != "blocks":
        return [parts[0]]
    inner = ".".join(parts[2:-1])
    names = [f"attn_w{letter}" for letter in "qkv"] if inner == "attention.qkv" else [MICRO[inner]]
    return [f"layer{parts[1]}.{each}" for each in names]
