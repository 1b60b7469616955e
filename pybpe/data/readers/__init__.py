"""Readers: the documents of a file, whatever it is packed in, in bounded memory."""
