"""Checked requests to ids: the prompt of each choice, and the state of the answer that it begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pybpe.errors import ConversationError
from pybpe.gpt.conversation import ASSISTANT_START, ChatFormat, Conversation, Message
from pybpe.gpt.inference import Model
from pybpe.gpt.serve.errors import ApiError, invalid
from pybpe.gpt.serve.requests import ChatRequest
from pybpe.gpt.serve.served import Served
from pybpe.gpt.tools import Answer, ToolLimits


@dataclass(frozen=True)
class ChatPrompt:
    """The prompt of a request for chat.

    chat: the format. ids: all that the model reads, the answer so far included. begun: ids of the answer so far, the
    end of `ids`. dropped: number of messages that were left out because the conversation is too long.
    """

    chat: ChatFormat
    ids: list[int]
    begun: list[int]
    dropped: int


def chat_prompt(request: ChatRequest, served: Served) -> ChatPrompt:
    """Encode the conversation of a request. ApiError if the model cannot talk, or if it is too long."""
    chat = served.chat
    if chat is None:
        raise invalid(
            "the model has no tokens for conversations: use /v1/completions, or fine-tune it: pybpe gpt finetune",
            "messages",
            "chat_not_supported",
        )
    conversation, dropped = _fitted(request, served, chat)
    ids = chat.encode_prompt(conversation)
    begun = ids[len(ids) - ids[::-1].index(chat.ids[ASSISTANT_START]) :]
    begun = [*begun, *request.continue_ids]
    ids += request.continue_ids
    if len(ids) >= served.context:
        raise too_long(len(ids), served.context, "messages")
    return ChatPrompt(chat, ids, begun, dropped)


def begin_answer(chat: ChatFormat, begun: Sequence[int], limits: ToolLimits) -> Answer:
    """Return the state of an answer after the ids that it begins with. ApiError if these are not an answer's."""
    answer = Answer(chat, limits)
    try:
        answer.replay(begun)
    except ValueError as error:
        raise invalid(f"the answer cannot be continued: {error}", "continue_ids") from None
    return answer


def completion_prompt(prompt: str | list[int], served: Served) -> list[int]:
    """Return the ids of a prompt for a completion. ApiError if there are none, or too many."""
    if isinstance(prompt, str):
        try:
            prompt = Model(served.network, served.vocabulary).encode_prompt(prompt)
        except ValueError as error:  # a character that the vocabulary lacks, or no token that begins a text
            raise invalid(str(error), "prompt") from None
    if not prompt:
        raise invalid("prompt has an empty list of ids; it must have at least one", "prompt")
    if len(prompt) >= served.context:
        raise too_long(len(prompt), served.context, "prompt")
    return prompt


def too_long(n_ids: int | None, context: int, name: str) -> ApiError:
    """Return the error for a prompt that leaves no room for an answer. n_ids: None if the system message alone does."""
    has = "has too long a system message" if n_ids is None else f"has {n_ids:,} tokens"
    advice = "shorten it, or set truncate to true to drop the oldest turns" if name == "messages" else "shorten it"
    return invalid(
        f"{name} {has}; with an answer of at least one token the model has room for {context:,}: {advice}",
        name,
        "context_length_exceeded",
    )


def _fitted(request: ChatRequest, served: Served, chat: ChatFormat) -> tuple[Conversation, int]:
    """Return the conversation without the turns that are dropped, and the number of messages of these."""
    if not request.truncate:
        return request.conversation, 0
    first = request.conversation[0]
    if first.role == "system" and len(chat.encode([first, Message("user", ())])[0]) > 2 * served.context:
        raise too_long(None, served.context, "messages")  # not to be encoded again with each turn
    most = served.context - len(request.continue_ids)
    asked = request.options.max_tokens or served.context
    for answer in (min(asked, served.context // 4), 1):  # room for an answer; at least for one token
        try:
            return chat.fit(request.conversation, most - answer)
        except ConversationError as error:
            reason = str(error)
    raise invalid(reason, "messages", "context_length_exceeded")
