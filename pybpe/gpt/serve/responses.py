"""The JSON of answers, with OpenAI's names of fields, whole or in chunks.

A field "pybpe" has what OpenAI's objects have no place for: the kind of each piece, its text and ids, and whether they
were forced, and the number of messages that were dropped.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pybpe.gpt.serve.jobs import Done
from pybpe.gpt.serve.requests import Options
from pybpe.gpt.serve.stops import Piece, Token
from pybpe.gpt.vocabulary import Vocabulary

LEAST_LOGPROB = -9999.0  # stands for minus infinity, which JSON does not have
Json = dict[str, Any]


@dataclass
class Choice:
    """One choice of a response: its pieces so far. done: its end, None while it is generated."""

    pieces: list[Piece] = field(default_factory=list)
    done: Done | None = None

    @property
    def content(self) -> str:
        """The text of the answer, without code and its output."""
        return "".join(piece.text for piece in self.pieces if piece.kind == "text")

    @property
    def parts(self) -> list[Json]:
        """The parts of the answer, [{"type", "text"}]."""
        found: list[Json] = []
        last = ""
        for piece in self.pieces:
            # A part of code begins with the token that starts it, so two calls in a row are two parts.
            if piece.kind != last or piece.kind == "output":
                found.append({"type": piece.kind, "text": ""})
            found[-1]["text"] += piece.text
            last = piece.kind
        return [part for part in found if part["text"] or part["type"] != "text"]


@dataclass(frozen=True)
class Writer:
    """Writes the answers to one request. n_prompt: ids of its prompts. Subclasses know the two kinds of requests."""

    model: str
    vocabulary: Vocabulary
    options: Options
    n_prompt: int
    dropped: int = 0
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def first(self, index: int) -> list[Json]:
        """Return the chunks that come before a choice."""
        raise NotImplementedError

    def chunk(self, index: int, piece: Piece, offset: int) -> Json:
        """Return the chunk of a piece. offset: characters of the choice before it."""
        raise NotImplementedError

    def last(self, index: int, done: Done) -> Json:
        """Return the chunk that ends a choice."""
        raise NotImplementedError

    def whole(self, choices: Sequence[Choice]) -> Json:
        """Return the response for all choices."""
        raise NotImplementedError

    def usage_chunk(self, choices: Sequence[Choice]) -> Json:
        """Return the chunk with the usage, which follows all choices."""
        return {**self._head(True), "choices": [], "usage": self._usage(choices)}

    def _head(self, chunk: bool) -> Json:
        raise NotImplementedError

    def _chunk(self, choice: Json) -> Json:
        usage = {"usage": None} if self.options.include_usage else {}
        return {**self._head(True), "choices": [choice], **usage}

    def _usage(self, choices: Sequence[Choice]) -> Json:
        """Return the numbers of tokens: of the prompts, and those that the model chose for all choices."""
        done = [choice.done for choice in choices if choice.done is not None]
        chosen, cached = sum(each.chosen for each in done), sum(each.reused for each in done[:: self.options.n])
        return {
            "prompt_tokens": self.n_prompt,
            "completion_tokens": chosen,
            "total_tokens": self.n_prompt + chosen,
            "prompt_tokens_details": {"cached_tokens": min(cached, self.n_prompt)},
        }

    def _token(self, id_: int, logprob: float) -> Json:
        content = self.vocabulary.token_bytes(id_)
        return {
            "token": content.decode("utf-8", "replace"),
            "logprob": max(logprob, LEAST_LOGPROB),
            "bytes": list(content),
            "id": id_,
        }


class ChatWriter(Writer):
    """Writes the answers to a request for chat."""

    def first(self, index: int) -> list[Json]:
        """Return the chunk with the role, and the number of messages that were dropped."""
        chunk = self._chunk(self._choice(index, {"role": "assistant", "content": "", "refusal": None}))
        return [{**chunk, "pybpe": {**_extension(Piece("text", "")), "dropped_messages": self.dropped}}]

    def chunk(self, index: int, piece: Piece, offset: int) -> Json:
        """Return the chunk of a piece; its content is "" for code and output."""
        delta = {"content": piece.text if piece.kind == "text" else ""}
        chunk = self._chunk(self._choice(index, delta, self._logprobs([piece])))
        return {**chunk, "pybpe": _extension(piece)}

    def last(self, index: int, done: Done) -> Json:
        """Return the chunk with the reason why the choice ended."""
        chunk = self._chunk({**self._choice(index, {}), "finish_reason": done.reason})
        return {**chunk, "pybpe": _extension(Piece("text", ""))}

    def whole(self, choices: Sequence[Choice]) -> Json:
        """Return a chat.completion; each message has its "parts", too."""
        found = []
        for index, choice in enumerate(choices):
            message = {"role": "assistant", "content": choice.content, "refusal": None, "parts": choice.parts}
            reason = "stop" if choice.done is None else choice.done.reason
            logprobs = self._logprobs(choice.pieces)
            found.append({"index": index, "message": message, "logprobs": logprobs, "finish_reason": reason})
        forced = sum(choice.done.forced for choice in choices if choice.done is not None)
        extension = {"dropped_messages": self.dropped, "forced_tokens": forced}
        return {**self._head(False), "choices": found, "usage": self._usage(choices), "pybpe": extension}

    def _head(self, chunk: bool) -> Json:
        return {
            "id": f"chatcmpl-{self.id}",
            "object": "chat.completion.chunk" if chunk else "chat.completion",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
            "service_tier": None,
        }

    def _choice(self, index: int, delta: Json, logprobs: Json | None = None) -> Json:
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}

    def _logprobs(self, pieces: Sequence[Piece]) -> Json | None:
        if self.options.top_logprobs is None:
            return None
        content = [
            {**self._token(token.id, token.logprob), "top_logprobs": [self._token(*each) for each in token.top]}
            for token in _tokens(pieces)
        ]
        return {"content": content, "refusal": None}


class CompletionWriter(Writer):
    """Writes the answers to a request for completions."""

    def first(self, index: int) -> list[Json]:
        """Return no chunk: a completion has no role."""
        return []

    def chunk(self, index: int, piece: Piece, offset: int) -> Json:
        """Return the chunk of a piece."""
        return self._chunk(self._choice(index, piece.text, self._logprobs([piece], offset)))

    def last(self, index: int, done: Done) -> Json:
        """Return the chunk with the reason why the choice ended."""
        return self._chunk({**self._choice(index, "", None), "finish_reason": done.reason})

    def whole(self, choices: Sequence[Choice]) -> Json:
        """Return a text_completion."""
        found = []
        for index, choice in enumerate(choices):
            reason = "stop" if choice.done is None else choice.done.reason
            logprobs = self._logprobs(choice.pieces, 0)
            found.append({**self._choice(index, choice.content, logprobs), "finish_reason": reason})
        return {**self._head(False), "choices": found, "usage": self._usage(choices)}

    def _head(self, chunk: bool) -> Json:
        return {
            "id": f"cmpl-{self.id}",
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def _choice(self, index: int, text: str, logprobs: Json | None) -> Json:
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": None}

    def _logprobs(self, pieces: Sequence[Piece], offset: int) -> Json | None:
        """Return OpenAI's older form. offset: characters of the choice before these pieces."""
        if self.options.top_logprobs is None:
            return None
        found: Json = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        for piece in pieces:
            for token in piece.tokens:
                entry = self._token(token.id, token.logprob)
                found["tokens"].append(entry["token"])
                found["token_logprobs"].append(entry["logprob"])
                top = [self._token(*each) for each in token.top]
                found["top_logprobs"].append({each["token"]: each["logprob"] for each in reversed(top)})
                found["text_offset"].append(offset)
            offset += len(piece.text)
        return found


def _tokens(pieces: Sequence[Piece]) -> list[Token]:
    return [token for piece in pieces for token in piece.tokens]


def _extension(piece: Piece) -> Json:
    return {"part": piece.kind, "text": piece.text, "ids": list(piece.ids), "forced": piece.forced}


def event(value: Json) -> bytes:
    """Return a server-sent event with a JSON object. It is ASCII, so that no chunk ends inside a character."""
    return b"data: " + json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n\n"


END_OF_STREAM = b"data: [DONE]\n\n"
