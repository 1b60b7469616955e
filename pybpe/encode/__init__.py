"""Text to ids: special tokens, segments, words, offsets."""
