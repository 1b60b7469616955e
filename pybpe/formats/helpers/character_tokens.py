"""Conversion of vocabularies of characters between scores and lists of merges.

sentencepiece's models and GGUF's model llama have scores, tokenizer.json has a list of merges. A conversion keeps all
ids, or is refused.
"""

from __future__ import annotations

import itertools
from array import array
from itertools import chain
from typing import Any

from pybpe._core.ids import Rows
from pybpe.definition import Definition, make_vocabulary
from pybpe.formats.helpers.byte_level import rows_of
from pybpe.normalization.normalizer import Step
from pybpe.normalization.preprocessing import Preprocessing
from pybpe.normalization.sentencepiece import SPACE, SentencePieceNormalizer
from pybpe.vocabulary.characters import CharacterVocabulary
from pybpe.vocabulary.models import CharacterMerges, ScoredCharacters
from pybpe.vocabulary.symbols import Symbols

_TO_SPACE: Step = ("Replace", SPACE, " ")
_PREPEND: Step = ("Prepend", " ")
_REPLACE_SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
_REPLACE_MARKS = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}


def as_characters(definition: Definition) -> Definition:
    """Convert scores to a list of merges. Raises ValueError if that would change ids."""
    model, spm = definition.model, definition.preprocessing.sentencepiece
    if not isinstance(model, ScoredCharacters) or spm is None:
        raise ValueError("this tokenizer has no scores")
    if spm.charsmap or spm.remove_extra_whitespaces:
        what = "maps characters to others" if spm.charsmap else "leaves out spaces"
        raise ValueError(f"this tokenizer {what} as only sentencepiece does; write a sentencepiece model")
    added = definition.preprocessing.added_tokens
    if added and spm.add_dummy_prefix:
        raise ValueError(
            f"the token {min(added)!r} is found behind the space that is put before a text; a list of merges goes with "
            "another way to read text; write a sentencepiece model"
        )
    scores = model.characters
    merged = _merged_of_tokens(model.symbols)
    order = _without_ties(merged, scores, definition.vocabulary.to_list())
    names = {token: name for name, token in definition.special_tokens.items()}
    steps = (_PREPEND, _TO_SPACE) if spm.add_dummy_prefix else (_TO_SPACE,)
    normalizers = [{"type": "Prepend", "prepend": SPACE}, _REPLACE_SPACES]
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if spm.add_dummy_prefix else []
    decoders = [_REPLACE_MARKS, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]
    return Definition(
        CharacterMerges(
            definition.vocabulary,
            memoryview(Rows(array("I", chain.from_iterable(order)), 3)),
            CharacterVocabulary(
                array("f"),
                -1 if scores.byte_ids else scores.unknown,
                "",
                scores.byte_ids,
                "space" if spm.add_dummy_prefix else "none",
            ),
        ),
        pattern=definition.pattern,
        special_tokens=definition.special_tokens,
        preprocessing=Preprocessing(steps, added, dict.fromkeys(added, ("normalized",))),
        carried={
            "decoder": {"type": "Sequence", "decoders": decoders},
            "huggingface": {
                "normalizer": {"type": "Sequence", "normalizers": normalizers}
                if spm.add_dummy_prefix
                else _REPLACE_SPACES,
                "pre_tokenizer": None,
                "model": {
                    "unk_token": names.get(scores.unknown),
                    "fuse_unk": True,
                    "byte_fallback": bool(scores.byte_ids),
                },
            },
        },
    )


def _without_ties(
    rows: list[tuple[int, int, int]], scores: CharacterVocabulary, tokens: list[bytes]
) -> list[tuple[int, int, int]]:
    """Return the merges sorted by score. Raises ValueError for equal scores, which are merged leftmost first.

    Tokens of spaces may have equal scores: a run of spaces grows at one place only, so the leftmost possible merge is
    always the longest too.
    """
    order = sorted(rows, key=lambda row: (-scores.scores[row[2]], -len(tokens[row[2]])))
    for (_, _, one), (_, _, other) in itertools.pairwise(order):
        if scores.scores[one] == scores.scores[other] and (tokens[one] + tokens[other]).strip(b" "):
            raise ValueError(
                f"the tokens {tokens[one]!r} and {tokens[other]!r} have the same score, as no list of merges can say"
            )
    return order


def _merged_of_tokens(symbols: Symbols) -> list[tuple[int, int, int]]:
    """Return the merges of tokens. Raises ValueError if one uses a character without a token: lists cannot hold it."""
    contents, rows = symbols.vocabulary.to_list(), []
    flat: Any = memoryview(Rows(symbols.rows, 3)).tolist()
    for row in flat:
        if _is_character(contents[row[2]]):
            continue
        left, right, token = (symbols.tokens[symbol] for symbol in row)
        if left < 0 or right < 0:
            lone = contents[row[0] if left < 0 else row[1]]
            raise ValueError(f"the character {lone.decode('utf-8', 'replace')!r} is in a token, and is none itself")
        rows.append((left, right, token))
    return rows


