"""Evaluation of how well a tokenizer compresses text, as plain data and as a report."""
