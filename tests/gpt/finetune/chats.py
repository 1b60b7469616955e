"""What the tests of fine-tuning share: conversations, a tokenizer for them, and small settings."""

import json
import warnings

from pybpe import Tokenizer

TEXT = "what is the capital of it? the answer is 0 1 2 3 4 5 6 7 8 9"
SMALL = {
    "device": "cpu",
    "form": "modern",
    "n_layer": 2,
    "n_head": 2,
    "n_embd": 16,
    "block_size": 48,
    "steps": 12,
    "batch_size": 2,
    "eval_every": 5,
    "save_every": 4,
    "lr": 1e-2,
}


def small_tokenizer():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return Tokenizer.train(iter([TEXT] * 3), 280, progress=False)


def chat(question, *answer):
    """A conversation of one turn; the answer is of strings, and of (type, text)."""
    parts = [
        {"type": part[0], "text": part[1]} if isinstance(part, tuple) else {"type": "text", "text": part}
        for part in answer
    ]
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": parts}]}


def write_chats(path, number=24):
    """Conversations of several lengths, some with code."""
    found = [
        chat(f"what is {i}?", "it is ", ("python", f"{i}+{i}"), ("output", str(2 * i)), str(2 * i))
        if i % 3
        else chat("the " * (i % 7), f"the answer is {i}")
        for i in range(number)
    ]
    return write(path, found)


def write(path, conversations):
    path.write_text("".join(json.dumps(each) + "\n" for each in conversations), encoding="utf-8")
    return path
