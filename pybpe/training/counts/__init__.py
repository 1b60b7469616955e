"""Word counts of a corpus, and the files that store them."""
