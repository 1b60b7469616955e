"""Text to words: regular expressions, compiled to automata, find where each word ends."""
