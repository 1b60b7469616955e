"""Training: a corpus to counts of words, and those to a vocabulary."""
