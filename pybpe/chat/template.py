"""ChatTemplate: conversations to text by the Jinja template of a tokenizer, as in transformers.

    from pybpe.chat import ChatTemplate
    text = ChatTemplate.read("folder").render([{"role": "user", "content": "Hello"}], add_generation_prompt=True)
    ids = tok.encode(text, allowed_special="all")

It needs jinja2 (extra templates), but not transformers. A Tokenizer read from a folder has its template as
`chat_template`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pybpe.errors import ChatTemplateError, FormatError
from pybpe.formats.helpers.byte_level import read_text
from pybpe.formats.huggingface import read_config
from pybpe.util.files import PathLike

MAX_TEMPLATE = 1 << 20  # characters
_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_REASONING = ("reasoning_content", "thinking", "reasoning")  # synonyms; templates read the first or the second
_MARK = "PYBPE_CONTINUES_HERE "
_MAX_DEPTH = 100

Message = Mapping[str, Any]


class ChatTemplate:
    """The chat template of a tokenizer, or several by name. Immutable; threads may share one.

    templates: one template, or {name: template}. variables: {name: value} for the templates, such as special tokens.
    Raises FormatError for a template that is not a str or has more than MAX_TEMPLATE characters.
    """

    def __init__(self, templates: str | Mapping[str, str], variables: Mapping[str, Any] | None = None) -> None:
        self.templates = {"default": templates} if isinstance(templates, str) else dict(templates)
        self.variables = dict(variables or {})
        for name, content in self.templates.items():
            if not isinstance(content, str) or len(content) > MAX_TEMPLATE:
                raise FormatError(f"the chat template {name!r} is no text of at most {MAX_TEMPLATE:,} characters")

    @classmethod
    def read(cls, path: PathLike) -> ChatTemplate:
        """Read the template from a tokenizer_config.json, a chat_template.jinja, or a folder with one of them.

        Raises FormatError if there is none, OSError if it cannot be read.
        """
        where = Path(path)
        if not where.exists():
            raise FileNotFoundError(f"there is no {path}")
        if where.suffix == ".jinja":
            return cls(read_text(where))
        made = cls.from_config(read_config(where.parent if where.is_file() else where))
        if made is None:
            raise FormatError(f"{path} holds no chat template")
        return made

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ChatTemplate | None:
        """Return the template in a tokenizer_config.json, None if there is none. Raises FormatError."""
        templates = config.get("chat_template")
        if isinstance(templates, list):
            try:
                templates = {entry["name"]: entry["template"] for entry in templates}
            except (TypeError, KeyError):
                raise FormatError("the chat templates are not a list of objects with name and template") from None
        if templates is None:
            return None
        if not isinstance(templates, (str, dict)):
            raise FormatError(f"the chat template is a {type(templates).__name__}, not a text")
        extra = config.get("extra_special_tokens")
        named = {**(extra if isinstance(extra, dict) else {}), **config}
        names = [
            name for name in named if name.endswith("_token") and (name in _TOKENS or isinstance(named[name], str))
        ]
        tokens = {name: _content(named[name]) for name in names}
        return cls(templates, {name: token for name, token in tokens.items() if token is not None})

    def render(
        self,
        messages: Iterable[Message],
        *,
        tools: list[dict[str, Any]] | None = None,
        documents: list[dict[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool | str = False,
        template: str | None = None,
        **variables: Any,
    ) -> str:
        """Return the text of a conversation.

        messages: dicts with "role", "content", and any other fields that the template reads.
        tools: JSON schemas. documents: dicts with "title" and "text".
        add_generation_prompt: True to end the text with the start of the assistant's answer.
        continue_final_message: True to end the text within the last message, after its content; or the name of another
            field of that message.
        template: the name of one of several templates; None for "tool_use" if there are tools and such a template, else
            "default".
        variables: other variables that the template reads.

        Raises ChatTemplateError if the template has an error, refuses the messages, or exceeds the limits.
        """
        if continue_final_message and add_generation_prompt:
            raise ValueError("a text that continues its last message cannot also begin a new one")
        chat = _read_chat(messages)
        field = "content" if continue_final_message is True else continue_final_message
        last = _mark(chat[-1], field) if field else None
        text, _ = self._render(template, chat, tools, documents, add_generation_prompt, variables)
        return text if last is None else _until_mark(text, last)

    def render_with_spans(
        self,
        messages: Iterable[Message],
        *,
        tools: list[dict[str, Any]] | None = None,
        documents: list[dict[str, Any]] | None = None,
        template: str | None = None,
        **variables: Any,
    ) -> tuple[str, list[tuple[int, int]]]:
        """Return (text, [(start, end)]): as `render`, with the spans of `{% generation %}` blocks in characters."""
        return self._render(template, _read_chat(messages), tools, documents, False, variables)

    def _render(
        self, name: str | None, chat: list[Any], tools: Any, documents: Any, prompt: bool, variables: dict[str, Any]
    ) -> tuple[str, list[tuple[int, int]]]:
        from pybpe.chat import sandbox

        given = _plain({**self.variables, **variables})
        schemas = None if tools is None else [_schema(tool) for tool in tools]
        try:
            compiled = _compiled(self._choose(name, tools is not None))
            with sandbox.running() as run:
                blocks = []
                for block in compiled.generate(
                    messages=chat, tools=schemas, documents=_plain(documents), add_generation_prompt=prompt, **given
                ):
                    blocks.append(block)
                    run.length += len(block)
                return sandbox.Environment.concat(blocks), run.spans
        except sandbox.jinja2.exceptions.TemplateSyntaxError as error:
            raise ChatTemplateError(f"the chat template, line {error.lineno}: {error.message}") from None
        except RecursionError:
            raise ChatTemplateError("the chat template: its macros call each other too deeply") from None
        except (sandbox.jinja2.exceptions.TemplateError, TypeError, ValueError, LookupError) as error:
            raise ChatTemplateError(f"the chat template: {str(error)[:1000] or type(error).__name__}") from error
        except (AttributeError, ArithmeticError, AssertionError, MemoryError) as error:
            raise ChatTemplateError(f"the chat template: {str(error)[:1000] or type(error).__name__}") from error

    def _choose(self, name: str | None, with_tools: bool) -> str:
        """Return the template of a name; for None, the one that transformers takes. Raises ChatTemplateError."""
        if name is None:
            name = "tool_use" if with_tools and "tool_use" in self.templates else "default"
        if name not in self.templates:
            raise ChatTemplateError(f"there is no template {name!r}; pass template=, one of {sorted(self.templates)}")
        return self.templates[name]

    def __repr__(self) -> str:
        return f"<ChatTemplate of {', '.join(sorted(self.templates))}>"


@functools.lru_cache(maxsize=16)
def _compiled(template: str) -> Any:
    from pybpe.chat.sandbox import Environment

    return Environment().from_string(template)


def _content(token: Any) -> str | None:
    """Return the text of a special token, which is a str or a dict with its flags; None for any other value."""
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def _schema(tool: Any) -> Any:
    if not isinstance(tool, dict):
        raise TypeError(f"a tool must be a dict, its JSON schema, not {type(tool).__name__}")
    return _plain(tool)


def _read_chat(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return the messages as new dicts of plain data, without fields that are None. Raises TypeError or ValueError."""
    if isinstance(messages, (str, bytes, Mapping)):
        raise TypeError(f"messages must be a list of messages, not one {type(messages).__name__}")
    chat = [_plain(message) for message in messages]
    if not chat:
        raise ValueError("there are no messages; a template needs at least one")
    for number, message in enumerate(chat):
        if not isinstance(message, dict):
            raise TypeError(f"message {number} must be a dict with role and content, not {type(message).__name__}")
        chat[number] = message = {key: value for key, value in message.items() if value is not None}
        reasoning = next((message[name] for name in _REASONING if name in message), None)
        if reasoning is not None:
            chat[number] = {"thinking": reasoning, **message, "reasoning_content": reasoning}
    return chat


