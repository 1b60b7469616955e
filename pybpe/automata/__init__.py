"""Patterns compiled to automata: characters in sets, the syntax tree, the graph of its steps, tables of states."""
