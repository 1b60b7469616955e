"""The row of a pattern that no known family covers: the tier that serves it, against splitting through `regex`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pybpe import Tokenizer
from pybpe.pretokenization.regex_splitter import RegexSplitter

from .peers import Encoding, open_tiktoken, pybpe_peer
from .results import OURS, Result
from .rows import REGEX, measure
from .texts import Text
from .timing import Job, warm

# The three patterns that DeepSeek V3 splits by, one after the other, as the alternatives of one: no family has that.
# The last alternative takes what is in none of their classes, format characters for one, which tiktoken would drop.
DEEPSEEK_IN_ONE = (
    r"""\p{N}{1,3}|[一-龥぀-ゟ゠-ヿ]+|[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"""
    r"""[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+|\S"""
)


def other_pattern(texts: list[Text], encoding: Encoding, rounds: int) -> Iterator[Result]:
    """To numpy with DeepSeek's pattern. `regex` is timed without the merging that would come on top."""
    encoding = replace(encoding, pattern=DEEPSEEK_IN_ONE)
    tokenizer = Tokenizer.from_tiktoken(encoding.path, encoding.pattern, encoding.special_tokens)
    ours, theirs = pybpe_peer(tokenizer).to_numpy, open_tiktoken(encoding).to_numpy
    splitter = RegexSplitter(encoding.pattern)
    for text in (text.short for text in texts):
        right = theirs(text.content)
        jobs = {
            OURS: _job(ours, text.content, text, partial(np.array_equal, right)),
            REGEX: _job(splitter.ends, text.encoded, text, partial(_reaches, len(text.encoded))),
            "tiktoken": _job(theirs, text.content, text, partial(np.array_equal, right)),
        }
        result = measure("pattern", text.name, encoding.name, "MB/s", jobs, rounds)
        result.notes.append(f"split by {tokenizer.info['splitter']}: {tokenizer.info['splitter_reason']}")
        yield result


def _job(work: Callable[[Any], Any], content: str | bytes, text: Text, right: Callable[[Any], bool]) -> Job:
    """One contender's work on a text, and the judge of its result."""
    return warm(partial(work, content), text.megabytes, lambda: right(work(content)))


def _reaches(size: int, ends: Any) -> bool:
    """Whether words end where the text does."""
    return bool(ends[-1] == size)
