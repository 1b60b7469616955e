"""The texts to measure on, and the shapes that rows take them in: documents, short strings, one script only."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SLOW_BYTES = 10_000_000  # what a contender a tenth as fast as the others is timed on
DOCUMENT_BYTES = 4096
STRING_CHARACTERS = 100
STRINGS = 20_000
CJK = "Chinese and Japanese"
_HAN_OR_KANA = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class Text:
    """A text to measure on."""

    name: str
    content: str

    @cached_property
    def encoded(self) -> bytes:
        """Its UTF-8."""
        return self.content.encode()

    @property
    def megabytes(self) -> float:
        """Its UTF-8 size in MB of 10**6 bytes."""
        return len(self.encoded) / 1e6

    @property
    def digest(self) -> str:
        """Its sha256, to say which text it was."""
        return hashlib.sha256(self.encoded).hexdigest()

    @cached_property
    def short(self) -> Text:
        """Its beginning, for slow contenders; all of it if it is short itself."""
        if len(self.encoded) <= SLOW_BYTES:
            return self
        return Text(self.name, self.encoded[:SLOW_BYTES].decode("utf-8", "ignore"))

    @cached_property
    def documents(self) -> list[str]:
        """The text cut into documents of about 4 KB."""
        step = max(1, DOCUMENT_BYTES * len(self.content) // len(self.encoded))
        return [self.content[start : start + step] for start in range(0, len(self.content), step)]

    @cached_property
    def strings(self) -> list[str]:
        """Strings of 100 characters from all over the text."""
        number = max(1, min(STRINGS, len(self.content) // STRING_CHARACTERS))
        starts = [len(self.content) * i // number for i in range(number)]
        return [self.content[start : start + STRING_CHARACTERS] for start in starts]


def read_texts(paths: list[Path], megabytes: float | None) -> list[Text]:
    """The texts named, or the one that every Python has; each cut to its first megabytes."""
    size = None if megabytes is None else int(megabytes * 1e6)
    if paths:
        return [Text(path.stem, path.read_bytes()[:size].decode("utf-8", "ignore")) for path in paths]
    from pydoc_data.topics import topics

    return [Text("pydoc topics", "\n\n".join(topics.values()).encode()[:size].decode("utf-8", "ignore"))]


def chinese_and_japanese(texts: list[Text]) -> Text | None:
    """The lines of all texts that are mostly Han and Kana; None if there are hardly any."""
    lines = [line for text in texts if not text.content.isascii() for line in text.content.splitlines(keepends=True)]
    kept = "".join(line for line in lines if 2 * len(_HAN_OR_KANA.findall(line)) > len(line))
    return Text(CJK, kept) if len(kept) > 10_000 else None
