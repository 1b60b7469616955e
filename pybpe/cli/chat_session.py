"""A conversation in `pybpe gpt chat`: its messages, its settings, and the commands that begin with a slash."""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pybpe.cli.arguments import at_least_0, check_output_file, describe, whole
from pybpe.cli.chat_input import Input
from pybpe.cli.chat_screen import Screen
from pybpe.cli.console import Terminated, UsageError, fail, note
from pybpe.errors import ConversationError, PybpeError
from pybpe.gpt.conversation import Message, Part
from pybpe.gpt.sampling import Sampling
from pybpe.util.files import write_atomic
from pybpe.util.suggestions import did_you_mean

if TYPE_CHECKING:
    from pybpe.gpt.answering import ChatModel, Reply
    from pybpe.sandbox import Sandbox

Parsed = TypeVar("Parsed")


@dataclass
class Settings:
    """The settings of answers, which commands change. seed: of all answers (None: random). system: "" for none."""

    sampling: Sampling
    max_tokens: int | None = None
    seed: int | None = None
    system: str = ""


class Session:
    """A conversation with a model. sandbox: runs its code, None if it may run none.

    keeps: True if each question goes on with the conversation; False if each begins a new one. ended: True after /quit.
    """

    def __init__(
        self, model: ChatModel, sandbox: Sandbox | None, settings: Settings, screen: Screen, *, keeps: bool = True
    ) -> None:
        self.model, self.sandbox, self.settings, self.screen, self.keeps = model, sandbox, settings, screen, keeps
        self.turns: list[Message] = []  # of the user and the assistant in turn
        self.ended = False
        self._asked = False
        self._seeds = random.Random(settings.seed)
        self._saved: set[Path] = set()

    @property
    def conversation(self) -> list[Message]:
        """The messages so far, beginning with that of the system if there is one."""
        return [*self._system(), *self.turns]

    def take(self, line: str) -> None:
        """Answer a message, or run a command. Raises UsageError for a wrong command, and the errors of answers."""
        if line.startswith("//"):  # a message that begins with a slash
            self.ask(line[1:])
        elif line.startswith("/"):
            name, _, rest = line[1:].partition(" ")
            if name not in COMMANDS:
                guess = did_you_mean(name, list(COMMANDS))
                raise UsageError(
                    f"there is no command /{name[:40]}{guess}; /help lists them; // begins a message with a slash"
                )
            COMMANDS[name].run(self, rest.strip())
        elif line.strip():
            self.ask(line)

    def ask(self, question: str) -> None:
        """Answer a question, and append both to the conversation.

        After KeyboardInterrupt (Ctrl-C) the part of the answer that was shown is kept.
        """
        if not self.keeps:
            if self._asked:
                self.screen.separate()
            self.turns = []
        self._asked = True
        asked = [*self.turns, Message("user", (Part("text", _plain(question)),))]
        reply = self._reply(asked)
        if reply.dropped:
            note(f"the conversation is too long for the model; it does not see the oldest {reply.dropped} messages")
        try:
            self._show(reply)
        finally:
            reply.close()
            self.screen.end_answer()
            if reply.message.parts:  # a question without an answer could not be followed by another one
                self.turns = [*asked, reply.message]

    def _system(self) -> list[Message]:
        text = self.settings.system
        return [Message("system", (Part("text", text),))] if text else []

    def _reply(self, asked: list[Message]) -> Reply:
        settings = self.settings
        seed = None if settings.seed is None else self._seeds.getrandbits(62)
        return self.model.answer(
            [*self._system(), *asked],
            sampling=settings.sampling,
            seed=seed,
            max_tokens=settings.max_tokens,
            sandbox=self.sandbox,
        )

    def _show(self, reply: Reply) -> None:
        """Show an answer as it is generated, and how fast that was."""
        seconds, began = 0.0, time.perf_counter()
        for event in reply:
            if not event.forced:  # the time that the tool takes does not count
                seconds += time.perf_counter() - began
            self.screen.show(event)
            began = time.perf_counter()
        self.screen.end_answer()
        if self.keeps:
            tokens = f"{reply.n_chosen:,} token{'s' * (reply.n_chosen != 1)}"
            why = ""
            if reply.finish == "length":
                at_limit = reply.n_chosen == self.settings.max_tokens
                why = "; cut: /tokens allows more" if at_limit else "; cut: the model's context is full"
            self.screen.tell(f"{tokens}, {reply.n_chosen / max(seconds, 1e-9):,.1f} tokens/s{why}")

    # ------------------------------------------------------------------------------------------------ commands

    def help(self, rest: str) -> None:
        """List the commands."""
        width = max(len(f"/{name} {command.argument}") for name, command in COMMANDS.items())
        for name, command in COMMANDS.items():
            self.screen.tell(f"{f'/{name} {command.argument}':<{width}}  {command.help}")
        self.screen.tell("A line that ends with a backslash continues on the next line.")
        self.screen.tell("A message that begins with a slash is typed with two.")
        self.screen.tell("Ctrl-C stops an answer; Ctrl-C at the prompt, twice, or Ctrl-D ends.")

    def clear(self, rest: str) -> None:
        """Begin a new conversation."""
        self.turns = []
        self.screen.tell("a new conversation begins")

    def regenerate(self, rest: str) -> None:
        """Answer the last question again."""
        if not self.turns:
            raise UsageError("there is no answer yet; ask something first")
        before = self.turns
        self.turns = before[:-2]
        try:
            self.ask(before[-2].text)
        finally:
            if len(self.turns) < len(before):  # there is no new answer
                self.turns = before

    def system(self, rest: str) -> None:
        """Set the system message."""
        self.settings.system = _plain(rest)
        self.screen.tell("the system message is set" if rest else "there is no system message now")

    def temperature(self, rest: str) -> None:
        """Set the sampling temperature."""
        if rest:
            self.settings.sampling = replace(self.settings.sampling, temperature=_parsed(at_least_0, rest))
        self.screen.tell(f"temperature {self.settings.sampling.temperature:g}")

    def tokens(self, rest: str) -> None:
        """Set the maximum number of tokens of an answer."""
        if rest:
            self.settings.max_tokens = _parsed(whole(1), rest)
        most = self.settings.max_tokens
        self.screen.tell("as many tokens as the context has room for" if most is None else f"at most {most:,} tokens")

    def save(self, rest: str) -> None:
        """Write the conversation to a file as one line of JSON."""
        if not rest:
            raise UsageError("name a file: /save chat.jsonl")
        if not self.turns:
            raise UsageError("there is nothing to save yet; ask something first")
        path = Path(os.path.expanduser(rest))  # noqa: PTH111 (that of Path raises where there is no such user)
        if path.is_file() and path.resolve() not in self._saved:
            raise FileExistsError(f"{path} exists already; name another file")
        check_output_file(path, [], force=True, option="/save", example="chat.jsonl")
        line = json.dumps({"messages": [message.as_json() for message in self.conversation]})
        write_atomic(path, line.encode() + b"\n")
        self._saved.add(path.resolve())
        self.screen.tell(f"saved {path}; pybpe gpt finetune reads it")

    def quit(self, rest: str) -> None:
        """End the program."""
        self.ended = True


