"""A GPT to train on the ids of a tokenizer. It uses only public names of pybpe."""
