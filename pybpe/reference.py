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

Training, by hand. The text splits into the words "low", " lower", " lowest" and " low"; the pairs of neighbours that
occur most often are (l, o) and (o, w), four times each. Of equal counts the pair with the smaller ids goes first, and l
is 108, o is 111: (108, 111) becomes token 256, "lo". Now (256, w) occurs four times and becomes 257, "low"; then
(space, 257) occurs three times and becomes 258, " low".

Encoding replays that on a new text: split it into words, turn each into bytes, and apply the merges in the order in
which they were learned. Decoding is a table: each id stands for the bytes of its two parts.
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
    """Return the text as UTF-8; bytes are returned as they are.

    A str may hold lone surrogates, halves of a character that UTF-8 cannot express. Each becomes U+FFFD.

    >>> to_bytes("aé"), to_bytes("\\ud83d!"), to_bytes(b"\\xff")
    (b'a\\xc3\\xa9', b'\\xef\\xbf\\xbd!', b'\\xff')
    """
    if isinstance(text, bytes):
        return text
    # Through UTF-16, where surrogates are legal: two halves that belong together become one character again, and what
    # is left alone is replaced.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def split(text: str | bytes, pattern: str = GPT4_PATTERN) -> list[bytes]:
    """Split text into words, which joined give the text again.

    A part that the pattern does not match is a word of its own. Of several patterns with U+001E between them, each
    splits the words of the one before. Bytes that are not UTF-8 count as characters that are no letter, no digit and
    no white space.

    >>> split("It's 2024!")
    [b'It', b"'s", b' ', b'202', b'4', b'!']
    >>> split("ab12cd", r"[a-z]+")  # the digits match nothing
    [b'ab', b'12', b'cd']
    >>> split("ab12", r"[a-z]+|[0-9]+" + "\\x1e" + r".")  # first into letters and digits, then these into characters
    [b'a', b'b', b'1', b'2']
    """
    # "surrogateescape" turns a byte that is not UTF-8 into one character (a lone surrogate), and back at the end.
    words = [to_bytes(text).decode("utf-8", "surrogateescape")]
    for stage in pattern.split("\x1e"):
        words = [part for word in words for part in split_once(word, stage)]
    return [word.encode("utf-8", "surrogateescape") for word in words]


def split_once(text: str, pattern: str) -> list[str]:
    """Return the matches of one pattern in a text, and the parts between them, in order; none is empty."""
    words, end = [], 0
    for match in regex.finditer(pattern, text):
        words += [text[end : match.start()], match.group()]  # what was skipped, then what matched
        end = match.end()
    return [word for word in (*words, text[end:]) if word]


def merge(ids: list[int], pair: Pair, token: int) -> list[int]:
    """Return the ids with every occurrence of `pair` replaced by `token`.

    From left to right, because occurrences can overlap:

    >>> merge([97, 97, 97], (97, 97), 256)  # "aaa": the first two merge, the third is left
    [256, 97]
    """
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:  # at the last id the slice has one element, and is no pair
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
    """Learn up to `n_merges` merges from texts. Of pairs with equal counts, the one with the smaller ids goes first.

    min_count: stop where the most frequent pair occurs less often.
    by_place: of pairs with equal counts, the one goes first that comes first in the text as it is merged so far. This
        is the trainer of minbpe (Karpathy, 2024): `max` over a dict of counts, which holds pairs in the order in which
        they were met.

    Fewer merges are learned where every word has become one token.

    "aaab" twice and "aab" once: (a, a) occurs 2 + 2 + 1 times and (a, b) three times. Merged, the words are aa-a-b and
    aa-b, where (aa, a) and (a, b) occur twice each; the smaller ids go first.

    >>> train(["aaab", "aaab", "aab"], n_merges=2)
    {(97, 97): 256, (97, 98): 257}
    >>> train(["zy ab"], n_merges=1), train(["zy ab"], n_merges=1, by_place=True)
    ({(32, 97): 256}, {(122, 121): 256})
    """
    # Equal words are counted, not repeated: a corpus has far fewer different words than words. Words keep the order of
    # their first occurrence, so the first place of a pair among them is its first place in the text.
    counts = Counter(word for text in texts for word in split(text, pattern))
    words = [(list(word), count) for word, count in counts.items()]  # iterating over bytes gives ids 0..255
    merges: dict[Pair, int] = {}
    while len(merges) < n_merges:
        # Count all pairs of neighbours. A pair in a word that occurs 7 times counts 7 times.
        pairs: Counter[Pair] = Counter()
        for ids, count in words:
            for pair in zip(ids, ids[1:], strict=False):
                pairs[pair] += count
        if not pairs:
            break  # every word is one token
        # Choose the most frequent pair.
        best = max(pairs, key=pairs.__getitem__)  # of several, the one that was met first
        if not by_place:
            best = min(pair for pair in pairs if pairs[pair] == pairs[best])
        if pairs[best] < min_count:
            break
        # It becomes the next token, in every word. (The compiled trainer updates only the counts that change.)
        token = 256 + len(merges)
        merges[best] = token
        words = [(merge(ids, best, token), count) for ids, count in words]
    return merges


