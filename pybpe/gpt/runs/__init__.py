"""Training runs of a GPT: their folders and reports."""