def _is_character(content: bytes) -> bool:
    """Return True if a symbol is one character, or a part of one."""
    return len(content.decode("utf-8", "replace")) == 1


def as_scores(definition: Definition) -> Definition:
    """Convert a list of merges of characters to scores. Raises ValueError if that would change ids.

    The score of a token is minus the rank of the first merge that makes it. By scores, each token is always made from
    the same two parts. The ids are the same if the list has all of these merges, in the order of the scores; any other
    merge of the list cannot apply earlier.
    """
    if not isinstance(definition.model, CharacterMerges):
        raise ValueError("the tokens of this vocabulary are not of characters")
    scores = definition.model.characters
    unknown = scores.unknown if scores.unknown >= 0 else _unknown(definition)
    if -1 in scores.byte_ids:
        raise ValueError(f"there is no token for byte 0x{scores.byte_ids.index(-1):02X}, and with scores there must be")
    rows, vocabulary = rows_of(definition.merges), definition.vocabulary
    tokens = [*vocabulary.to_list(), *([b""] * (definition.n_vocab - len(vocabulary)))]
    first: dict[int, int] = {}
    for number, (_, _, token) in enumerate(rows):
        first.setdefault(token, number)
    named = set(definition.names.values()) | set(scores.byte_ids)
    if holes := [token for token, content in enumerate(tokens) if not content and token not in named]:
        raise ValueError(f"id {holes[0]} has no token; vocabularies with scores have one for every id")
    vector = array("f", [0.0] * len(tokens))
    for number, token in enumerate(sorted(range(len(tokens)), key=lambda token: first.get(token, len(rows)))):
        vector[token] = 0.0 if token in named and token not in first else -float(number)
    model = ScoredCharacters(make_vocabulary(tokens), CharacterVocabulary(vector, unknown, byte_ids=scores.byte_ids))
    made = Definition(
        model,
        pattern=definition.pattern,
        special_tokens=definition.special_tokens,
        preprocessing=_sentencepiece_preprocessing(definition),
        carried={name: part for name, part in definition.carried.items() if name == "tokenizer_config"},
    )
    rank_of = {(left, right): number for number, (left, right, _) in enumerate(rows)}
    ranks = []
    for left, right, token in sorted(_merged_of_tokens(model.symbols), key=lambda row: -vector[row[2]]):
        if (left, right) not in rank_of:
            raise ValueError(f"no merge joins {tokens[left]!r} and {tokens[right]!r}; by scores they would be {token}")
        ranks.append(rank_of[left, right])
    if ranks != sorted(ranks):
        raise ValueError("the merges of this tokenizer come in an order that scores of tokens cannot say")
    return made


def _unknown(definition: Definition) -> int:
    """Return the id of the unk_token that the tokenizer.json named. Raises ValueError if there is none."""
    said = definition.carried.get("huggingface")
    model = said.get("model") if isinstance(said, dict) else None
    name = model.get("unk_token") if isinstance(model, dict) else None
    if not isinstance(name, str) or name not in definition.special_tokens:
        raise ValueError("this tokenizer has no special token for what is unknown, which vocabularies with scores need")
    return definition.special_tokens[name]


def _sentencepiece_preprocessing(definition: Definition) -> Preprocessing:
    """Return the Preprocessing with a SentencePieceNormalizer. Raises ValueError if that would change ids."""
    preprocessing = definition.preprocessing
    prefixed = preprocessing.normalizer == (_PREPEND, _TO_SPACE)
    if (not prefixed and preprocessing.normalizer != (_TO_SPACE,)) or preprocessing.add_prefix_space:
        raise ValueError("sentencepiece has no way to read text as this tokenizer does")
    for name, flags in preprocessing.flags.items():
        if flags != ("normalized",) or name not in preprocessing.added_tokens or prefixed:
            raise ValueError(
                f"the token {name!r} is found in a way ({', '.join(flags)}) that sentencepiece does not know"
            )
    for name in preprocessing.added_tokens:
        if prefixed:
            raise ValueError(f"behind the token {name!r} a space is put before the text, as sentencepiece does not do")
        if SPACE in name or (" " in name and name not in preprocessing.flags):
            raise ValueError(f"the token {name!r} is found where spaces are not yet {SPACE!r}, unlike in sentencepiece")
        if any(_overlap(name, special) for special in definition.special_tokens):
            raise ValueError(f"the token {name!r} overlaps a special token; sentencepiece would find the latter first")
    return Preprocessing(
        added_tokens=preprocessing.added_tokens, sentencepiece=SentencePieceNormalizer(prefixed, False)
    )


def _overlap(one: str, other: str) -> bool:
    """Return True if two names can share characters in a text."""
    if one in other or other in one:
        return True
    sizes = range(1, min(len(one), len(other)))
    return any(one.endswith(other[:size]) or other.endswith(one[:size]) for size in sizes)
