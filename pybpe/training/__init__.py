"""Training: count the words of a corpus, then learn a vocabulary from the counts."""
