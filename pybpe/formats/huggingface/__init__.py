"""Hugging Face's tokenizer.json, for models of type BPE.

A file holds five steps: normalizer, pre-tokenizer, model, post-processor (which adds BOS and the like) and decoder. The
first three become a Definition. The other two change no ids of a text; they are kept in `carried` and written back.
Tokens are bytes (ByteLevel), possibly with a mark at the ends of words as in CLIP; or characters, with U+2581 for
spaces, as in models converted from sentencepiece. Files that pybpe cannot serve exactly are refused with the reason.
"""

from pybpe.formats.huggingface.reader import from_json, read, read_config
from pybpe.formats.huggingface.writer import to_json, write

__all__ = ["from_json", "read", "read_config", "to_json", "write"]
