"""The GPT's forward pass and the order of its weights, for Cython alone; see src_ext/pybpe/gpt/architecture.pyx."""
