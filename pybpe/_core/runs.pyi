"""Merging a word of few long runs of one byte. Used from compiled code only."""
