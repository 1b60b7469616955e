"""The compiled core. Private: use `pybpe.Tokenizer`."""
