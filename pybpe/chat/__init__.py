"""Conversations to text, by templates that come with tokenizers."""
