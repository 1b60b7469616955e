"""Answer messages with a model that was fine-tuned to talk, and run the Python code that it writes.

    model = open_chat("my-chat")
    with open_sandbox() as sandbox:
        reply = model.answer(conversation, sampling=Sampling(0.7), sandbox=sandbox)
        for event in reply:
            print(event.text, end="", flush=True)
    conversation.append(reply.message)

A `RowAnswer` joins a row of an `Engine` (batching.py), which knows nothing of text, with the `Answer` (tools.py), which
knows nothing of models. A `Reply` is the iterator over the events of one answer.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pybpe.errors import SandboxError
from pybpe.gpt.conversation import ChatFormat, Conversation, Message
from pybpe.gpt.engines import need_torch
from pybpe.gpt.inference import Model, open_model
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.tools import Answer, Event, ToolLimits
from pybpe.tokenizer import Tokenizer

if TYPE_CHECKING:
    from pybpe.gpt.batching import Engine, Row
    from pybpe.gpt.generation import Inference
    from pybpe.sandbox import Result, Sandbox

SLOTS = 16  # answers that `ChatModel.answer_all` generates at once


class RowAnswer:
    """The answer that a row of an engine generates.

    row: the row, whose prompt ends where the answer begins. limits: of the tool. max_tokens: maximum number of ids that
    the model chooses (None: until the context is full). stop: ids that end the answer.

    answer: the state of the answer. finish: why it has ended: "stop" (the model ended it, or chose an id in `stop`) or
    "length" (max_tokens, or the context is full); None if it has not. n_chosen: number of ids that the model chose.

    While `answer.code` is not None the row waits, until `give` gets the result of that code.
    """

    def __init__(
        self,
        row: Row,
        chat: ChatFormat,
        *,
        limits: ToolLimits | None = None,
        max_tokens: int | None = None,
        stop: Collection[int] = (),
    ) -> None:
        self.row, self.answer = row, Answer(chat, limits or ToolLimits())
        self.finish: str | None = None
        self.n_chosen = 0
        self._most, self._stop = math.inf if max_tokens is None else max_tokens, set(stop)
        # Special tokens that are not of conversations, such as the one that ends a text, have no place in an answer.
        self._never = set(chat.tokenizer.special_tokens.values()) - set(chat.ids.values()) - self._stop
        self._ban()

    def take(self, id_: int) -> list[Event]:
        """Take the id that the engine chose for the row; return the events, none for a stop id."""
        self.n_chosen += 1
        if id_ in self._stop:
            return self._end("stop")
        events = self.answer.feed(id_)
        self._ban()
        if self.answer.ended:
            self.finish = "stop"
        elif self.answer.code is not None:
            self.row.waiting = True
        elif self.row.room < 1 or self.n_chosen >= self._most:
            events += self._end("length")
        return events

    def give(self, result: Result) -> list[Event]:
        """Take the result of the code that waited; the row reads it next. Returns the events."""
        ids, events = self.answer.give(result)
        self._ban()
        self.row.waiting = False
        if len(ids) >= self.row.room or self.n_chosen >= self._most:
            return events + self._end("length")
        self.row.force(ids)
        return events

    def _end(self, reason: str) -> list[Event]:
        self.finish = reason
        return self.answer.finish()

    def _ban(self) -> None:
        self.row.banned = self.answer.banned | self._never


class Reply(Iterator[Event]):
    """The events of one answer, which is generated while they are read. `ChatModel.answer` makes it.

    dropped: number of the oldest messages that the model does not see, because the conversation is too long for its
    context. ValueError while events are read if the model's logits are not finite.
    """

    def __init__(self, engine: Engine, row_answer: RowAnswer, sandbox: Sandbox | None, dropped: int) -> None:
        self.dropped = dropped
        self._engine, self._row_answer, self._sandbox = engine, row_answer, sandbox
        self._events: deque[Event] = deque()

    @property
    def finish(self) -> str | None:
        """Why the answer has ended, "stop" or "length"; None if it has not, or was closed before."""
        return self._row_answer.finish

    @property
    def message(self) -> Message:
        """The answer so far as a message of the assistant."""
        return Message("assistant", tuple(self._row_answer.answer.parts))

    @property
    def n_chosen(self) -> int:
        """The number of ids that the model chose."""
        return self._row_answer.n_chosen

    def __next__(self) -> Event:
        """Return the next event; code that the model has written is run before the event of its output."""
        while not self._events:
            if self.finish is not None or self._row_answer.row not in self._engine.rows:
                self.close()
                raise StopIteration
            self._events.extend(self._advance())
        return self._events.popleft()

    def close(self) -> None:
        """End the answer where it is; further events are those that were generated already."""
        self._engine.close(self._row_answer.row)

    def _advance(self) -> list[Event]:
        row_answer = self._row_answer
        if row_answer.answer.code is not None:
            assert self._sandbox is not None  # without one the model cannot begin code
            limits = row_answer.answer.limits
            return row_answer.give(run_tool(self._sandbox, row_answer.answer.code, limits.seconds))
        events = [event for chosen in self._engine.step() for event in row_answer.take(chosen.id)]
        if row_answer.row.error is not None:
            raise ValueError(row_answer.row.error)
        return events


class ChatModel:
    """A model of the torch engine with a tokenizer that has the chat tokens. One thread uses it.

    model: the network and its vocabulary. chat: the form of its conversations. ConversationError if the vocabulary has
    no chat tokens.
    """

    def __init__(self, model: Model) -> None:
        from pybpe.gpt.batching import Engine

        self.model = model
        self.chat = ChatFormat(cast(Tokenizer, model.vocabulary))
        self._engine = Engine(self.network)
        self._reply: Reply | None = None

    @property
    def network(self) -> Inference:
        """The network."""
        return cast("Inference", self.model.network)

    def answer(
        self,
        conversation: Conversation,
        *,
        sampling: Sampling | None = None,
        seed: int | None = None,
        max_tokens: int | None = None,
        limits: ToolLimits | None = None,
        sandbox: Sandbox | None = None,
        stop: Collection[int] = (),
    ) -> Reply:
        """Return the events of the answer to a conversation, which is generated as they are read.

        sampling, seed: how ids are chosen. max_tokens: number of ids that the model chooses (None: as many as the
        context has room for). limits: of the tool (None: those of ToolLimits()). sandbox: runs the code (None: the
        model cannot begin code). stop: further ids that end the answer.

        The oldest turns are dropped where the conversation leaves too little room: half of the context, or max_tokens
        if that is less. ConversationError if the last message alone is too long. If the last message is of the
        assistant, the answer continues it. A model gives one answer at a time: the one before is closed.
        """
        if self._reply is not None:
            self._reply.close()
        fitted, dropped = self.chat.fit(conversation, self._room(max_tokens))
        row = self._engine.open(self.chat.encode_prompt(fitted), sampling, seed=seed)
        row_answer = RowAnswer(row, self.chat, limits=_tool_limits(limits, sandbox), max_tokens=max_tokens, stop=stop)
        self._reply = Reply(self._engine, row_answer, sandbox, dropped)
        return self._reply

    def answer_all(
        self,
        conversations: Sequence[Conversation],
        *,
        sampling: Sampling | None = None,
        seeds: Sequence[int | None] | None = None,
        max_tokens: int | None = None,
        limits: ToolLimits | None = None,
        sandbox: Sandbox | None = None,
        slots: int = SLOTS,
    ) -> list[Message]:
        """Return the answers to several conversations, of which `slots` are generated at once.

        seeds: one for each conversation. All else is as in `answer`.
        """
        from pybpe.gpt.batching import Engine

        seeds = [None] * len(conversations) if seeds is None else seeds
        engine, limits = Engine(self.network, slots), _tool_limits(limits, sandbox)
        answers: list[RowAnswer] = []
        open_rows: dict[Row, RowAnswer] = {}
        for conversation, seed in zip(conversations, seeds, strict=True):
            if not engine.free:
                _step(engine, open_rows, sandbox)
            fitted, _ = self.chat.fit(conversation, self._room(max_tokens))
            row = engine.open(self.chat.encode_prompt(fitted), sampling, seed=seed)
            open_rows[row] = RowAnswer(row, self.chat, limits=limits, max_tokens=max_tokens)
            answers.append(open_rows[row])
        while open_rows:
            _step(engine, open_rows, sandbox)
        return [Message("assistant", tuple(each.answer.parts)) for each in answers]

    def _room(self, max_tokens: int | None) -> int:
        """Return the largest number of ids of a prompt that leaves room for an answer."""
        if max_tokens is not None and max_tokens < 1:
            raise ValueError(f"max_tokens is {max_tokens}; it must be at least 1")
        context = self.model.n_ctx
        half = context // 2
        return context - max(1, half if max_tokens is None else min(half, max_tokens))


def open_chat(folder: str | os.PathLike[str], device: str = "auto") -> ChatModel:
    """Open a model that was fine-tuned to talk. A model of the micro engine is converted in memory.

    Raises ConversationError, which says how to fine-tune it, if its vocabulary has no chat tokens, MissingPackageError
    if torch is not installed, and what `open_model` raises.
    """
    return ChatModel(open_torch_model(folder, device))


def open_torch_model(folder: str | os.PathLike[str], device: str = "auto") -> Model:
    """Open a model as `open_model` does; a model of the micro engine is converted for the torch engine in memory."""
    need_torch()
    from pybpe.gpt.generation import Inference
    from pybpe.gpt.pretrained import fit_vocabulary, read_pretrained

    model = open_model(folder, device)
    if isinstance(model.network, Inference):
        return model
    vocabulary = model.vocabulary
    checkpoint = fit_vocabulary(read_pretrained(Path(folder)), vocabulary.n_vocab, vocabulary.fingerprint)
    return replace(model, network=Inference.of(checkpoint, device))


def run_tool(sandbox: Sandbox, code: str, seconds: float) -> Result:
    """Run code that a model wrote, for at most `seconds`. If the sandbox fails, the result is an error, as of code."""
    try:
        return sandbox.run(code, seconds)
    except SandboxError as error:
        from pybpe.sandbox import Result

        return Result(stdout="", error=f"SandboxError: {error}", success=False, timeout=False)


def _tool_limits(limits: ToolLimits | None, sandbox: Sandbox | None) -> ToolLimits:
    limits = limits or ToolLimits()
    return limits if sandbox is not None else replace(limits, calls=0)


def _step(engine: Engine, open_rows: dict[Row, RowAnswer], sandbox: Sandbox | None) -> None:
    """Step until at least one of the answers ends, and remove those that have ended."""
    while True:
        for chosen in engine.step():
            open_rows[chosen.row].take(chosen.id)
        for row, each in [*open_rows.items()]:
            if row.error is not None:
                raise ValueError(row.error)
            if each.answer.code is not None:
                assert sandbox is not None  # without one the model cannot begin code
                each.give(run_tool(sandbox, each.answer.code, each.answer.limits.seconds))
            if each.finish is not None:
                engine.close(row)
                del open_rows[row]
        if engine.free or not open_rows:
            return
