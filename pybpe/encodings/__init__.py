"""The public encodings of tiktoken: which there are, and their rank files."""
