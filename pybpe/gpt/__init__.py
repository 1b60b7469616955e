"""A GPT to train on the ids of a tokenizer; it uses only public names of pybpe."""