@dataclass(frozen=True)
class Command:
    """A command. argument: its name in the help, "" for none."""

    run: Callable[[Session, str], None]
    argument: str
    help: str


COMMANDS = {
    "help": Command(Session.help, "", "list the commands"),
    "clear": Command(Session.clear, "", "begin a new conversation"),
    "regenerate": Command(Session.regenerate, "", "answer the last question again"),
    "system": Command(Session.system, "TEXT", "set the system message; without TEXT there is none"),
    "temperature": Command(Session.temperature, "X", "sampling temperature, 0: greedy"),
    "tokens": Command(Session.tokens, "N", "maximum number of tokens of an answer"),
    "save": Command(Session.save, "FILE", "write the conversation as a line of JSON, as pybpe gpt finetune reads it"),
    "quit": Command(Session.quit, "", "end the program"),
}


def converse(session: Session, source: Input) -> None:
    """Talk in a terminal until the user ends it: Ctrl-D, /quit, or Ctrl-C twice without a message in between."""
    interrupts, answering = 0, False
    while interrupts < 2 and not session.ended:
        try:
            answering = False
            line = source.read()
            interrupts, answering = 0, True
            if line is None:
                session.screen.separate()
                return
            _take(session, line)
        except Terminated:
            raise
        except KeyboardInterrupt:
            interrupts += 1
            if not answering:  # the cursor is behind what was typed
                session.screen.separate()
            if interrupts < 2:
                session.screen.tell("stopped" if answering else "Ctrl-C again or Ctrl-D ends")


def answer_lines(session: Session, source: Input) -> None:
    """Answer each line of a pipe. Raises ConversationError at the end if some could not be answered."""
    lines = failed = 0
    try:
        while not session.ended and (line := source.read()) is not None:
            lines += 1
            failed += not _take(session, line)
    except KeyboardInterrupt as interrupt:
        raise type(interrupt)("the last answer is not complete") from None
    if failed:
        raise ConversationError(f"{failed:,} of {lines:,} lines could not be answered")


def _take(session: Session, line: str) -> bool:
    """Let the session take a line; return False, after an error message, if that is not possible."""
    try:
        session.take(line)
    except OSError as error:
        fail(describe(error))
    except (PybpeError, ValueError, UsageError) as error:
        fail(str(error))
    else:
        return True
    return False


def _parsed(parse: Callable[[str], Parsed], text: str) -> Parsed:
    """Return the value of an argument as an argparse type parses it. Raises UsageError."""
    try:
        return parse(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(str(error)) from None


def _plain(text: str) -> str:
    """Return text without lone surrogates, which are no characters."""
    return text.encode("utf-8", "replace").decode()
