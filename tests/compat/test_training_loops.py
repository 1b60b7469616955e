"""Programs that train models, in the shape of transformers' and nanochat's, with nothing but an import changed."""

from __future__ import annotations

import math
import pickle
import random

import numpy as np
import pytest

from pybpe.compat import patch_transformers
from pybpe.compat import rustbpe as pybpe_rustbpe
from pybpe.compat import tiktoken as pybpe_tiktoken

LINES = [
    "The quick brown fox jumps over the lazy dog.",
    "It's 2024: 12345 numbers, π is 3.14159.",
    "中文字符 and 한국어 🙂",
] * 8

# nanochat's shape


SPECIAL = ["<|bos|>", "<|user_start|>", "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>"]
PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)


class ChatTokenizer:
    """What a chat model's scripts hold: an Encoding of merges just learned, and how conversations are laid out."""

    def __init__(self, enc) -> None:
        self.enc = enc
        self.bos = enc.encode_single_token("<|bos|>")

    @classmethod
    def train(cls, texts, vocab_size: int, rustbpe, tiktoken) -> ChatTokenizer:
        learner = rustbpe.Tokenizer()
        learner.train_from_iterator(texts, vocab_size - len(SPECIAL), pattern=PATTERN)
        ranks = {bytes(token): rank for token, rank in learner.get_mergeable_ranks()}
        special = {name: len(ranks) + i for i, name in enumerate(SPECIAL)}
        return cls(
            tiktoken.Encoding(
                name="rustbpe", pat_str=learner.get_pattern(), mergeable_ranks=ranks, special_tokens=special
            )
        )

    def encode(self, text, prepend=None, num_threads: int = 2):
        first = [] if prepend is None else [self.enc.encode_single_token(prepend)]
        if isinstance(text, str):
            return first + self.enc.encode_ordinary(text)
        return [first + ids for ids in self.enc.encode_ordinary_batch(text, num_threads=num_threads)]

    def conversation(self, messages) -> tuple[list[int], list[int]]:
        """The ids of a conversation, and which of them the assistant says."""
        ids, mask = [self.bos], [0]
        for message in messages:
            role = message["role"]
            start, end = (self.enc.encode_single_token(f"<|{role}_{side}|>") for side in ("start", "end"))
            content = self.encode(message["content"])
            spoken = int(role == "assistant")
            ids += [start, *content, end]
            mask += [0, *[spoken] * len(content), spoken]
        return ids, mask


def batches(tokenizer: ChatTokenizer, texts, batch: int, length: int):
    """Rows of ids from a stream of documents, each begun by <|bos|>."""
    buffer: list[int] = []
    for start in range(0, len(texts), 4):
        for ids in tokenizer.encode(texts[start : start + 4], prepend="<|bos|>"):
            buffer.extend(ids)
        while len(buffer) > batch * length:
            rows = np.array(buffer[: batch * length + 1])
            yield rows[:-1].reshape(batch, length), rows[1:].reshape(batch, length)
            del buffer[: batch * length]


def nanochat(rustbpe, tiktoken) -> list:
    """Everything that such a script gets from its tokenizer."""
    tokenizer = ChatTokenizer.train(iter(LINES), 300, rustbpe, tiktoken)
    tokenizer = ChatTokenizer(pickle.loads(pickle.dumps(tokenizer.enc)))
    chat = [{"role": "user", "content": "Hello <|bos|> 42?"}, {"role": "assistant", "content": "π 🙂"}]
    found = [tokenizer.enc.n_vocab, sorted(tokenizer.enc.special_tokens_set), tokenizer.conversation(chat)]
    found += [(x.tolist(), y.tolist()) for x, y in batches(tokenizer, LINES, 2, 16)]
    sizes = [len(tokenizer.enc.decode_single_token_bytes(token)) for token in range(tokenizer.enc.n_vocab)]
    return [*found, sizes, tokenizer.enc.decode(tokenizer.encode(" ".join(LINES)))]


def test_a_script_like_nanochats():
    import rustbpe
    import tiktoken

    expected = nanochat(rustbpe, tiktoken)
    assert nanochat(pybpe_rustbpe, pybpe_tiktoken) == expected
    assert nanochat(pybpe_rustbpe, tiktoken) == expected
    assert len(expected) > 20


# transformers' shape


@pytest.fixture(params=["face", "patched"])
def pair(request, small, tmp_path):
    """A tokenizer of pybpe and the one of transformers that it stands for."""
    transformers = pytest.importorskip("transformers", reason="it is transformers that trains")
    small.to_huggingface(tmp_path / "tokenizer")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "tokenizer")
    ours = (
        small.as_huggingface()
        if request.param == "face"
        else patch_transformers(transformers.AutoTokenizer.from_pretrained(tmp_path / "tokenizer"))
    )
    for each in (ours, theirs):
        each.pad_token = "<|pad|>"
    return ours, theirs


def test_the_collator(pair):
    """DataCollatorForLanguageModeling makes numpy arrays too: what it does is seen without torch."""
    from transformers import DataCollatorForLanguageModeling

    made = []
    for tokenizer in pair:
        collate = DataCollatorForLanguageModeling(tokenizer, mlm=False, return_tensors="np", pad_to_multiple_of=8)
        rows = [tokenizer(line, truncation=True, max_length=24, return_special_tokens_mask=True) for line in LINES[:4]]
        made.append({name: (each.dtype, each.tolist()) for name, each in collate(rows).items()})
        pickle.loads(pickle.dumps(collate))  # as it goes to the workers of a loader
    assert made[0] == made[1]
    assert -100 in made[0]["labels"][1][0]


def losses(tokenizer, tmp_path) -> list[float]:
    """The losses of a tiny GPT-2 in Trainer, from texts on."""
    import torch
    from transformers import DataCollatorForLanguageModeling, GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    random.seed(0)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=64, n_embd=16, n_layer=1, n_head=2)
    model = GPT2LMHeadModel(config)
    rows = [tokenizer(line, truncation=True, max_length=32) for line in LINES]
    arguments = TrainingArguments(
        str(tmp_path),
        max_steps=6,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        seed=0,
    )
    trainer = Trainer(
        model,
        arguments,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    trainer.train()
    trainer.save_model(str(tmp_path / "model"))
    prompt = tokenizer("The quick", return_tensors="pt")
    written = model.generate(**prompt, max_new_tokens=4, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    assert tokenizer.batch_decode(written)[0].startswith("The quick")
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_a_training_loop(pair, tmp_path):
    pytest.importorskip("torch", reason="the model is torch's; what the tokenizer gives it is tested without")
    pytest.importorskip("accelerate", reason="transformers' Trainer needs it")
    from transformers import AutoTokenizer

    ours, theirs = pair
    found = losses(ours, tmp_path / "ours")
    assert found == losses(theirs, tmp_path / "theirs")
    assert len(found) == 6
    assert found[-1] < found[0] < 2 * math.log(len(ours))
    saved = AutoTokenizer.from_pretrained(tmp_path / "ours" / "model")  # beside the model, as Trainer saves it
    assert saved(LINES[0])["input_ids"] == ours(LINES[0])["input_ids"]
