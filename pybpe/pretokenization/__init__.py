"""Splitting of text into words by regular expressions, most of which are compiled."""
