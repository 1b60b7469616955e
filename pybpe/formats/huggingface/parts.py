"""Checks of the parts of a tokenizer.json that are kept without being used, such as the post-processor."""

from __future__ import annotations

from typing import Any

from pybpe.errors import FormatError
from pybpe.util.files import PathLike

VERSION = "1.0"
PARTS = ("post_processor", "decoder", "truncation", "padding")
_KINDS = {
    "post_processor": {"ByteLevel", "BertProcessing", "RobertaProcessing", "TemplateProcessing"},
    "decoder": {
        *("BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Strip", "WordPiece"),
    },
}
_MEMBERS = {"post_processor": "processors", "decoder": "decoders"}
_MAX_STEPS = 100


def check_parts(content: dict[str, Any], path: PathLike) -> None:
    """Raise FormatError for parts that the tokenizers package would not read."""
    if content.get("version", VERSION) != VERSION:
        raise FormatError(f"{path}: the version is {str(content['version'])[:20]!r}; tokenizers has {VERSION!r} only")
    for name in ("truncation", "padding"):
        if not isinstance(content.get(name) or {}, dict):
            raise FormatError(f"{path}: {name} is not a JSON object")
    for name, kinds in _KINDS.items():
        waiting, steps = [content[name]] if content.get(name) is not None else [], 0
        while waiting:
            step, steps = waiting.pop(), steps + 1
            kind = str(step.get("type")) if isinstance(step, dict) else ""
            members = step.get(_MEMBERS[name]) if kind == "Sequence" else None
            if steps > _MAX_STEPS or (members is None and kind not in kinds) or not isinstance(members or [], list):
                raise FormatError(f"{path}: the {name} is not one of the tokenizers package: {str(step)[:60]!r}")
            waiting += members or []
            if kind == "TemplateProcessing":
                _check_template(step, f"{path}: the {name}")


def _check_template(step: dict[str, Any], what: str) -> None:
    """Raise FormatError for a template with tokens whose ids it does not give: tokenizers would fail on it."""
    known = step.get("special_tokens")
    for form in ("single", "pair"):
        pieces = step.get(form)
        if not isinstance(known, dict) or not isinstance(pieces, list):
            raise FormatError(f"{what} has no template for a {form}, or no special_tokens")
        for piece in pieces:
            token = piece.get("SpecialToken") if isinstance(piece, dict) else None
            if token is not None and (not isinstance(token, dict) or str(token.get("id")) not in known):
                raise FormatError(f"{what} adds a token that is not in its special_tokens: {str(token)[:60]!r}")
