"""The model that a server serves: opened from the folder of a run, with what requests need to know of it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pybpe.errors import ConversationError
from pybpe.gpt.answering import open_torch_model
from pybpe.gpt.conversation import ChatFormat
from pybpe.gpt.vocabulary import Vocabulary, end_of_text
from pybpe.tokenizer import Tokenizer

if TYPE_CHECKING:
    from pybpe.gpt.generation import Inference

MOST_CACHE = 1 << 30  # bytes of keys and values, for the default number of slots
MOST_SLOTS = 64
SMALL = 10_000_000  # parameters; the matrices of such a model are too small to be divided between threads


@dataclass(frozen=True)
class Served:
    """A loaded model of the torch engine.

    network: the model. vocabulary: its tokenizer or characters. chat: the format of conversations, None for a model
    that has not learned to talk.
    """

    network: Inference
    vocabulary: Vocabulary
    chat: ChatFormat | None

    @property
    def n_vocab(self) -> int:
        """The number of token ids."""
        return self.network.config.n_vocab

    @property
    def context(self) -> int:
        """The context length in tokens."""
        return self.network.config.block_size

    @property
    def stops(self) -> set[int]:
        """The ids that end a completion: all special tokens."""
        end = end_of_text(self.vocabulary)
        return {*self.vocabulary.special_tokens.values(), *([] if end is None else [end])}

    @property
    def never(self) -> set[int]:
        """The ids that have no place in the answer of a chat: special tokens that are not of conversations."""
        of_chat = set() if self.chat is None else set(self.chat.ids.values())
        return set(self.vocabulary.special_tokens.values()) - of_chat

    def default_slots(self) -> int:
        """Return how many requests to generate at once: as many as 1 GiB of keys and values has room for, up to 64."""
        config, weights = self.network.config, self.network.model.wte.weight
        each = 2 * config.n_layer * config.n_embd * config.block_size * weights.element_size()
        return max(1, min(MOST_SLOTS, MOST_CACHE // each))

    def default_threads(self) -> int:
        """Return how many threads to compute with: 1 for a small model, else all cores but one, which serves."""
        return 1 if self.network.n_params < SMALL else max(1, (os.cpu_count() or 1) - 1)


def open_served(folder: Path, device: str = "auto") -> Served:
    """Open the model of a folder, of either engine; a model of the micro engine is converted in memory.

    Errors: those of `open_model`, and FormatError for a model that cannot be converted.
    """
    model = open_torch_model(folder, device)
    try:
        chat = ChatFormat(model.vocabulary) if isinstance(model.vocabulary, Tokenizer) else None
    except ConversationError:
        chat = None
    return Served(cast("Inference", model.network), model.vocabulary, chat)


def model_name(folder: Path) -> str:
    """Return the name of a served model: that of its folder.

    >>> model_name(Path("runs/my-gpt"))
    'my-gpt'
    """
    return folder.name or folder.resolve().name or os.fspath(folder)


@dataclass(frozen=True)
class ModelCard:
    """Describes the served model before it is loaded: its name, and when the server started in seconds."""

    name: str
    created: int = field(default_factory=lambda: int(time.time()))
