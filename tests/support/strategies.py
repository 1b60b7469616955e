"""Hypothesis strategies: texts that sit on the boundaries of splitting and merging."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from pybpe._core.unicode import classes

# One or more of every class that a pattern tells apart, and what UTF-8 makes long.
BOUNDARY = (
    " '\n\r\t\x0b\x1c\x85\xa0　 sStTmMdDlLvVeErRſK019²٣Ⅷ.,-_/!()\"aZéßÉǅʰªあ中字한\u0301\u200d🙂\x00\x7f\u0378\ufffd"
)

boundary_text = st.text(st.sampled_from(BOUNDARY), max_size=40)


@cache
def _is_16(char: str) -> bool:
    """Whether every Unicode version from 16.0 on classes a character alike: it has a class, and kept it."""
    return bool(classes(ord(char))) and char != "ʕ"


def _are_16(content: bytes) -> bool:
    """Whether that is so of all characters that bytes happen to be; controls have no class in any version."""
    chars = content.decode("utf-8", "surrogateescape")
    return all(char < "\u0370" or "\ud800" <= char <= "\udfff" or _is_16(char) for char in chars)


# Characters beyond Unicode 16.0 are left out where the `regex` module, which knows a later version, is the judge.
any_text = st.text(st.characters(exclude_categories=["Cs", "Cn"]).filter(_is_16), max_size=60)
text = st.one_of(boundary_text, any_text)
messy_bytes = st.one_of(
    st.binary(max_size=60).filter(_are_16),
    text.map(str.encode),
    st.builds(bytes.__add__, st.binary(max_size=8).filter(_are_16), text.map(str.encode)),
)

# Few letters, many repeats: nearly every round of training is a tie.
tiny_corpus = st.lists(st.text("ab ", max_size=12), min_size=1, max_size=8).filter(lambda texts: any(texts))

# All trainers. minbpe and tiktoken raise TrainingError where pairs are wanting.
CONVENTIONS = ["pybpe", "rustbpe", "huggingface", "minbpe", "tiktoken"]
