"""One answer that is being generated: it follows the chosen ids, and says what to send and when the answer ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pybpe.gpt.sampling import Sampling
from pybpe.gpt.serve.errors import ApiError
from pybpe.gpt.serve.stops import Piece, StopFilter, Token
from pybpe.gpt.tools import Event
from pybpe.gpt.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pybpe.gpt.batching import Chosen, Row
    from pybpe.sandbox import Result


class Follower(Protocol):
    """The state of a text that grows by ids: `tools.Answer` in a chat, `Continuation` in a completion."""

    code: str | None
    ended: bool

    @property
    def banned(self) -> set[int]:
        """The ids that must not be chosen next."""

    def feed(self, id_: int) -> list[Event]:
        """Take the next chosen id; return what it shows."""

    def give(self, result: Result) -> tuple[list[int], list[Event]]:
        """Take the result of the code that waited; return the forced ids and what they show."""

    def finish(self) -> list[Event]:
        """Return the rest of an incomplete character."""


class Continuation:
    """A text that continues a prompt: no parts and no code. stops: ids that end it."""

    code: str | None = None

    def __init__(self, vocabulary: Vocabulary, stops: Collection[int]) -> None:
        self._stream, self._stops = vocabulary.decode_stream(), frozenset(stops)
        self.ended = False

    @property
    def banned(self) -> set[int]:
        """The ids that must not be chosen next: none."""
        return set()

    def feed(self, id_: int) -> list[Event]:
        """Take the next chosen id; return the text that it completes."""
        self.ended = id_ in self._stops
        if self.ended:
            return [*self.finish(), Event("text", "", (id_,))]
        return [Event("text", self._stream.feed(id_), (id_,))]

    def give(self, result: Result) -> tuple[list[int], list[Event]]:
        """Raise ValueError: no code is run in a completion."""
        raise ValueError("a completion runs no code")

    def finish(self) -> list[Event]:
        """Return the rest of an incomplete character."""
        rest = self._stream.finish()
        return [Event("text", rest, ())] if rest else []


@dataclass(frozen=True)
class Done:
    """The end of an answer. reason: "stop" or "length". The numbers of ids: chosen, forced, and of the prompt those
    whose keys and values were already there.
    """

    reason: str
    chosen: int
    forced: int
    reused: int


Item = Piece | Done | ApiError  # what a request is given of each of its answers, in order; one of the last two ends it


@dataclass(eq=False)
class Job:
    """An answer that waits in the queue or is generated. The thread of the model calls its methods.

    prompt: ids that the model reads first. top_logprobs: None for no log probabilities. max_tokens: of ids that are
    chosen. deliver: called with each item for the request; it must not block, and returns False if the client does not
    take what it is sent. deadline: of time.monotonic(). never: ids that are not
    chosen. cancelled: True once nobody takes the answer any more. error: why
    the answer has failed, else None.
    """

    prompt: list[int]
    follower: Follower
    sampling: Sampling
    seed: int | None
    max_tokens: int
    stops: tuple[str, ...]
    top_logprobs: int | None
    deliver: Callable[[Item], bool]
    deadline: float
    never: frozenset[int] = frozenset()
    cancelled: bool = False
    row: Row | None = None
    begun: float = field(default_factory=time.monotonic)  # for the time until the first token

    def __post_init__(self) -> None:
        self._filter = StopFilter(self.stops)
        self.chosen = self.forced = 0
        self.ended = False
        self.error: ApiError | None = None

    def take(self, chosen: Chosen) -> None:
        """Take an id that was chosen; deliver what can be sent, and the end if the answer ends here."""
        self.chosen += 1
        events = self.follower.feed(chosen.id)
        wanted = self.top_logprobs is not None
        for event in events:
            if self.follower.ended and event.ids:  # the token that ends the answer is not a part of it
                continue
            tokens = (Token(chosen.id, chosen.logprob, chosen.top),) if wanted and event.ids else ()
            self._pass(Piece(event.kind, event.text, event.ids, False, tokens))
        if self._filter.stopped:
            self._end("stop")
        elif self.follower.ended:
            self.finish("stop")
        elif self.follower.code is None and (self.chosen >= self.max_tokens or not chosen.row.room):
            self.finish("length")
        else:
            self.ban()
            chosen.row.waiting = self.follower.code is not None

    def output(self, result: Result) -> None:
        """Take the result of the code that the answer waits for; the answer ends if there is no room for its output."""
        row = self.row
        if row is None or self.follower.code is None:
            raise ValueError("the answer waits for no output")
        ids, events = self.follower.give(result)
        self.forced += len(ids)
        for event in events:
            self._pass(Piece(event.kind, event.text, event.ids, True))
        if len(ids) >= row.room or self.chosen >= self.max_tokens:
            self.finish("length")
            return
        row.force(ids)
        row.waiting = False
        self.ban()

    def ban(self) -> None:
        """Tell the row which ids must not be chosen next."""
        if self.row is not None:
            self.row.banned = self.follower.banned | self.never

    def finish(self, reason: str) -> None:
        """End the answer, and deliver what is held back."""
        for event in self.follower.finish():
            self._pass(Piece(event.kind, event.text, event.ids))
        for piece in self._filter.flush():
            self._send(piece)
        self._end("stop" if self._filter.stopped else reason)

    def fail(self, error: ApiError) -> None:
        """End the answer with an error, once."""
        if not self.ended:
            self.ended, self.error = True, error
            self._send(error)

    def _pass(self, piece: Piece) -> None:
        for each in self._filter.feed(piece):
            self._send(each)

    def _send(self, item: Item) -> None:
        if not self.deliver(item):
            self.cancelled = True

    def _end(self, reason: str) -> None:
        self.ended = True
        self._send(Done(reason, self.chosen, self.forced, self.row.reused if self.row is not None else 0))
