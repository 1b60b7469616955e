"""File formats: one module each, with `read` and `write` between a file and a Definition."""
