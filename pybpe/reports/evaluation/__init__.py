"""Evaluation: how well a tokenizer compresses which text, as plain data and as a page."""
