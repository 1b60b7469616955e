"""Counts of the words of a corpus, and their files."""
