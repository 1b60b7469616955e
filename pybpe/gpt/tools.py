"""Follow an answer token by token, run the Python code in it, and force the output into it.

An `Answer` is a state machine that knows nothing of models: whoever generates gives it each id that the model chose,
and asks which ids must not be chosen next, which code is waiting to be run, and which ids follow it.

    answer = Answer(chat, ToolLimits())
    while not answer.ended:
        events = answer.feed(choose(logits, banned=answer.banned))   # text to show
        if answer.code is not None:                                  # the model has written python_end
            ids, events = answer.give(run_python(answer.code))       # the output, as ids that the model reads next

Forced ids, of output, are never sampled, so a model cannot invent the output of its code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pybpe.gpt.conversation import (
    ASSISTANT_END,
    CHAT_TOKENS,
    OUTPUT_END,
    OUTPUT_START,
    PYTHON_END,
    PYTHON_START,
    ChatFormat,
    Part,
)

if TYPE_CHECKING:
    from pybpe.sandbox import Result

CUT = "\n... (cut)"  # ends an output of which the rest was left out


@dataclass(frozen=True)
class ToolLimits:
    """The limits of the tool in one answer.

    calls: how many times code is run; 0 turns the tool off. seconds: time for each run. output_bytes: of the output
    that the model reads, in UTF-8; a longer output is cut.
    """

    calls: int = 4
    seconds: float = 5.0
    output_bytes: int = 4096

    def __post_init__(self) -> None:
        if not (0 <= self.calls <= 1000 and 0 < self.seconds <= 3600 and 16 <= self.output_bytes <= 1 << 20):
            raise ValueError("calls must lie in 0..1000, seconds in 0..3600 and output_bytes in 16..1048576")


@dataclass(frozen=True)
class Event:
    """An id of an answer, with the text that it completes.

    kind: of the part, one of conversation.KINDS. text: whole characters, "" for an id inside a character and for the
    tokens that begin and end a part. ids: the ids that the event stands for. forced: True if the model did not choose
    them.
    """

    kind: str
    text: str
    ids: tuple[int, ...]
    forced: bool = False


@dataclass
class Answer:
    """The state of an answer that is being generated.

    ids: all ids so far, forced ones included. parts: its parts so far. code: Python code that waits to be run, else
    None. calls: how many times code was run. ended: True after assistant_end or another token that ends an answer.
    """

    chat: ChatFormat
    limits: ToolLimits = field(default_factory=ToolLimits)
    ids: list[int] = field(default_factory=list)
    code: str | None = None
    calls: int = 0
    ended: bool = False

    def __post_init__(self) -> None:
        self._kind, self._text = "text", ""  # of the part that is being written
        self._stream = self.chat.tokenizer.decode_stream()
        self._parts: list[Part] = []
        self._names = {id_: name for name, id_ in self.chat.ids.items()}

    @property
    def parts(self) -> list[Part]:
        """The parts so far, the one that is being written included."""
        return [*self._parts, Part(self._kind, self._text)] if self._text or self._kind != "text" else [*self._parts]

    @property
    def banned(self) -> set[int]:
        """The ids that the model must not choose next.

        Inside code only python_end is allowed of the chat tokens; inside text python_start, while the tool may be used,
        and assistant_end.
        """
        if self._kind == "python":
            allowed = {PYTHON_END}
        else:
            allowed = {ASSISTANT_END, PYTHON_START} if self.calls < self.limits.calls else {ASSISTANT_END}
        return {self.chat.ids[name] for name in CHAT_TOKENS if name not in allowed}

    def feed(self, id_: int) -> list[Event]:
        """Take the next id that the model chose; return what it shows. ValueError if the id is banned now."""
        if self.ended or self.code is not None or id_ in self.banned:
            raise ValueError(f"id {id_} cannot follow here: the answer has ended, waits for output, or bans it")
        self.ids.append(id_)
        name = self._names.get(id_)
        if name is None:
            return [self._add(id_)]
        events = self._finish()
        if name == ASSISTANT_END:
            self.ended = True
            self._close("text")
        elif name == PYTHON_START:
            self._close("python")
        else:  # PYTHON_END
            self.code, self.calls = self._text, self.calls + 1
            self._close("text")
        kind = "python" if name in (PYTHON_START, PYTHON_END) else "text"
        return [*events, Event(kind, "", (id_,))]

    def give(self, result: Result) -> tuple[list[int], list[Event]]:
        """Take the result of the code that waited; return the forced ids, which the model reads next, and the events.

        The output is what the code printed; if it failed, the last line of the error follows. ValueError if no code
        waits.
        """
        if self.code is None:
            raise ValueError("no code waits to be run")
        self.code = None
        text = output_text(result, self.limits.output_bytes)
        ids = [
            self.chat.ids[OUTPUT_START],
            *self.chat.tokenizer.encode_ordinary(text),
            self.chat.ids[OUTPUT_END],
        ]
        self.ids += ids
        self._parts.append(Part("output", text))
        return ids, [Event("output", text, tuple(ids), forced=True)]

    def replay(self, ids: Sequence[int]) -> None:
        """Take the ids that an answer begins with, output included, without events.

        ValueError if they are not the beginning of an answer: an id that could not have been chosen, output that no
        code stands before or that has no end, or the end of the answer.
        """
        start, end = self.chat.ids[OUTPUT_START], self.chat.ids[OUTPUT_END]
        output: list[int] | None = None  # ids of the output that is being read
        for id_ in ids:
            if output is None and id_ == start and self.code is not None:
                output = []
            elif output is None:
                self.feed(id_)
            elif id_ == end:
                self.code = None
                self.ids += [start, *output, end]
                self._parts.append(Part("output", self.chat.tokenizer.decode(output)))
                output = None
            elif id_ in self._names:
                raise ValueError(f"{self._names[id_]} stands in the output of code")
            else:
                output.append(id_)
        if output is not None or self.ended:
            raise ValueError("the answer has ended" if self.ended else f"the output of code has no {OUTPUT_END}")

    def finish(self) -> list[Event]:
        """Return the rest of an incomplete character; call it once when generation ends."""
        return self._finish()

    def _add(self, id_: int) -> Event:
        text = self._stream.feed(id_)
        self._text += text
        return Event(self._kind, text, (id_,))

    def _finish(self) -> list[Event]:
        rest = self._stream.finish()
        self._stream = self.chat.tokenizer.decode_stream()
        self._text += rest
        return [Event(self._kind, rest, ())] if rest else []

    def _close(self, following: str) -> None:
        """End the part that is being written, and begin one of another kind."""
        if self._text or self._kind != "text":
            self._parts.append(Part(self._kind, self._text))
        self._kind, self._text = following, ""


def output_text(result: Result, most_bytes: int) -> str:
    """Return the output of a run as the model reads it: what was printed, then the error's last line if it failed.

    It has at most `most_bytes` bytes of UTF-8. The printed text is cut where there is too much; the error stays.

    >>> from pybpe.sandbox import Result
    >>> output_text(Result("7\\n", None, True, False), 100)
    '7'
    >>> output_text(Result("", "ZeroDivisionError: division by zero", False, False), 100)
    'ZeroDivisionError: division by zero'
    """
    error = (result.error or "the code failed") if not result.success else ""
    error = _cut(error.splitlines()[-1] if error else "", most_bytes // 2)
    printed = result.stdout.rstrip("\n")
    printed = _cut(printed, most_bytes - len(error.encode()) - bool(error))
    return "\n".join(filter(None, [printed, error]))


def _cut(text: str, most_bytes: int) -> str:
    content = text.encode("utf-8", "replace")
    if len(content) <= most_bytes:
        return content.decode()
    return content[: max(0, most_bytes - len(CUT))].decode("utf-8", "ignore") + CUT[:most_bytes]
