"""A replacement for tokenizers.Encoding: ids from pybpe, everything else from the real one on demand.

Most programs use ids, type ids, masks and lengths only, which follow from the ids of the text. Offsets, tokens as
strings, words and overflowing parts come from the tokenizers package, the first time that one of them is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pybpe.compat.snapshot import Snapshot, Template
from pybpe.errors import ParityError


class Call:
    """The settings that all texts of one call share.

    offsets: True if offsets may be read. truncation, padding: as tokenizers.Tokenizer has them, None for none.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        template: Template,
        add_special_tokens: bool,
        offsets: bool,
        truncation: Mapping[str, Any] | None,
        padding: Mapping[str, Any] | None,
    ) -> None:
        self.snapshot = snapshot
        self.template = template
        self.add_special_tokens = add_special_tokens
        self.offsets = offsets
        self.truncation = truncation
        self.padding = padding

    def encodings(self, texts: Sequence[str], threads: int | None) -> list[Encoding]:
        """Return the Encoding of each text."""
        lists = self.encode(texts, threads)
        size = self._padded_size(lists) if self.padding else 0
        return [Encoding(self, text, ids, size) for text, ids in zip(texts, lists, strict=True)]

    def encode(self, texts: Sequence[str], threads: int | None) -> list[list[int]]:
        """Return the ids of each text, truncated and with special tokens, without padding."""
        before, behind = self.template.before, self.template.behind
        lists = self.snapshot.encode(texts, threads)
        if self.truncation is not None:
            kept = self.truncation["max_length"] - self.template.added
            part = slice(-kept, None) if self.truncation["direction"] == "left" else slice(kept)
            lists = [ids[part] if len(ids) > kept else ids for ids in lists]
        if before or behind:
            lists = [[*before, *ids, *behind] for ids in lists]
        return lists

    def _padded_size(self, lists: list[list[int]]) -> int:
        """Return the length that all are padded to; longer ones are not changed."""
        assert self.padding is not None
        size = self.padding["length"]
        if size is None:
            size = max(map(len, lists), default=0)
        multiple = self.padding["pad_to_multiple_of"] or 1
        return -(-size // multiple) * multiple  # type: ignore[no-any-return]


class Encoding:
    """A replacement for tokenizers.Encoding with the same attributes; it is not an instance of that class."""

    __slots__ = ("_call", "_ids", "_n", "_real", "_size", "_text")

    def __init__(self, call: Call, text: str, ids: list[int], size: int) -> None:
        self._call = call
        self._text = text
        self._ids: list[int] | None = ids  # without padding; the first caller gets the list itself, without a copy
        self._n = len(ids)
        self._size = size
        self._real: Any = None

    @staticmethod
    def merge(encodings: Sequence[Any], growing_offsets: bool = True) -> Any:
        """Return one tokenizers.Encoding merged from several encodings."""
        real = [each.real if isinstance(each, Encoding) else each for each in encodings]
        from tokenizers import Encoding as RealEncoding

        return RealEncoding.merge(real, growing_offsets)

    @property
    def ids(self) -> list[int]:
        """The ids. This and the other properties make a new list each time."""
        if self._real is not None:
            return self._real.ids  # type: ignore[no-any-return]
        ids, self._ids = self._ids, None
        return self._padded(self._call.encode([self._text], 1)[0] if ids is None else ids, "pad_id")

    @property
    def attention_mask(self) -> list[int]:
        """1 for each id, 0 for padding."""
        if self._real is not None:
            return self._real.attention_mask  # type: ignore[no-any-return]
        return self._padded([1] * self._n, None)

    @property
    def type_ids(self) -> list[int]:
        """The number of the sequence of each id, according to the template."""
        if self._real is not None:
            return self._real.type_ids  # type: ignore[no-any-return]
        before, own, behind = self._call.template.types
        return self._padded([*before, *[own] * self._n_own, *behind], "pad_type_id")

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for each special token of the template and for padding, 0 for the ids of the text."""
        if self._real is not None:
            return self._real.special_tokens_mask  # type: ignore[no-any-return]
        before, _, behind = self._call.template.types
        return self._padded([*[1] * len(before), *[0] * self._n_own, *[1] * len(behind)], None, 1)

    @property
    def n_sequences(self) -> int:
        """The number of texts in this encoding."""
        return 1 if self._real is None else self._real.n_sequences

    @property
    def real(self) -> Any:
        """The tokenizers.Encoding of the text. Raises ParityError if the tokenizer was changed after encoding."""
        if self._real is None:
            call = self._call
            real = call.snapshot.original(self._text, call.add_special_tokens, call.offsets, call.truncation)
            if call.padding is not None:  # the overflowing parts too
                names = ("direction", "pad_id", "pad_type_id", "pad_token")
                real.pad(self._size, **{name: call.padding[name] for name in names})
            ids = self.ids
            if real.ids != ids:
                raise ParityError(f"pybpe gives ids {ids[:20]} for {self._text[:80]!r}, tokenizers {real.ids[:20]}")
            self._real = real
        return self._real

    @property
    def _n_own(self) -> int:
        """The number of ids of the text itself."""
        return self._n - self._call.template.added

    def _padded(self, values: list[int], name: str | None, filler: int = 0) -> list[int]:
        """Return the values with padding: the padding setting of this name, or `filler` if name is None."""
        missing = self._size - len(values)
        if missing <= 0:
            return values
        padding = self._call.padding
        assert padding is not None
        around = [filler if name is None else padding[name]] * missing
        return around + values if padding["direction"] == "left" else values + around

    def __len__(self) -> int:
        return max(self._n, self._size) if self._real is None else len(self._real)

    def __getattr__(self, name: str) -> Any:
        if name in self.__slots__:  # while unpickling
            raise AttributeError(name)
        return getattr(self.real, name)

    def __repr__(self) -> str:
        return repr(self.real)

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        return _same, (self.real,)


def _same(real: Any) -> Any:
    """Return the argument: an Encoding is pickled as a tokenizers.Encoding."""
    return real