def _plain(value: Any, depth: int = 0) -> Any:
    """Convert a value to types of JSON only: a template could call the methods of other objects."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"the messages are nested more than {_MAX_DEPTH} deep")
    if value is None or type(value) in (str, int, float, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value) if kind is not str else str.__str__(value)
    if isinstance(value, Mapping):
        return {_plain(key, depth + 1): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(each, depth + 1) for each in value) if type(value) in (list, tuple) else list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)}
    return f"<{type(value).__name__}>"


def _mark(message: dict[str, Any], field: str) -> str:
    """Append a mark to the text of a message that is to be continued, and return the text without it."""
    fields = (
        [name for name in _REASONING if message.get(name) == message.get(field)] if field in _REASONING else [field]
    )
    content = message.get(field)
    if isinstance(content, list):
        part = next((part for part in reversed(content) if isinstance(part, dict) and "text" in part), None)
        if part is None:
            raise ValueError("the last message has no text that could be continued")
        text = part["text"]
        part["text"] = text + _MARK
        return str(text)
    if not isinstance(content, str):
        raise ValueError(f"the last message has no {field!r} that could be continued")
    message.update(dict.fromkeys(fields, content + _MARK))
    return content


def _until_mark(text: str, last: str) -> str:
    """Return the text before the mark, stripped on the right if the template strips the message."""
    place = text.rfind(_MARK.strip())
    if place < 0 or last.strip() not in text:
        raise ChatTemplateError("the chat template does not write the last message as it is, so it cannot be continued")
    kept = text[:place]
    return kept if text.startswith(_MARK, place) else kept.rstrip()
