"""Patterns that no compiled scanner knows: run as automata, in stages, or by the `regex` module."""
