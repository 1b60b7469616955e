"""Training as sentencepiece does it."""
