"""Check the requests for chat and for completions, by OpenAI's names of fields.

Unknown fields are ignored, as OpenAI's clients expect. Known fields that are not supported and would change the answer
are refused by name, unless they have the value that changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybpe.errors import ConversationError
from pybpe.gpt.conversation import Message, parse_conversation
from pybpe.gpt.sampling import Sampling
from pybpe.gpt.serve.errors import ApiError, invalid
from pybpe.gpt.serve.fields import Fields, ids, unicode

MOST_CHOICES = 8  # n, and the number of choices of a request for completions
MOST_STOPS, LONGEST_STOP = 4, 256  # strings, characters
MOST_TOP_LOGPROBS, MOST_COMPLETION_LOGPROBS = 20, 5
MOST_MESSAGES = 1024
MOST_CHARACTERS = 500_000  # in all messages or prompts of a request
MOST_TOKENS = 1 << 31  # of max_tokens; what the model has room for is less
SEEDS = 1 << 63
LEAST_TOP_P = 1e-12

_NO_TOOLS = "the model has its own Python tool and cannot be given others; leave it out"
_PLAIN = "the model writes text only; leave it out"
_PENALTY = "leave it out, or use repetition_penalty"
_OFF: dict[str, tuple[tuple[Any, ...], str]] = {  # field: (values that change nothing, what to do)
    "frequency_penalty": ((0, 0.0), _PENALTY),
    "presence_penalty": ((0, 0.0), _PENALTY),
    "logit_bias": (({},), "leave it out"),
}
_OFF_CHAT = {
    **_OFF,
    "tools": (([],), _NO_TOOLS),
    "tool_choice": (("none", "auto"), _NO_TOOLS),
    "functions": (([],), _NO_TOOLS),
    "function_call": (("none", "auto"), _NO_TOOLS),
    "response_format": (({"type": "text"},), _PLAIN),
    "modalities": ((["text"],), _PLAIN),
    "audio": ((), _PLAIN),
    "prediction": ((), "leave it out"),
    "web_search_options": ((), "the model reads no web pages; leave it out"),
}
_OFF_COMPLETION = {
    **_OFF,
    "suffix": (("",), "the model continues texts and cannot insert; leave it out"),
    "echo": ((False,), "leave it out and put the prompt before the text"),
    "best_of": ((1,), "use n"),
}


@dataclass(frozen=True)
class Options:
    """Holds the fields of a request that both endpoints have.

    model: its name, None if the request has none. n: number of choices for each prompt. max_tokens: None for as many as
    there is room for. top_logprobs: number of alternatives with each token, None for no log probabilities. seed: of the
    first choice; the others have the numbers after it.
    """

    model: str | None
    sampling: Sampling
    seed: int | None
    max_tokens: int | None
    n: int
    stop: tuple[str, ...]
    top_logprobs: int | None
    stream: bool
    include_usage: bool


@dataclass(frozen=True)
class ChatRequest:
    """A request for chat. continue_ids: of the answer so far. use_tools: False for tool_choice "none".

    truncate: drop the oldest turns of a conversation that is too long.
    """

    options: Options
    conversation: list[Message]
    continue_ids: list[int]
    truncate: bool
    use_tools: bool


@dataclass(frozen=True)
class CompletionRequest:
    """A request for completions. prompts: texts or lists of ids, n choices for each."""

    options: Options
    prompts: list[str | list[int]]


def chat_request(values: dict[str, Any], n_vocab: int) -> ChatRequest:
    """Check the JSON of a request for chat. ApiError says which field is wrong."""
    fields = Fields(values)
    for name, (allowed, advice) in _OFF_CHAT.items():
        fields.refuse(name, allowed, advice)
    top = fields.whole("top_logprobs", 0, MOST_TOP_LOGPROBS)
    if fields.flag("logprobs"):
        top = top or 0
    elif top is not None:
        raise invalid("top_logprobs needs logprobs; set logprobs to true", "top_logprobs")
    options = _options(fields, fields.whole("max_completion_tokens", 1, MOST_TOKENS), top)
    continued = fields.get("continue_ids")
    return ChatRequest(
        options,
        _conversation(fields.get("messages")),
        [] if continued is None else ids(continued, "continue_ids", n_vocab),
        fields.flag("truncate"),
        fields.get("tool_choice") != "none",
    )


def completion_request(values: dict[str, Any], n_vocab: int) -> CompletionRequest:
    """Check the JSON of a request for completions. ApiError says which field is wrong."""
    fields = Fields(values)
    for name, (allowed, advice) in _OFF_COMPLETION.items():
        fields.refuse(name, allowed, advice)
    options = _options(fields, None, fields.whole("logprobs", 0, MOST_COMPLETION_LOGPROBS))
    prompts = _prompts(fields.get("prompt"), n_vocab)
    if len(prompts) * options.n > MOST_CHOICES:
        raise invalid(
            f"{len(prompts)} prompts with n = {options.n} are {len(prompts) * options.n} choices; "
            f"at most {MOST_CHOICES} are allowed",
            "prompt",
        )
    return CompletionRequest(options, prompts)


def _options(fields: Fields, max_tokens: int | None, top_logprobs: int | None) -> Options:
    """Read the fields that both kinds of requests have. max_tokens: if another field has set it."""
    temperature, penalty = fields.number("temperature", 0, 2), fields.number("repetition_penalty", 0.01, 100)
    top_p = fields.number("top_p", 0, 1)
    sampling = Sampling(
        1.0 if temperature is None else temperature,
        fields.whole("top_k", 0, MOST_TOKENS) or None,  # 0: all ids, as elsewhere
        LEAST_TOP_P if top_p == 0 else top_p,  # 0: only the most likely id
        fields.number("min_p", 0, 1) or None,
        1.0 if penalty is None else penalty,
    )
    stream, of_stream = fields.flag("stream"), fields.object("stream_options")
    if fields.get("stream_options") is not None and not stream:
        raise invalid("stream_options needs a stream; set stream to true, or leave it out", "stream_options")
    older = fields.whole("max_tokens", 1, MOST_TOKENS)
    return Options(
        model=fields.string("model"),
        sampling=sampling,
        seed=fields.whole("seed", -SEEDS, SEEDS - 1),
        max_tokens=older if max_tokens is None else max_tokens,
        n=fields.whole("n", 1, MOST_CHOICES) or 1,
        stop=fields.strings("stop", MOST_STOPS, LONGEST_STOP),
        top_logprobs=top_logprobs,
        stream=stream,
        include_usage=of_stream.flag("include_usage"),
    )


def _conversation(value: Any) -> list[Message]:
    """Check the messages of a request for chat. A message of the role "developer" is a system message."""
    if not isinstance(value, list):
        raise invalid("messages must be a list of messages", "messages", "invalid_type")
    if len(value) > MOST_MESSAGES:
        raise invalid(f"messages has {len(value)} messages; at most {MOST_MESSAGES} are allowed", "messages")
    renamed = [
        {**each, "role": "system"} if isinstance(each, dict) and each.get("role") == "developer" else each
        for each in value
    ]
    try:
        conversation = parse_conversation(renamed)
    except ConversationError as error:
        raise invalid(str(error), "messages") from None
    _check_length(sum(len(part.text) for message in conversation for part in message.parts), "messages")
    return conversation


def _prompts(value: Any, n_vocab: int) -> list[str | list[int]]:
    """Return the prompts of a request for completions: a text, texts, ids, or lists of ids; "" if it is missing."""
    if value is None or isinstance(value, str):
        prompts: list[Any] = [value or ""]
    elif isinstance(value, list) and value and type(value[0]) is int:
        prompts = [value]
    elif isinstance(value, list) and value:
        prompts = value
    else:
        raise invalid("prompt must be a string, a list of strings, a list of ids, or a list of such lists", "prompt")
    _check_length(sum(len(each) for each in prompts if isinstance(each, (str, list))), "prompt")
    return [unicode(each, "prompt") if isinstance(each, str) else ids(each, "prompt", n_vocab) for each in prompts]


def _check_length(length: int, name: str) -> None:
    if length > MOST_CHARACTERS:
        message = f"{name} has {length:,} characters; at most {MOST_CHARACTERS:,} are allowed"
        raise invalid(message, name, "string_above_max_length")


def check_model(name: str | None, served: str) -> None:
    """Raise ApiError 404 if a request asks for another model than the one that is served."""
    if name is not None and name != served:
        raise ApiError(
            404,
            f"there is no model {name[:100]!r}; this server has {served!r}: see GET /v1/models",
            "model_not_found",
            param="model",
        )
