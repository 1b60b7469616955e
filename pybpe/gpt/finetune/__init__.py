"""Fine-tuning of a GPT on conversations: packed into rows, with a loss on what the assistant says."""
