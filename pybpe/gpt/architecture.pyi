"""The forward pass of the micro GPT and the order of its weights, used from Cython only."""

# See src_ext/pybpe/gpt/architecture.pyx.
