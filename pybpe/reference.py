"""Byte-level byte-pair encoding, all of it, in plain Python.

This file is the specification: slow, short, and the judge of every compiled function. Nothing in pybpe falls back to
it. It needs only the `regex` module, for the classes \\p{L} and \\p{N} that Python's `re` does not know.

The idea, from Gage (1994) and Sennrich et al. (2016): start with the 256 bytes as tokens, and again and again make a
new token of the two neighbours that occur most often. Text is first split into words, and no token crosses a word, or
the vocabulary would fill with "dog." and "dog!" and "dog?".

    >>> merges = train(["low lower lowest low"], n_merges=3)
    >>> [token_bytes(merges)[256 + i] for i in range(3)]
    [b'lo', b'low', b' low']
    >>> encode("low lows", merges)
    [257, 258, 115]
    >>> decode([257, 258, 115], merges)
    'low lows'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import regex

# How GPT-4 splits text, as rustbpe and nanochat write it. In order: English contractions; letters, with one character
# of another kind before them (mostly the space); up to three digits; punctuation with its newlines; white space that
# ends in newlines; white space but for its last character, which the next word takes; any other white space.
GPT4_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)

Pair = tuple[int, int]
Merges = Mapping[Pair, int]  # (left, right) -> the id they become, in the order in which they were learned


def to_bytes(text: str | bytes) -> bytes:
    """UTF-8. A str may hold lone surrogates, halves of a character, which become U+FFFD; bytes are left alone."""
    if isinstance(text, bytes):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def split(text: str | bytes, pattern: str = GPT4_PATTERN) -> list[bytes]:
    """Cut text into words. What the pattern does not match is a word of its own, so that nothing is lost.

    Bytes that are not UTF-8 count as characters that are no letter, no digit and no space. Of several patterns, with
    U+001E between them, each splits the words of the one before.
    """
    words = [to_bytes(text).decode("utf-8", "surrogateescape")]
    for stage in pattern.split("\x1e"):
        words = [part for word in words for part in split_once(word, stage)]
    return [word.encode("utf-8", "surrogateescape") for word in words]


def split_once(text: str, pattern: str) -> list[str]:
    """The matches of one pattern in a text, and what is between them."""
    words, end = [], 0
    for match in regex.finditer(pattern, text):
        words += [text[end : match.start()], match.group()]
        end = match.end()
    return [word for word in (*words, text[end:]) if word]


def merge(ids: list[int], pair: Pair, token: int) -> list[int]:
    """Replace every occurrence of `pair` by `token`, from left to right: in "aaa" the first two."""
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(token)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


def train(
    texts: Iterable[str | bytes],
    n_merges: int,
    pattern: str = GPT4_PATTERN,
    min_count: int = 1,
    by_place: bool = False,
) -> dict[Pair, int]:
    """Learn up to `n_merges` merges. Of pairs with equal counts, the one with the smaller ids goes first.

    by_place: the one goes first that comes first in the text as it is merged so far. That is the trainer of minbpe
        (Karpathy, 2024): `max` over a dict of counts, which holds pairs in the order in which they were met.

    Equal words are counted, not repeated: a corpus has far fewer different words than words. Words keep the order of
    their first occurrence, so the first place of a pair among them is its first place in the text.
    """
    counts = Counter(word for text in texts for word in split(text, pattern))
    words = [(list(word), count) for word, count in counts.items()]
    merges: dict[Pair, int] = {}
    while len(merges) < n_merges:
        pairs: Counter[Pair] = Counter()
        for ids, count in words:
            for pair in zip(ids, ids[1:], strict=False):
                pairs[pair] += count
        if not pairs:
            break  # every word is one token
        best = max(pairs, key=pairs.__getitem__)  # of several, the one that was met first
        if not by_place:
            best = min(pair for pair in pairs if pairs[pair] == pairs[best])
        if pairs[best] < min_count:
            break
        token = 256 + len(merges)
        merges[best] = token
        words = [(merge(ids, best, token), count) for ids, count in words]
    return merges


def encode_word(word: bytes, merges: Merges) -> list[int]:
    """Merge one word as training would have: always the pair that was learned first."""
    order = {pair: rank for rank, pair in enumerate(merges)}
    ids = list(word)
    while len(ids) > 1:
        best = min(zip(ids, ids[1:], strict=False), key=lambda pair: order.get(pair, len(order)))
        if best not in merges:
            break
        ids = merge(ids, best, merges[best])
    return ids


def encode_ordinary(text: str | bytes, merges: Merges, pattern: str = GPT4_PATTERN) -> list[int]:
    """Text to ids; strings that look like special tokens are text like any other."""
    return [token for word in split(text, pattern) for token in encode_word(word, merges)]


def encode(
    text: str, merges: Merges, pattern: str = GPT4_PATTERN, special_tokens: Mapping[str, int] | None = None
) -> list[int]:
    """Text to ids, where each special token in the text becomes its id; of two that match, the longer."""
    specials = special_tokens or {}
    if not specials:
        return encode_ordinary(text, merges, pattern)
    names = sorted(specials, key=len, reverse=True)
    ids: list[int] = []
    for part in regex.split("(" + "|".join(map(regex.escape, names)) + ")", text):
        ids += [specials[part]] if part in specials else encode_ordinary(part, merges, pattern)
    return ids


def token_bytes(merges: Merges, special_tokens: Mapping[str, int] | None = None) -> dict[int, bytes]:
    """The bytes of every id: the 256 bytes, then each merge the bytes of its two parts, then the special tokens."""
    tokens = {i: bytes([i]) for i in range(256)}
    for (left, right), token in merges.items():
        tokens[token] = tokens[left] + tokens[right]
    return tokens | {token: name.encode() for name, token in (special_tokens or {}).items()}


def decode_bytes(ids: Iterable[int], merges: Merges, special_tokens: Mapping[str, int] | None = None) -> bytes:
    """Ids to the bytes they stand for; for ids that `encode` made, the bytes of the text."""
    tokens = token_bytes(merges, special_tokens)
    return b"".join(tokens[token] for token in ids)


def decode(ids: Iterable[int], merges: Merges, special_tokens: Mapping[str, int] | None = None) -> str:
    """Ids to text. Ids can be cut in the middle of a character; what is not UTF-8 becomes U+FFFD."""
    return decode_bytes(ids, merges, special_tokens).decode("utf-8", "replace")
