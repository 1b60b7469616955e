"""Readers of the documents in text, .jsonl and .parquet files, compressed or not, in bounded memory."""
