"""sentencepiece's own ways with text: its symbols, its words, and its maps of characters."""
