"""The compiled core, which is private: use `pybpe.Tokenizer`."""
