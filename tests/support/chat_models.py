"""What the tests of chat share: small models with chat tokens, scripts of what they choose, and a sandbox."""

from pathlib import Path
from types import SimpleNamespace

import torch

from pybpe import Tokenizer
from pybpe.gpt import batching
from pybpe.gpt.checkpoint import Checkpoint, write_checkpoint
from pybpe.gpt.conversation import CHAT_TOKENS, Message, Part
from pybpe.gpt.model import FORMS, GPT, GPTConfig
from pybpe.gpt.vocabulary import save_vocabulary

CONTEXT = 96


def chat_tokenizer(*more):
    """Bytes, the chat tokens, and a token that ends texts."""
    names = [*CHAT_TOKENS, "<|endoftext|>", *more]
    return Tokenizer.train(iter(["ab"]), 256, special_tokens=[], progress=False).with_special_tokens(names)


def chat_folder(folder, context=CONTEXT, seed=1, endless=False):
    """A folder as a fine-tuned run leaves it, with weights that learned nothing; chat tokens are often chosen.

    endless: all logits are 0, so that greedy decoding chooses id 0, a NUL, again and again.
    """
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    tokenizer = chat_tokenizer()
    torch.manual_seed(seed)
    config = GPTConfig(tokenizer.n_vocab, n_layer=1, n_head=2, n_embd=8, block_size=context, **FORMS["modern"])
    model = GPT(config, init_std=0.5)
    with torch.no_grad():
        model.lm_head.weight[[tokenizer.special_tokens[name] for name in CHAT_TOKENS]] *= 3
        model.lm_head.weight *= not endless
    write_checkpoint(Checkpoint(config, model.state_dict(), 7, tokenizer.fingerprint), folder / "model.safetensors")
    save_vocabulary(tokenizer, folder)
    return folder


def user(text):
    return Message("user", (Part("text", text),))


def assistant(*parts):
    return Message("assistant", tuple(Part(kind, text) for kind, text in parts))


def result(stdout="", error=None):
    return SimpleNamespace(stdout=stdout, error=error, success=error is None, timeout=False)


class FakeSandbox:
    """Gives results in order, the last one for ever, and keeps the code that it was given."""

    name = "fake"

    def __init__(self, *results):
        self.results, self.codes, self.seconds = list(results) or [result("7\n")], [], []

    def run(self, code, timeout=5.0):
        self.codes.append(code)
        self.seconds.append(timeout)
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]

    def close(self):
        pass


def script(monkeypatch, tokenizer, *pieces):
    """Let a model choose the ids of these pieces one after another: names of special tokens, or text."""
    ids = []
    for piece in pieces:
        special = tokenizer.special_tokens.get(piece)
        ids += tokenizer.encode_ordinary(piece) if special is None else [special]
    monkeypatch.setattr(batching, "choose_rows", lambda logits, *rest: [ids.pop(0) for _ in logits])
    return ids
