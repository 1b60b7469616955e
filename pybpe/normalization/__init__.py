"""Normalization of text: Unicode forms, the steps of Hugging Face's normalizers, sentencepiece's maps."""
