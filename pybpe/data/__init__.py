"""Data sets: readers of text files, and token shards, which are written once and read by memory map."""
