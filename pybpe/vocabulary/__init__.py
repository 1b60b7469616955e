"""The four kinds of vocabulary, with their symbols and merges."""
