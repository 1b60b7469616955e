"""Data sets: token shards on disk, written once and read by memory map."""
