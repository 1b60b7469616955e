"""Hugging Face's tokenizer.json, of BPE: exact, or refused with the reason.

A file holds five steps: a normal form, a split into words, the merging of words, what is put around the ids (BOS and
the like), and how ids become text. The first three are read into a Definition. The rest does not bear on the ids of a
text; it is carried along and written back. Tokens are of bytes (ByteLevel), perhaps with ends of words as CLIP's; or of
characters, with U+2581 for spaces, as in what was once a model of sentencepiece.
"""

from pybpe.formats.huggingface.reader import from_json, read, read_config
from pybpe.formats.huggingface.writer import to_json, write

__all__ = ["from_json", "read", "read_config", "to_json", "write"]
