"""Chat templates: conversations to text, by the Jinja template of a tokenizer."""

from pybpe.chat.template import ChatTemplate

__all__ = ["ChatTemplate"]
