"""Conversations to text, by templates that come with tokenizers."""

from pybpe.chat.template import ChatTemplate

__all__ = ["ChatTemplate"]
