"""Decoding, and encoding of a text that grows at its end."""
