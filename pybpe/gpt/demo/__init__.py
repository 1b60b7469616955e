"""The demo: train a tokenizer and a small GPT on a text, and write a report."""