def encode_word(word: bytes, merges: Merges) -> list[int]:
    """Return the ids of one word: merge as training would have, always the pair that was learned first.

    The order matters. With "bc" learned before "ab", "abc" becomes a and bc, although ab stands further left:

    >>> encode_word(b"abc", {(98, 99): 256, (97, 98): 257})
    [97, 256]
    """
    order = {pair: rank for rank, pair in enumerate(merges)}
    ids = list(word)
    while len(ids) > 1:
        # The neighbours whose merge was learned first; pairs without a merge come last.
        best = min(zip(ids, ids[1:], strict=False), key=lambda pair: order.get(pair, len(order)))
        if best not in merges:
            break
        ids = merge(ids, best, merges[best])
    return ids


def encode_ordinary(text: str | bytes, merges: Merges, pattern: str = GPT4_PATTERN) -> list[int]:
    """Encode text to ids; strings that look like special tokens are text like any other."""
    return [token for word in split(text, pattern) for token in encode_word(word, merges)]


def encode(
    text: str, merges: Merges, pattern: str = GPT4_PATTERN, special_tokens: Mapping[str, int] | None = None
) -> list[int]:
    """Encode text to ids; each special token in the text becomes its id. Of two that match, the longer.

    Text before and after a special token is encoded on its own: nothing merges across it.

    >>> encode("hi<|end|>", {(104, 105): 256}, special_tokens={"<|end|>": 257})
    [256, 257]
    """
    specials = special_tokens or {}
    if not specials:
        return encode_ordinary(text, merges, pattern)
    names = sorted(specials, key=len, reverse=True)  # an alternation takes the first that matches: longest first
    ids: list[int] = []
    # With a group in the pattern, split returns what is between the special tokens and the special tokens themselves.
    for part in regex.split("(" + "|".join(map(regex.escape, names)) + ")", text):
        ids += [specials[part]] if part in specials else encode_ordinary(part, merges, pattern)
    return ids


def token_bytes(merges: Merges, special_tokens: Mapping[str, int] | None = None) -> dict[int, bytes]:
    """Return the bytes of every id: the 256 bytes, then the merges, then the special tokens.

    >>> token_bytes({(97, 98): 256, (256, 99): 257}, {"<s>": 258})[257]
    b'abc'
    """
    tokens = {i: bytes([i]) for i in range(256)}
    for (left, right), token in merges.items():  # in learned order, so both parts are known already
        tokens[token] = tokens[left] + tokens[right]
    return tokens | {token: name.encode() for name, token in (special_tokens or {}).items()}


def decode_bytes(ids: Iterable[int], merges: Merges, special_tokens: Mapping[str, int] | None = None) -> bytes:
    """Return the bytes that ids stand for; for ids that `encode` made, the bytes of the text."""
    tokens = token_bytes(merges, special_tokens)
    return b"".join(tokens[token] for token in ids)


def decode(ids: Iterable[int], merges: Merges, special_tokens: Mapping[str, int] | None = None) -> str:
    """Decode ids to text; bytes that are not UTF-8 become U+FFFD.

    A token may end in the middle of a character, so ids that were cut need not be UTF-8:

    >>> ids = encode("é", {})
    >>> ids, decode(ids, {}), decode(ids[:1], {})
    ([195, 169], 'é', '\ufffd')
    """
    return decode_bytes(ids, merges, special_tokens).decode("utf-8", "replace")
