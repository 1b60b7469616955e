"""The companion GPT. It uses public names of pybpe only and knows nothing of how tokenization works."""
