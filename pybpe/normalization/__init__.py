"""Text to its normal form: Unicode forms, the steps of Hugging Face's normalizers, sentencepiece's maps."""
