"""The public encodings of tiktoken: their names, properties and rank files."""
