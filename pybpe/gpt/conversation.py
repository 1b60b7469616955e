"""Encode conversations to ids and a loss mask, with the special tokens and the form of nanochat.

A conversation is a list of messages that alternate between a user and the assistant, after an optional system message:

    <|bos|> <|user_start|> question <|user_end|> <|assistant_start|> answer <|assistant_end|> <|user_start|> ...

An answer is text, Python code that the assistant runs, and the output of that code:

    <|python_start|> code <|python_end|> <|output_start|> output <|output_end|>

A model is trained on what the assistant writes: its text, its code with python_start and python_end, and assistant_end.
It is not trained on what others write: bos, the user's messages, assistant_start and all output. The system message has
no tokens of its own: it stands before the first message of the user, with a blank line between them.

Text is always encoded as ordinary text: a special token that somebody writes out never becomes its id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pybpe.errors import ConversationError
from pybpe.tokenizer import Tokenizer

BOS = "<|bos|>"
USER_START, USER_END = "<|user_start|>", "<|user_end|>"
ASSISTANT_START, ASSISTANT_END = "<|assistant_start|>", "<|assistant_end|>"
PYTHON_START, PYTHON_END = "<|python_start|>", "<|python_end|>"
OUTPUT_START, OUTPUT_END = "<|output_start|>", "<|output_end|>"
CHAT_TOKENS = (
    *(BOS, USER_START, USER_END, ASSISTANT_START, ASSISTANT_END),
    *(PYTHON_START, PYTHON_END, OUTPUT_START, OUTPUT_END),
)
KINDS = ("text", "python", "output")  # of the parts of an answer
NANOCHAT_KINDS = {"python_output": "output"}  # nanochat's name of a kind -> ours
MOST_LINE = 16 << 20  # bytes in a line of a file of conversations
MARKS = {"text": (None, None), "python": (PYTHON_START, PYTHON_END), "output": (OUTPUT_START, OUTPUT_END)}


@dataclass(frozen=True)
class Part:
    """A part of a message. kind: one of KINDS; only an answer of the assistant has other kinds than "text"."""

    kind: str
    text: str


@dataclass(frozen=True)
class Message:
    """A message. role: "system", "user" or "assistant"."""

    role: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text of the message, without code and its output."""
        return "".join(part.text for part in self.parts if part.kind == "text")

    def as_json(self) -> dict[str, Any]:
        """Return the message as a dictionary that `parse_conversation` reads: content is a string if all is text."""
        if all(part.kind == "text" for part in self.parts):
            return {"role": self.role, "content": self.text}
        return {"role": self.role, "content": [{"type": part.kind, "text": part.text} for part in self.parts]}


Conversation = Sequence[Message]


def parse_conversation(value: Any) -> list[Message]:
    """Check a conversation that was read from JSON, and return its messages.

    It is {"messages": [...]}, as OpenAI writes it, or a list of messages, as nanochat does. A message is
    {"role": ..., "content": ...}. The content is a string or a list of parts {"type": ..., "text": ...} of the types
    "text", "python" and "output" (nanochat's name for that, "python_output", is read too). Messages alternate between
    user and assistant, beginning with the user; a system message may stand before them. ConversationError says which
    message is wrong.

    >>> parse_conversation({"messages": [{"role": "user", "content": "Hi"}]})
    [Message(role='user', parts=(Part(kind='text', text='Hi'),))]
    """
    messages = value.get("messages") if isinstance(value, dict) else value
    if not isinstance(messages, list):
        raise ConversationError('a conversation must be {"messages": [...]} or a list of messages')
    found = [_message(message, number) for number, message in enumerate(messages, 1)]
    turns = found[1:] if found and found[0].role == "system" else found
    if not turns:
        raise ConversationError("a conversation needs a message of the user")
    for number, message in enumerate(turns):
        expected = "assistant" if number % 2 else "user"
        if message.role != expected:
            place = number + 1 + len(found) - len(turns)
            raise ConversationError(
                f"message {place} is of the role {message.role!r} where {expected!r} is due: user and assistant "
                "alternate, beginning with the user, after at most one system message"
            )
    return found


def _message(value: Any, number: int) -> Message:
    """Return a message. number: of the message in its conversation, from 1, for the error."""
    if not isinstance(value, dict):
        raise ConversationError(f'message {number} must be {{"role": ..., "content": ...}}')
    role, content = value.get("role"), value.get("content")
    if role not in ("system", "user", "assistant"):
        raise ConversationError(f"message {number} has the role {role!r:.100}; it must be system, user or assistant")
    if isinstance(content, str):
        parts = [Part("text", content)]
    elif isinstance(content, list):
        parts = [_part(part, number) for part in content]
    else:
        raise ConversationError(f"the content of message {number} must be a string or a list of parts")
    if role != "assistant" and any(part.kind != "text" for part in parts):
        raise ConversationError(f"message {number} is of the {role}, whose content must be text alone")
    for part in parts:
        if not _is_unicode(part.text):
            raise ConversationError(f"the text of message {number} holds half a surrogate pair, which is no character")
    return Message(role, tuple(parts))


