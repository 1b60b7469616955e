"""class Tokenizer: argument checks, policies, threads. The one door to the compiled core."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pybpe._core.unicode import UNICODE_VERSION
from pybpe.codec import Codec
from pybpe.decoding.appender import EncodeAppender
from pybpe.decoding.characters import CharacterStream
from pybpe.decoding.incremental import DecodeStream
from pybpe.decoding.sentencepiece import SentencePieceStream
from pybpe.definition import Definition, with_first_merges
from pybpe.encode.segmenter import Cut
from pybpe.encode.special_tokens import Allowed, Disallowed, Text
from pybpe.formats import native
from pybpe.formats.registry import FORMATS
from pybpe.pretokenization.patterns import name_of
from pybpe.util.files import PathLike
from pybpe.util.parallel import check_threads
from pybpe.util.utf8 import to_utf8

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pybpe._core.decode import Ids
    from pybpe.chat.template import ChatTemplate
    from pybpe.compat.huggingface import PreTrainedTokenizerFast
    from pybpe.compat.tiktoken import Encoding
    from pybpe.encode.offsets import Span, Unit
    from pybpe.training.counts.word_counts import Pattern, Source, WordCounts
    from pybpe.util.progress import ProgressCallback

# numpy, and what only some methods need, is imported within these: opening a tokenizer takes less time than numpy does.


class Tokenizer:
    """A byte-pair-encoding tokenizer. Immutable; any number of threads may use one.

    Made by `train`, `load` or a `from_*` method.

        >>> tok = Tokenizer.train(iter(["low lower lowest"] * 10), vocab_size=260, progress=False)
        >>> tok.encode("lower")
        [257, 101, 114]
        >>> tok.decode([257, 101, 114])
        'lower'
    """

    def __init__(self, definition: Definition) -> None:
        self._take(Codec(definition))

    def _take(self, codec: Codec) -> None:
        self._codec = codec
        self._definition = codec.definition
        self._text = codec.encoder

    @classmethod
    def _of(cls, codec: Codec) -> Tokenizer:
        """Return the Tokenizer of a Codec."""
        made = cls.__new__(cls)
        made._take(codec)
        return made

    # Making one

    @classmethod
    def train(
        cls,
        source: Source,
        vocab_size: int = 32768,
        pattern: Pattern = "gpt4",
        special_tokens: Iterable[str] = ("<|endoftext|>",),
        convention: str = "pybpe",
        min_frequency: int = 1,
        threads: int | None = None,
        progress: bool | ProgressCallback = True,
        *,
        max_token_length: int | None = None,
        initial_alphabet: Iterable[str | bytes] = (),
        normalizer: str | None = None,
        protect_special: bool | None = None,
        max_words: int | None = None,
        keep_on_interrupt: bool = False,
        text_field: str = "text",
        on_counted: Callable[[WordCounts], None] | None = None,
    ) -> Tokenizer:
        """Learn a vocabulary from text.

        source: a path, a list of paths or globs, an iterable of str or bytes, or WordCounts (whose pattern then holds).
            In a list of str, each is a path if any of them names a file; an iterator's items are always texts.
            A file is one text; each line of a .jsonl and each row of a .parquet file is one, and any of them may be
            packed (.gz, .zst). Parquet and zst need pip install 'pybpe[data]'.
        vocab_size: the 256 bytes and the merges; the special tokens take the ids that follow.
        pattern: a name (gpt2, gpt4, cl100k, o200k, llama3, qwen2, kimi, deepseek-v3, ...) or a regular expression;
            several in a list, each splitting the words of the one before; None to keep every text whole.
        convention: whose trainer this is to equal, in the order of merges among equal counts and the layout of ids:
            "pybpe", which is "rustbpe"; "huggingface", where special tokens have the first ids and count among
            `vocab_size`; "minbpe"; "tiktoken", its educational trainer; "sentencepiece" with byte_fallback, whose
            lines are texts and whose `vocab_size` counts all tokens. It takes no pattern, min_frequency,
            max_token_length, initial_alphabet and protect_special. The last three fail for want of pairs.
        min_frequency: pairs that occur fewer times are not merged.
        threads: for counting; None for one a core. The result does not depend on it.
        progress: True for a bar on the terminal, or a function report(stage, done, total).
        max_token_length: in bytes, of what a merge makes. In the huggingface convention a token must be shorter; in
            tiktoken's none has more than 4,096.
        initial_alphabet: characters that are to be tokens whatever their frequency, before the first merge learned.
        normalizer: the form that text is brought to, here and by the tokenizer: "NFC", "NFD", "NFKC" or "NFKD", as
            Hugging Face's tokenizers makes them; in sentencepiece's convention its own "nfkc" or "nmt_nfkc". None
            leaves text as it is.
        protect_special: whether special tokens in the text are cut out of it and not learned from; None for what the
            convention does: pybpe's does, those of other packages learn from them.
            WordCounts are as they were counted; True is an error where they are not without special tokens.
        max_words: see WordCounts; bounds the memory, at the price of exactness, with a warning.
        keep_on_interrupt: whether Ctrl-C while merging ends it with what was learned, and a warning.
        text_field: the field or column that holds the text, in files that have such.
        on_counted: called with the WordCounts, before the first merge: to save them, or to see what was forgotten.

        A corpus too small for `vocab_size` gives fewer tokens and a warning. Raises TrainingError for an empty corpus
        or a vocab_size below 256, SpecialTokenError for an empty or repeated special token, OSError for a file that
        cannot be read, FormatError for one that is not what its name says, MissingPackageError.
        """
        from pybpe.training.source import TrainingSource
        from pybpe.training.train import TrainingLimits, train

        return cls(
            train(
                TrainingSource(source, protect_special, max_words, threads, text_field, on_counted),
                vocab_size=vocab_size,
                pattern=pattern,
                special_tokens=special_tokens,
                convention=convention,
                initial_alphabet=initial_alphabet,
                normalizer=normalizer,
                progress=progress,
                limits=TrainingLimits(min_frequency, max_token_length, keep_on_interrupt),
            )
        )

    def extend(
        self,
        source: Source,
        vocab_size: int,
        *,
        min_frequency: int = 1,
        max_token_length: int | None = None,
        protect_special: bool | None = None,
        max_words: int | None = None,
        threads: int | None = None,
        progress: bool | ProgressCallback = True,
        keep_on_interrupt: bool = False,
        text_field: str = "text",
        on_counted: Callable[[WordCounts], None] | None = None,
    ) -> Tokenizer:
        """A tokenizer that has learned more, from `source`, up to `vocab_size` ids. No id that exists changes.

        Works for vocabularies from anywhere. The text is read as this tokenizer reads it, and learning goes on from
        its tokens. Its special tokens are cut out of the text unless protect_special is False. The other parameters are
        those of `train`. Raises ValueError for WordCounts of words that are not those of this tokenizer.
        """
        from pybpe.training.source import TrainingSource
        from pybpe.training.train import TrainingLimits, extend

        return Tokenizer(
            extend(
                self._definition,
                TrainingSource(source, protect_special, max_words, threads, text_field, on_counted),
                vocab_size=vocab_size,
                progress=progress,
                limits=TrainingLimits(min_frequency, max_token_length, keep_on_interrupt),
            )
        )

    def smaller(self, vocab_size: int) -> Tokenizer:
        """Return the tokenizer of the first merges: the one that the same training gives for a smaller `vocab_size`.

        vocab_size: 256 to the bytes and merges there are; the special tokens take the ids that follow. Works wherever
        the ids are the 256 bytes in any order, then the merges as they were learned, then special tokens, and text is
        not normalized: for what `train` makes in the conventions pybpe, minbpe and tiktoken without other options, for
        minbpe's files and for GPT-2's pair of files. Raises ValueError for another size and for other tokenizers.
        """
        return Tokenizer(with_first_merges(self._definition, vocab_size))

    @classmethod
    def load(cls, path: PathLike) -> Tokenizer:
        """Open a file that `save` wrote. Raises FormatError if it is not one or is damaged, OSError if unreadable."""
        return cls(FORMATS["pybpe"].read(path))

    def save(self, path: PathLike) -> None:
        """Write the tokenizer to a file, completely or not at all."""
        FORMATS["pybpe"].write(self._definition, path)

    @classmethod
    def from_tiktoken(
        cls, path: PathLike, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None
    ) -> Tokenizer:
        """Read a tiktoken rank file. Pattern and special tokens need not be given for the public encodings.

        Raises FormatError if the file is not one, ValueError if the pattern is needed.
        """
        return cls(FORMATS["tiktoken"].read(path, pattern, special_tokens))

    def to_tiktoken(self, path: PathLike) -> None:
        """Write the tokens as a tiktoken rank file, which holds neither pattern nor special tokens.

        Raises ValueError if two tokens have the same bytes, which a rank file cannot say.
        """
        FORMATS["tiktoken"].write(self._definition, path)

    @classmethod
    def from_huggingface(cls, path: PathLike) -> Tokenizer:
        """Read a tokenizer.json of BPE, or a folder that holds one. Ids are those of the tokenizers package.

        Its tokens are of bytes, or of characters with spaces as U+2581 and bytes for characters without a token. Where
        they are of bytes, `decode` gives those, whatever decoder the file names; that one serves `as_huggingface`.

        Raises FormatError, with the reason, for a file that is damaged or whose ids pybpe cannot reproduce.
        """
        return cls(FORMATS["tokenizer.json"].read(path))

    def to_huggingface(self, path: PathLike) -> None:
        """Write a tokenizer.json; if `path` does not end in .json, a folder that transformers can open.

        Raises ValueError for what such a file cannot say.
        """
        FORMATS["tokenizer.json"].write(self._definition, path)

    @classmethod
    def from_gpt2(cls, vocab_json: PathLike, merges_txt: PathLike) -> Tokenizer:
        """Read GPT-2's pair of files. Special are the tokens in angle brackets that no merge makes.

        Raises FormatError for files that are not such a pair.
        """
        from pybpe.formats import gpt2

        return cls(gpt2.read(vocab_json, merges_txt))

    def to_gpt2(self, folder: PathLike) -> None:
        """Write vocab.json and merges.txt into a folder. Raises ValueError for what they cannot say."""
        FORMATS["gpt2"].write(self._definition, folder)

    @classmethod
    def from_minbpe(cls, path: PathLike) -> Tokenizer:
        """Read minbpe's .model. Raises FormatError, with the line, for a file that is not one."""
        return cls(FORMATS["minbpe"].read(path))

    def to_minbpe(self, path: PathLike) -> None:
        """Write minbpe's NAME.model, and NAME.vocab beside it. Raises ValueError for what they cannot say."""
        FORMATS["minbpe"].write(self._definition, path)

    @classmethod
    def from_gguf(cls, path: PathLike) -> Tokenizer:
        """Read the vocabulary of a GGUF file, a model or not, of the kind gpt2 (byte-level) or llama (sentencepiece).

        Raises FormatError, with the reason, for a file that is damaged or whose ids pybpe cannot reproduce.
        """
        return cls(FORMATS["gguf"].read(path))

    def to_gguf(self, path: PathLike) -> None:
        """Write the vocabulary as a GGUF file without a model. Raises ValueError for what it cannot say."""
        FORMATS["gguf"].write(self._definition, path)

    def as_tiktoken(self, name: str = "pybpe") -> Encoding:
        """An object that stands wherever a tiktoken.Encoding stands; tiktoken need not be installed."""
        from pybpe.compat.tiktoken import Encoding

        return Encoding.of(name, self._codec)

    def as_huggingface(self) -> PreTrainedTokenizerFast:
        """A fast tokenizer of transformers (extra hf) for which pybpe encodes and decodes.

        It finds special tokens in text, and puts a template (BOS and the like) around it, as transformers does. Raises
        MissingPackageError without transformers, ValueError for what a tokenizer.json cannot say.
        """
        from pybpe.compat.huggingface import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast.of(self._definition)

    @classmethod
    def from_sentencepiece(cls, path: PathLike) -> Tokenizer:
        """Read a sentencepiece .model of BPE type. `encode_ordinary` gives sentencepiece's ids, `decode` its text.

        Control symbols and the unknown token are special tokens; symbols that users defined are found in every text.
        A character without a token is written as bytes where the model has them (byte_fallback), and a run of such
        characters as the unknown token where not: of its text that is all that decoding gives back.

        Raises FormatError, with the reason, for a file that is damaged or whose ids pybpe cannot reproduce.
        """
        return cls(FORMATS["sentencepiece"].read(path))

    def to_sentencepiece(self, path: PathLike) -> None:
        """Write a sentencepiece .model. Raises ValueError for a tokenizer whose tokens are not of characters."""
        FORMATS["sentencepiece"].write(self._definition, path)

    # Text to ids

    def encode(
        self, text: Text, *, allowed_special: Allowed = frozenset(), disallowed_special: Disallowed = "all"
    ) -> list[int]:
        """The ids of a text, str or bytes of UTF-8.

        A special token in the text becomes its id if it is in `allowed_special` (a set, or "all"). Otherwise it is an
        error if in `disallowed_special` ("all": all that are not allowed), and ordinary text if not: tiktoken's policy.
        Raises SpecialTokenError for a disallowed special token.
        """
        ids = self._text.fast.to_list(text, allowed_special, disallowed_special)
        return self._text.encode(text, allowed_special, disallowed_special).to_list(self._ints) if ids is None else ids

    def encode_ordinary(self, text: Text) -> list[int]:
        """The ids of a text in which special tokens are text like any other."""
        ids = self._text.fast.to_list_ordinary(text)
        return self._text.ordinary(text).to_list(self._ints) if ids is None else ids

    def encode_to_numpy(
        self,
        text: Text,
        *,
        threads: int | None = 1,
        allowed_special: Allowed = frozenset(),
        disallowed_special: Disallowed = "all",
    ) -> npt.NDArray[np.uint32]:
        """As `encode`, as uint32[n]: faster than a list, and an eighth of the memory or less.

        With several `threads` (None: one a core) a long text is cut where a word is sure to end; the ids are the same.
        """
        if threads == 1:
            ids = self._text.to_array(text, allowed_special, disallowed_special)
            if ids is not None:
                return ids
        return self._text.encode(text, allowed_special, disallowed_special, check_threads(threads)).to_numpy()

    def encode_batch(
        self,
        texts: Iterable[Text],
        *,
        threads: int | None = None,
        allowed_special: Allowed = frozenset(),
        disallowed_special: Disallowed = "all",
    ) -> list[list[int]]:
        """As `encode` for each text, on several threads (None: one a core)."""
        return self._text.lists(texts, threads, allowed_special, disallowed_special)

    def encode_batch_to_numpy(
        self,
        texts: Iterable[Text],
        *,
        threads: int | None = None,
        allowed_special: Allowed = frozenset(),
        disallowed_special: Disallowed = "all",
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Ids of all texts, uint32[n], and offsets, int64[len(texts) + 1]: text i is ids[offsets[i]:offsets[i + 1]]."""
        import numpy as np

        ids, offsets = self._text.joined(texts, threads, allowed_special, disallowed_special)
        return ids.to_numpy(), np.frombuffer(offsets, dtype=np.int64)

    def count(self, text: Text) -> int:
        """How many ids `encode_ordinary` gives."""
        count = self._text.fast.count(text)
        return self._text.count(text) if count is None else count

    def count_batch(self, texts: Iterable[Text], *, threads: int | None = None) -> npt.NDArray[np.int64]:
        """As `count` for each text, int64[len(texts)], on several threads (None: one a core)."""
        import numpy as np

        counts = [np.diff(np.frombuffer(ends, dtype=np.int64)) for ends in self._text.counted(texts, threads)]
        return np.concatenate(counts)

    def truncate(self, text: str, max_tokens: int) -> str:
        """A beginning of `text` that `count` finds to be at most `max_tokens`; all of it if that is.

        It ends where the first `max_tokens` ids of `text` end, or a little before, where they end within a character
        or their text alone would give more ids. Of a long text only the beginning is encoded.
        """
        if max_tokens < 0:
            raise ValueError(f"max_tokens is {max_tokens}, must be 0 or more")
        content = to_utf8(text)
        spans = self._first_spans(content, max_tokens)
        if len(spans) <= max_tokens:
            return text
        tried = None
        for _, end in reversed(spans[:max_tokens]):
            beginning = content[:end].decode(errors="ignore")
            if beginning == tried:  # of characters that change together each token ends where all of them do
                continue
            tried = beginning
            if self.count(beginning) <= max_tokens:
                return beginning
        return ""

    def _first_spans(self, content: bytes, wanted: int) -> list[Span]:
        """The places in bytes of more than `wanted` of the first ids of a text, or of all of them."""
        size = 8 * wanted + 64
        while size < len(content) and self.cut:
            spans = self._spans(content[: self.cut(content[:size])])
            if len(spans) > wanted:
                return spans
            size *= 2
        return self._spans(content)

    def _spans(self, content: bytes) -> list[Span]:
        """The places in bytes of the ids of an ordinary text."""
        return self._codec.offsets.encode(content, frozenset(), (), "byte")[1]

    def encode_with_offsets(
        self,
        text: Text,
        *,
        unit: Unit = "char",
        allowed_special: Allowed = frozenset(),
        disallowed_special: Disallowed = "all",
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of `encode`, and of each the (start, end) of its place in the text, in characters or UTF-8 bytes.

        A token that holds part of a character spans all of it. Surrogates count as what `encode` makes of them. Where
        the text is brought to a normal form, the places are those in the text as given: of characters that change
        together each token has the place of all; the white space that a token by name takes with it is part of its
        place; a space put before the text has an empty one.
        """
        return self._codec.offsets.encode(text, allowed_special, disallowed_special, unit)

    def encode_with_dropout(self, text: Text, p: float, seed: int) -> list[int]:
        """Ids of the same text by a random other way of merging: BPE-dropout (Provilkov et al., 2020).

        At each step of each word, every merge that could be made is left out with probability p; 0 gives the ids of
        `encode_ordinary`, 1 gives bytes. The same seed, 0 to 2**64 - 1, gives the same ids.
        """
        if p == 0:
            return self.encode_ordinary(text)
        self._definition.check_bytes("pybpe has no dropout for them")
        return self._text.with_dropout(text, p, seed).to_list(self._ints)

    def encode_appender(self) -> EncodeAppender:
        """Return an object with `append(text)`, `count` and `ids`: the ids of a text that grows, at each moment.

        They are those of `encode_ordinary` for all of the text. `append` and `count` take time by what is appended; the
        docstring of EncodeAppender names the tokenizers and texts that need more.
        """
        return self._codec.encode_appender()

    @property
    def cut(self) -> Cut | None:
        """Finds the last place where UTF-8 text can be cut so that the ids of both parts are those of the whole.

        It gives 0 for a text without such a place. None if this tokenizer has no way to know.
        """
        return self._text.cut

    # Ids to text

    def decode_bytes(self, ids: Ids) -> bytes:
        """The bytes that ids stand for. Raises TokenIdError for an id that has no token."""
        return self._codec.decoder.decode_bytes(ids)

    def decode(self, ids: Ids, errors: str = "replace") -> str:
        """The text that ids stand for; `errors` says what becomes of bytes that are not UTF-8, as in bytes.decode."""
        return self._codec.decoder.decode(ids, errors)

    def decode_batch(self, batch: Iterable[Ids], errors: str = "replace") -> list[str]:
        """As `decode` for each."""
        return self._codec.decoder.decode_batch(batch, errors)

    def decode_stream(self) -> DecodeStream | SentencePieceStream | CharacterStream:
        """Return an object with `feed(id)` and `finish()`, which give text as ids come and never half a character.

        All they give, joined, is what `decode` gives. Where a tokenizer.json has tokens of characters (Gemma, Llama 2),
        ids of bytes in a row are text only if all their bytes are, so the text of a row comes when the row ends.
        """
        return self._codec.decode_stream()

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one id. Raises TokenIdError for an id that has no token."""
        return self._codec.token_bytes(token)

    def token_id(self, token: bytes | str) -> int:
        """The id of one token; of an ordinary and a special one with the same bytes, the ordinary.

        Raises TokenIdError if these bytes are not one token.
        """
        return self._codec.token_id(token)

    # What it holds

    def limit_cache(self, limit: int) -> None:
        """The most memory, in bytes, for words and what they encode to; each call that is running takes so much.

        The cache starts small and grows as it meets words. 96 MiB where nothing is said; `info` tells.
        """
        if limit < 1 << 20:
            raise ValueError(f"limit is {limit}, must be at least {1 << 20:,} bytes")
        self._text.core.limit_cache(limit)

    @property
    def definition(self) -> Definition:
        """Its content, as plain data: what files are read to, and written from."""
        return self._definition

    @property
    def n_vocab(self) -> int:
        """The largest id plus one: the rows that an embedding table needs."""
        return self._codec.n_vocab

    @property
    def special_tokens(self) -> dict[str, int]:
        """{name: id} of the special tokens."""
        return dict(self._definition.special_tokens)

    @property
    def chat_template(self) -> ChatTemplate | None:
        """The template for chats that came with the files it was read from (extra chat), None if none did."""
        from pybpe.chat.template import ChatTemplate

        return ChatTemplate.from_config(self._definition.carried.get("tokenizer_config", {}))

    @property
    def added_tokens(self) -> dict[str, int]:
        """{name: id} of the tokens that are found by name in every text, and are not special."""
        return dict(self._definition.preprocessing.added_tokens)

    @property
    def eot_token(self) -> int:
        """The id of "<|endoftext|>". Raises TokenIdError if there is none."""
        return self.token_id("<|endoftext|>")

    @property
    def pattern(self) -> str:
        """The regular expression that splits text into words, or several with U+001E between them."""
        return self._text.split.pattern

    @property
    def vocab(self) -> dict[int, bytes]:
        """{id: bytes} of all tokens, special ones included. A new dict each time."""
        ordinary = enumerate(self._definition.vocabulary.to_list())
        empty = self._definition.vocabulary.empty
        named = self._codec.names_by_id
        tokens = {token: content for token, content in ordinary if content or token == empty} | named
        return dict(sorted(tokens.items()))

    @property
    def mergeable_ranks(self) -> dict[bytes, int]:
        """{bytes: rank} of the ordinary tokens, as tiktoken takes it. Of tokens with equal bytes, the first."""
        return dict(self._codec.mergeable_ranks)

    @property
    def merges(self) -> dict[tuple[int, int], int]:
        """{(left, right): id} in learned order. Of a rank file, the last merge that builds each token."""
        rows: Any = self._definition.merges.tolist()
        return {(left, right): token for left, right, token in rows}

    @functools.cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that equal tokenizers share and others do not: a sha256 of what they hold."""
        return native.fingerprint(self._definition)

    @property
    def info(self) -> dict[str, Any]:
        """Facts about this tokenizer, among them what splits its text and why."""
        return {
            "n_vocab": self.n_vocab,
            "merges": sum(len(token) > 1 for token in self._definition.vocabulary.to_list()),
            "special_tokens": self.special_tokens,
            "added_tokens": self.added_tokens,
            "normalizer": self._definition.preprocessing.normalizer,
            "add_prefix_space": self._definition.preprocessing.add_prefix_space,
            **self._model_info,
            "ignore_merges": self._definition.model.ignore_merges,
            "pattern": self.pattern,
            "pattern_name": name_of(self.pattern),
            "splitter": self._text.split.kind,
            "splitter_reason": self._text.split.reason,
            "cache_bytes": self._text.core.cache_bytes,
            "unicode": UNICODE_VERSION,
            "fingerprint": self.fingerprint,
        }

    @property
    def _model_info(self) -> dict[str, Any]:
        """What `info` says of vocabularies that are not just of bytes."""
        definition, characters = self._definition, self._definition.characters
        model, spm = definition.model, definition.preprocessing.sentencepiece
        marks = {name: mark for name, mark in model.marks._asdict().items() if mark}
        drops = {"drops_space": definition.drops_space, "drops_bytes": bool(model.dropped)}
        drops = {name: True for name, value in drops.items() if value}
        if characters is None:
            return {**marks, **drops}
        info: dict[str, Any] = {"rule": model.rule, "byte_fallback": bool(characters.byte_ids), **drops}
        if spm is not None:
            info |= {"add_dummy_prefix": spm.add_dummy_prefix, "remove_extra_whitespaces": spm.remove_extra_whitespaces}
            info["charsmap_bytes"] = len(spm.charsmap)
        return info

    @property
    def _ints(self) -> list[int]:
        """The int object of every id, which lists of ids share."""
        return self._codec.ints

    def __repr__(self) -> str:
        return f"<Tokenizer of {self.n_vocab:,} tokens, pattern {name_of(self.pattern) or self.pattern!r}>"

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Tokenizer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __copy__(self) -> Tokenizer:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tokenizer:
        return self  # it never changes

    def __reduce__(self) -> tuple[Callable[[Codec], Tokenizer], tuple[Codec]]:
        return Tokenizer._of, (self._codec,)
