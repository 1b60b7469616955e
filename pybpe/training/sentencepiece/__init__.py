"""What only training as sentencepiece does it needs."""