def _part(value: Any, number: int) -> Part:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise ConversationError(f'a part of message {number} must be {{"type": ..., "text": ...}}')
    kind = value.get("type")
    kind = NANOCHAT_KINDS.get(kind, kind) if isinstance(kind, str) else kind
    if kind not in KINDS:
        raise ConversationError(f"message {number} has a part of the type {kind!r:.100}; known are {', '.join(KINDS)}")
    return Part(kind, value["text"])


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_conversations(path: Path) -> Iterator[list[Message]]:
    """Yield the conversations of a .jsonl file, one in each line; blank lines are skipped.

    ConversationError, with file and line, for a line that is not a conversation or longer than MOST_LINE bytes.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE:
                raise ConversationError(f"{path}, line {number}: longer than {MOST_LINE >> 20} MiB")
            if not line.strip():
                continue
            try:
                yield parse_conversation(json.loads(line))
            except ConversationError as error:
                raise ConversationError(f"{path}, line {number}: {error}") from None
            except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
                raise ConversationError(f"{path}, line {number}: not JSON ({error})") from None


class ChatFormat:
    """Encodes conversations with a tokenizer that has the chat tokens, and reads the ids of answers.

    ConversationError, which says how to add them, if the tokenizer lacks some of CHAT_TOKENS.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        ids = getattr(tokenizer, "special_tokens", {})
        missing = [name for name in CHAT_TOKENS if name not in ids]
        if missing:
            raise ConversationError(
                f"the tokenizer has no token {missing[0]}: the model has not been trained to talk; "
                "fine-tune it first: pybpe gpt finetune"
            )
        self.tokenizer = tokenizer
        self.ids = {name: ids[name] for name in CHAT_TOKENS}

    def encode(self, conversation: Conversation) -> tuple[list[int], list[int]]:
        """Return (ids, mask) of a conversation, two lists of equal length; mask is 1 for ids to train on, else 0."""
        ids, mask = [self.ids[BOS]], [0]
        for role, parts in self._turns(conversation):
            found, trained = self._turn(role, parts)
            ids += found
            mask += trained
        return ids, mask

    def encode_prompt(self, conversation: Conversation) -> list[int]:
        """Return the ids that the assistant's next answer follows.

        After a message of the user these end with assistant_start. If the last message is of the assistant, it is an
        answer to be continued: the ids end with those of that message, without assistant_end.
        """
        if not conversation:
            raise ConversationError("a conversation needs a message of the user")
        ids, _ = self.encode(conversation)
        if conversation[-1].role == "assistant":
            return ids[:-1]
        return [*ids, self.ids[ASSISTANT_START]]

    def parts(self, ids: Sequence[int]) -> list[Part]:
        """Return the parts of an answer from its ids: those after assistant_start, with or without assistant_end.

        A part without its end token ends with the ids. Other chat tokens than those of parts are left out.

        >>> from pybpe import Tokenizer
        >>> chat = ChatFormat(Tokenizer.train(iter(["a"]), 256, progress=False).with_special_tokens(CHAT_TOKENS))
        >>> answer = (Part("text", "It is "), Part("python", "1+1"), Part("output", "2"), Part("text", "2."))
        >>> ids, _ = chat.encode([Message("user", (Part("text", "1+1?"),)), Message("assistant", answer)])
        >>> tuple(chat.parts(ids[ids.index(chat.ids[ASSISTANT_START]) + 1 :])) == answer
        True
        """
        names = {id_: name for name, id_ in self.ids.items()}
        opens = {PYTHON_START: "python", OUTPUT_START: "output", PYTHON_END: "text", OUTPUT_END: "text"}
        found: list[tuple[str, list[int]]] = [("text", [])]
        for id_ in ids:
            name = names.get(id_)
            if name == ASSISTANT_END:
                break
            if name is None:
                found[-1][1].append(id_)
            elif name in opens:
                found.append((opens[name], []))
        decode = self.tokenizer.decode
        return [Part(kind, decode(part)) for kind, part in found if part or kind != "text"]

    def fit(self, conversation: Conversation, room: int) -> tuple[list[Message], int]:
        """Drop the oldest turns until the prompt of a conversation has at most `room` ids.

        A turn is a message of the user and its answer; the system message and the last turn stay. Returns the
        conversation and the number of messages that were dropped. ConversationError if what must stay is too long.
        """
        head = [message for message in conversation[:1] if message.role == "system"]
        turns, dropped = list(conversation[len(head) :]), 0
        # All but the first message have the same ids whatever stands before them. So turns are dropped by their number
        # of ids until these alone fit, and a long conversation is not encoded again for each turn.
        sizes = [len(self.encode([message])[0]) - 1 for message in turns]
        total = sum(sizes)
        while len(turns) - dropped > 2 and total - sizes[dropped] > room:
            total -= sum(sizes[dropped : dropped + 2])
            dropped += 2
        turns = turns[dropped:]
        while True:
            n_ids = len(self.encode_prompt([*head, *turns]))
            if n_ids <= room:
                return [*head, *turns], dropped
            if len(turns) <= 2:
                raise ConversationError(
                    f"the last message needs {n_ids:,} tokens with what must stand before it, and the model has room "
                    f"for {room:,}: shorten it, or ask for a shorter answer"
                )
            turns, dropped = turns[2:], dropped + 2

    def _turns(self, conversation: Conversation) -> Iterator[tuple[str, Sequence[Part]]]:
        """Yield (role, parts) of the messages, the system message put before the text of the first user."""
        system = ""
        for message in conversation:
            if message.role == "system":
                system = f"{message.text}\n\n"
            else:
                yield message.role, [Part("text", system + message.text)] if message.role == "user" else message.parts
                system = ""

    def _turn(self, role: str, parts: Sequence[Part]) -> tuple[list[int], list[int]]:
        """Return (ids, mask) of one message with its start and end tokens."""
        by_assistant = int(role == "assistant")
        start, end = (ASSISTANT_START, ASSISTANT_END) if by_assistant else (USER_START, USER_END)
        ids, mask = [self.ids[start]], [0]
        for part in parts:
            opening, closing = MARKS[part.kind]
            found = self.tokenizer.encode_ordinary(part.text)
            if opening is not None and closing is not None:
                found = [self.ids[opening], *found, self.ids[closing]]
            ids += found
            mask += [by_assistant * (part.kind != "output")] * len(found)
        return [*ids, self.ids[end]], [*mask, by_assistant]
