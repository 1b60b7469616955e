"""The data of fine-tuning: conversations from files, encoded and cut to the context, with a part held out."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pybpe.errors import TrainingError
from pybpe.gpt.conversation import ASSISTANT_START, ChatFormat, read_conversations
from pybpe.gpt.finetune.rows import Encoded, PackedRows
from pybpe.gpt.settings import Settings
from pybpe.gpt.training_data import Ids, TrainingData
from pybpe.gpt.vocabulary import Vocabulary
from pybpe.tokenizer import Tokenizer

MOST_IDS = 1 << 30  # of all conversations
PROMPTS = 4  # conversations whose first question is asked before and after training


@dataclass(frozen=True)
class ChatData(TrainingData):
    """Conversations to train on, and held-out ones. `train` and `val` are all their ids.

    conversations, held_out: the encoded conversations; held_out is None if there are none. rows: those to train on,
    packed. questions: prompts whose answers the report shows, the ids of the first turns of some conversations up to
    assistant_start. n_cut: conversations that are longer than a row and lost their end. n_left_out: conversations with
    nothing to train on, because the assistant says nothing, or only after the end of a row.
    """

    conversations: Encoded = field(kw_only=True)
    held_out: Encoded | None = field(kw_only=True)
    rows: PackedRows = field(kw_only=True)
    questions: Sequence[list[int]] = field(kw_only=True)
    n_cut: int = field(kw_only=True)
    n_left_out: int = field(kw_only=True)

    @property
    def measured(self) -> Ids:
        """The ids that the assistant says in the held-out conversations, or in all if none are held out."""
        return (self.conversations if self.held_out is None else self.held_out).targets

    @property
    def pass_tokens(self) -> int:
        """The number of positions of one pass over all rows, padding included."""
        return len(self.rows) * self.rows.width

    def beginning(self) -> list[int]:
        """Return the prompt of the first question."""
        return self.questions[0]

    def facts(self) -> list[tuple[str, str]]:
        """Return rows of a table, (name, value): how many conversations there are, and what was left out of them."""
        n_held_out = 0 if self.held_out is None else len(self.held_out)
        share = len(self.train) / (len(self.rows) * (self.rows.width + 1))
        rows = [
            ("conversations", f"{len(self.conversations):,} to train on, {n_held_out:,} held out"),
            ("rows", f"{len(self.rows):,} of {self.rows.width + 1:,} tokens, {share:.1%} of them in use"),
        ]
        if self.n_cut:
            rows.append(("cut at their end", f"{self.n_cut:,} that are longer than a row"))
        if self.n_left_out:
            rows.append(("left out", f"{self.n_left_out:,} without an answer that begins within a row"))
        return rows

    @property
    def tokenizer(self) -> Tokenizer:
        """The vocabulary, which is a Tokenizer with the chat tokens."""
        assert isinstance(self.vocabulary, Tokenizer)  # read_chat_data takes no other
        return self.vocabulary

    def check(self, context: int) -> None:
        """Do nothing: `read_chat_data` has checked that there is something to train on."""


def read_chat_data(paths: Sequence[Path], tokenizer: Vocabulary | None, settings: Settings) -> ChatData:
    """Read conversations from .jsonl files and encode them with a tokenizer that has the chat tokens.

    The settings give the length of a row, the fraction that is held out, and the seed that chooses which conversations
    these are. Raises ConversationError for a line that is not a conversation, and TrainingError if there are none to
    train on, or more than MOST_IDS ids.
    """
    if not isinstance(tokenizer, Tokenizer):
        raise TrainingError("conversations need a tokenizer, and not a vocabulary of single characters")
    chat = ChatFormat(tokenizer)
    reader = _Reader(chat, settings.block_size + 1)
    for path in paths:
        reader.read(path)
    everything, seed = reader.encoded(), settings.seed
    if not len(everything):
        names = ", ".join(map(str, paths))
        raise TrainingError(
            f"{names}: there is nothing to train on: no conversation has an answer within its first "
            f"{settings.block_size + 1:,} tokens; give others, or a larger block_size"
        )
    order = np.random.default_rng([seed, len(everything)]).permutation(len(everything))
    n_held_out = min(len(order) - 1, max(round(settings.held_out * len(order)), int(settings.held_out > 0)))
    train = everything.take(sorted(order[n_held_out:].tolist()))
    held_out = everything.take(order[:n_held_out].tolist()) if n_held_out else None  # in random order, to measure some
    return ChatData(
        tokenizer,
        train.ids,
        None if held_out is None else held_out.ids,
        random.Random(seed),
        conversations=train,
        held_out=held_out,
        rows=PackedRows(train, settings.block_size),
        questions=_questions(train if held_out is None else held_out, chat.ids[ASSISTANT_START]),
        n_cut=reader.n_cut,
        n_left_out=reader.n_left_out,
    )


class _Reader:
    """Reads files of conversations, encodes them, and cuts each to `most` ids."""

    def __init__(self, chat: ChatFormat, most: int) -> None:
        self.n_cut = self.n_left_out = 0
        self._chat, self._most = chat, most
        self._ids, self._mask, self._starts = array("I"), bytearray(), array("q", [0])

    def read(self, path: Path) -> None:
        """Read a file. TrainingError if there are more than MOST_IDS ids, ConversationError for a bad line."""
        for conversation in read_conversations(path):
            ids, mask = self._chat.encode(conversation)
            if not any(mask[: self._most]):
                self.n_left_out += 1
                continue
            self.n_cut += len(ids) > self._most
            self._ids.extend(ids[: self._most])
            self._mask.extend(mask[: self._most])
            self._starts.append(len(self._ids))
            if len(self._ids) > MOST_IDS:
                raise TrainingError(f"{path}: more than {MOST_IDS:,} tokens, which is too much to keep in memory")

    def encoded(self) -> Encoded:
        """Return all conversations that were read."""
        return Encoded(np.array(self._ids, np.uint32), np.array(self._mask, np.bool_), np.array(self._starts, np.int64))


def _questions(conversations: Encoded, assistant_start: int) -> list[list[int]]:
    """Return the ids of the first turn of the first PROMPTS conversations, up to assistant_start."""
    questions = []
    for number in range(min(PROMPTS, len(conversations))):
        ids = conversations.take([number]).ids.tolist()
        questions.append(ids[: ids.index(assistant_start) + 1])
    return questions
