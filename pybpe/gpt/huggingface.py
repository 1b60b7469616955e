"""Write a model in Hugging Face's layout: config.json, weights, and a tokenizer with the same ids."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save

from pybpe.errors import FormatError
from pybpe.gpt.checkpoint import Checkpoint
from pybpe.gpt.model import EPS
from pybpe.gpt.pretrained import ACTIVATIONS, CONFIG, gpt2_names
from pybpe.gpt.runs.folder import MODEL
from pybpe.gpt.vocabulary import end_of_text
from pybpe.tokenizer import Tokenizer
from pybpe.util.files import write_atomic

TOKENIZER_CONFIG = "tokenizer_config.json"
KEPT = ("pad_token", "unk_token", "chat_template")  # settings kept from the tokenizer's own tokenizer_config.json


def write_huggingface(checkpoint: Checkpoint, folder: Path, eot_token: int | None = None) -> None:
    """Write config.json and model.safetensors, which transformers loads as a GPT2LMHeadModel.

    Padding rows of the embedding are left out. eot_token: the end-of-text id, None if there is none. Raises FormatError
    for a model that transformers' GPT-2 cannot express.
    """
    config = checkpoint.config
    if config.norm != "layer" or config.positions != "learned" or config.norm_embedding or not config.final_norm:
        raise FormatError("only the forms gpt2 and nanogpt are GPT-2s to transformers; this model is of another form")
    if config.qk_norm or config.activation not in ACTIVATIONS.values():
        raise FormatError("transformers' GPT-2 has no norm of queries and keys and no squared ReLU; this model has")
    settings = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": config.n_vocab,
        "n_positions": config.block_size,
        "n_ctx": config.block_size,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_inner": None,
        "layer_norm_epsilon": EPS,
        "activation_function": next(theirs for theirs, ours in ACTIVATIONS.items() if ours == config.activation),
        "tie_word_embeddings": config.tied,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.dropout),
        "dtype": str(checkpoint.weights["wte.weight"].dtype).removeprefix("torch."),
        **dict.fromkeys(("bos_token_id", "eos_token_id"), eot_token),
    }
    whole = replace(config, bias=True)  # transformers' GPT-2 always has biases; zeros are none
    tensors = {}
    for name, theirs, turned in gpt2_names(whole):
        tensor = checkpoint.weights.get(name)
        if tensor is None:
            width = 4 if name.endswith("mlp.up.bias") else 3 if name.endswith("qkv.bias") else 1
            tensor = torch.zeros(width * config.n_embd, dtype=checkpoint.weights["wte.weight"].dtype)
        tensor = tensor[: config.n_vocab] if name in ("wte.weight", "lm_head.weight") else tensor
        tensors[theirs] = (tensor.T if turned else tensor).detach().cpu().clone().contiguous()
    folder.mkdir(exist_ok=True)
    write_atomic(folder / CONFIG, (json.dumps(settings, indent=1) + "\n").encode())
    write_atomic(folder / MODEL, save(tensors, {"format": "pt"}))


def write_huggingface_tokenizer(tokenizer: Tokenizer, folder: Path, n_ctx: int) -> None:
    """Write tokenizer.json and tokenizer_config.json for the folder of a GPT-2.

    The class is named, because transformers 5 otherwise takes GPT-2's own, which replaces how text is split; the
    end-of-text token is named, because generation ends at it. n_ctx: the context length of the model. Raises
    ValueError for a tokenizer that a tokenizer.json cannot express.
    """
    tokenizer.to_huggingface(folder)  # with the settings that the tokenizer came with, if it came from such a folder
    settings = json.loads((folder / TOKENIZER_CONFIG).read_text(encoding="utf-8"))
    names = {id_: name for name, id_ in tokenizer.special_tokens.items()}
    end = end_of_text(tokenizer)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": n_ctx,
        **{name: settings[name] for name in KEPT if name in settings},
        **({} if end is None else {"bos_token": names[end], "eos_token": names[end]}),
    }
    write_atomic(folder / TOKENIZER_CONFIG, (json.dumps(config, ensure_ascii=False, indent=1) + "\n").encode())
