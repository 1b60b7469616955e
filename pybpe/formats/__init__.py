"""One module a file format, each with `read` and `write` between a file and a Definition."""
