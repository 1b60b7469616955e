"""Split patterns by name, and the choice of their splitter: scanner, automaton, or regex module.

The three split UTF-8 bytes into words by the same rules: classes of Unicode 16.0, words that cover the text without a
gap, and bytes that are not UTF-8 as characters in no class.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pybpe._core.split import SchemeSplitter, find_cut
from pybpe._core.splitter import Splitter
from pybpe.pretokenization.stages import join_stages, stages_of

if TYPE_CHECKING:
    from pybpe.pretokenization.regex_splitter import RegexSplitter

# The patterns are written as in their projects, because files and other libraries hold them; some are equivalent.
GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
GPT2_ORIGINAL = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
CL100K = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|"""
    r"""\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
GPT4 = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|"""
    r"""\s*[\r\n]|\s+(?!\S)|\s+"""
)
NANOCHAT = GPT4.replace("{1,3}", "{1,2}")
O200K = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)

LLAMA3 = (
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"""
    r"""\s*[\r\n]+|\s+(?!\S)|\s+"""
)
QWEN2 = LLAMA3.replace("{1,3}", "")
QWEN35 = (
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"""
    r"""\s*[\r\n]+|\s+(?!\S)|\s+"""
)
TEKKEN = O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")
KIMI = r"[\p{Han}]+|" + O200K.replace(r"\p{M}]", r"\p{M}&&[^\p{Han}]]").replace("/]*", "]*")
BLOOM = r" ?[^(\s|.,!?…。，、।۔،)]+"
# Its matches cover everything but white space.
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
STARCODER = join_stages((r"\p{N}", GPT2_ORIGINAL))
DEEPSEEK_V3 = join_stages(
    (
        r"\p{N}{1,3}",
        r"[一-龥぀-ゟ゠-ヿ]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
        r""" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
    )
)

WHOLE = r"[\s\S]+"  # every text is one word

# Limits for untrusted patterns: a regex engine allocates memory for each repetition that it expands.
MAX_PATTERN = 100_000  # characters
MAX_WRITTEN_OUT = 100_000  # parts after expansion
_PART = re.compile(
    r"(?P<open>\()|(?P<close>\))|(?P<count>\{(?P<least>[0-9]*)(?:,(?P<most>[0-9]*))?\})"
    r"|\\[pPxuUN]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|[^\\\]])*\]|.",
    re.DOTALL,
)

PATTERNS = {
    "gpt2": GPT2,
    "gpt4": GPT4,
    "cl100k": CL100K,
    "o200k": O200K,
    "llama3": LLAMA3,
    "qwen2": QWEN2,
    "nanochat": NANOCHAT,
    "qwen3.5": QWEN35,
    "tekken": TEKKEN,
    "kimi": KIMI,
    "starcoder": STARCODER,
    "deepseek-v3": DEEPSEEK_V3,
    "bloom": BLOOM,
    "whole": WHOLE,
}
# Other names for a pattern: projects that use the pattern of another.
ALIASES = {
    "olmo3": "llama3",
    "qwen3": "qwen2",
    "qwen35": "qwen3.5",
    "nemotron": "tekken",
    "deepseek_v3": "deepseek-v3",
}
# {word that is often used for a pattern: name of the pattern}
_MEANT = {"none": "whole", "r50k_base": "gpt2", "p50k_base": "gpt2", "p50k_edit": "gpt2", "gpt3": "gpt2"}
_WORD = re.compile(r"[\w.-]*\w\w[\w.-]*")  # a pattern that may be meant as a name

# split.pxd documents the parameters.
_GPT2_SCHEME: dict[str, Any] = {
    "contractions": 1,
    "cased_letters": False,
    "any_letter_prefix": False,
    "digit_group": 0,
    "newline_tail": False,
    "slash_tail": False,
    "newline_runs": False,
    "whole_trailing_space": False,
}
_GPT4_SCHEME: dict[str, Any] = {
    **_GPT2_SCHEME,
    "contractions": 2,
    "any_letter_prefix": True,
    "digit_group": 3,
    "newline_tail": True,
    "newline_runs": True,
}
_SCHEMES: dict[str, dict[str, Any]] = {
    GPT2: _GPT2_SCHEME,
    GPT2_ORIGINAL: _GPT2_SCHEME,
    GPT4: _GPT4_SCHEME,
    CL100K: {**_GPT4_SCHEME, "whole_trailing_space": True},
    O200K: {**_GPT4_SCHEME, "cased_letters": True, "slash_tail": True},
    LLAMA3: _GPT4_SCHEME,
    QWEN2: {**_GPT4_SCHEME, "digit_group": 1},
    NANOCHAT: {**_GPT4_SCHEME, "digit_group": 2},
    TEKKEN: {**_GPT4_SCHEME, "contractions": 0, "cased_letters": True, "digit_group": 1, "slash_tail": True},
}


@dataclass(frozen=True)
class Split:
    """A pattern and its splitter.

    scanner: the compiled splitter, None if the regex module splits. fallback: the splitter by the regex module, None if
        compiled code splits.
    kind, reason: the kind of splitter, and why it was chosen.
    cut: a function that returns the last safe cut of a text, at which both parts split as the whole, whatever text
        follows; it returns 0 if there is none. None if no safe cuts are known.
    """

    pattern: str
    kind: Literal["scanner", "dfa", "regex"]
    scanner: Splitter | None
    fallback: RegexSplitter | None
    reason: str
    cut: Callable[[bytes], int] | None

    def split(self, text: bytes) -> list[bytes]:
        """Return the words of UTF-8 `text`; joined they are `text`."""
        return (self.scanner or self.fallback).split(text)  # type: ignore[union-attr]


@functools.lru_cache(maxsize=64)
def prepare(pattern: str) -> Split:
    """Return the splitter for a pattern given by name or as a regular expression; ValueError if it is neither."""
    text = resolve(pattern)
    scheme = _SCHEMES.get(text)
    if scheme is not None:
        reason = "a known family, split by the compiled scanner"
        return Split(text, "scanner", SchemeSplitter(**scheme), None, reason, find_cut)
    return _compiled(text)


def _compiled(pattern: str) -> Split:
    """Return the splitter of a pattern of no known family: an automaton if possible, else the regex module."""
    from pybpe.pretokenization.dfa import compile_stages
    from pybpe.pretokenization.parser import UnsupportedError  # here, because few patterns need it

    try:
        automaton = compile_stages(stages_of(pattern))
    except UnsupportedError as error:
        reason = f"{error}: split by the regex module in its own dialect"
        return Split(pattern, "regex", None, _fallback(pattern), reason, None)
    cut = automaton.find_cut if automaton.can_cut else None
    return Split(pattern, "dfa", automaton, None, "compiled to an automaton", cut)


def _fallback(pattern: str) -> RegexSplitter:
    """Return the splitter by the regex module.

    Raises ValueError for a pattern that is not a valid regular expression, or that would take too much memory.
    """
    import regex

    from pybpe.pretokenization.regex_splitter import RegexSplitter

    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"the pattern has {len(pattern):,} characters, and {MAX_PATTERN:,} are allowed")
    if written_out(pattern) > MAX_WRITTEN_OUT:
        raise ValueError(f"the pattern repeats things more than {MAX_WRITTEN_OUT:,} times; write smaller counts")
    try:
        return RegexSplitter(pattern)
    except (regex.error, OverflowError) as error:
        raise ValueError(f"the pattern is not a valid regular expression: {error}") from None
    except RecursionError:
        raise ValueError("the pattern is nested too deeply; write it with fewer groups within groups") from None


def written_out(pattern: str) -> int:
    """Return about the number of parts of a pattern after the expansion of its counted repetitions."""
    totals, last = [0], 0
    for part in _PART.finditer(pattern):
        if part["open"]:
            totals.append(0)
        elif part["close"]:
            last = totals.pop() if len(totals) > 1 else 0
            totals[-1] += last
        elif part["count"]:
            count = max(int(number[:9]) for number in (part["least"], part["most"], "1") if number)
            totals[-1] += last * (count - 1)
            last *= count
        else:
            totals[-1] += 1
            last = 1
        last = max(last, 1)
    return sum(totals)


def resolve(pattern: str) -> str:
    """Return the regular expression of a name, or `pattern` itself if it is a regular expression.

    Raises ValueError for an empty pattern, and for a word that is almost a name and probably a mistake.
    """
    name = ALIASES.get(pattern, pattern)
    if name in PATTERNS:
        return PATTERNS[name]
    if not pattern:
        raise ValueError("the pattern is empty; to keep text whole, use the pattern 'whole'")
    if meant := _meant(pattern):
        raise ValueError(
            f"there is no pattern named {pattern!r}; did you mean {meant!r}? The names are {', '.join(PATTERNS)}. To "
            f"split by this very word, write it as the regular expression '(?:{pattern})'"
        )
    return pattern


def as_regex(pattern: str) -> str:
    """Return a regular expression, from a file for example, in a form that `resolve` never takes for a name.

    >>> as_regex("gpt2"), as_regex("ab"), as_regex(r"\\w+")
    ('(?:gpt2)', 'ab', '\\\\w+')
    """
    is_name = pattern in PATTERNS or pattern in ALIASES or _meant(pattern) is not None
    return f"(?:{pattern})" if is_name else pattern


def _meant(word: str) -> str | None:
    """Return the name of a pattern that a word resembles; None if there is none, or if `word` is not a word."""
    if not _WORD.fullmatch(word):
        return None
    if word in _MEANT:
        return _MEANT[word]
    names = {_squashed(name): name for name in (*ALIASES, *PATTERNS)}
    squashed = _squashed(word)
    if squashed in names:
        return names[squashed]
    for name in names:
        if len(name) > 4 and any(map(str.isdigit, name)) and squashed.startswith(name):
            return names[name]  # cl100k_base
    alike = 0.75 if any(map(str.isdigit, squashed)) else 0.85  # words without a digit are more likely patterns
    found = difflib.get_close_matches(squashed, names, n=1, cutoff=alike)
    return names[found[0]] if found else None


def _squashed(name: str) -> str:
    """Return a name in lower case and without separators, which people write in several ways."""
    return re.sub("[_.-]", "", name.casefold())


def name_of(pattern: str) -> str | None:
    """Return the name of a regular expression, None if it has none."""
    return next((name for name, text in PATTERNS.items() if text == pattern), None)
