"""The runs of training a GPT: their folders, and the page of each."""
