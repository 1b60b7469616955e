"""How often each word occurs in a corpus: counting, and keeping the counts."""
