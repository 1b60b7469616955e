"""Merging of a word that consists of few long runs of one byte. Only compiled code uses it."""
