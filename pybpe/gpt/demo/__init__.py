"""The demonstration: from a text to a GPT that imitates it, and the page about that."""
