"""Read the fields of a JSON object with checks: each error names the field, its value and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pybpe.gpt.serve.errors import invalid


def parse_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object in the body of a request. ApiError if it is not UTF-8, not JSON, or not an object.

    >>> parse_json(b'{"n": 1}')
    {'n': 1}
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise invalid("the body is not UTF-8; send JSON in UTF-8", code="invalid_json") from None
    except RecursionError:
        raise invalid("the JSON of the body is nested too deeply", code="invalid_json") from None
    except ValueError as error:
        raise invalid(f"the body is not JSON: {error}", code="invalid_json") from None
    if not isinstance(value, dict):
        raise invalid(f"the body is {_name(value)}; it must be a JSON object", code="invalid_json")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


class Fields:
    """The fields of a JSON object. A field that is null or missing has its default.

    >>> Fields({"n": 2, "user": None}).whole("n", 1, 8, default=1)
    2
    >>> Fields({"n": "2"}).whole("n", 1, 8, default=1)
    Traceback (most recent call last):
        ...
    pybpe.gpt.serve.errors.ApiError: n is a string; it must be a whole number in 1..8
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def get(self, name: str) -> Any:
        """Return the value of a field, None if it is missing."""
        return self._values.get(name)

    def number(self, name: str, least: float, most: float) -> float | None:
        """Return a number in least..most."""
        value = self.get(name)
        if value is None:
            return None
        rule = f"it must be a number in {least:g}..{most:g}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise invalid(f"{name} is {_name(value)}; {rule}", name, "invalid_type")
        if not least <= value <= most:
            raise invalid(f"{name} is {_short(value)}; {rule}", name)
        return float(value)

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int | None:
        """Return a whole number in least..most."""
        value = self.get(name)
        if value is None:
            return default
        rule = f"it must be a whole number in {least}..{most}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(f"{name} is {_name(value)}; {rule}", name, "invalid_type")
        if not least <= value <= most:
            raise invalid(f"{name} is {_short(value)}; {rule}", name)
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false if the field is missing."""
        value = self.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise invalid(f"{name} is {_name(value)}; it must be true or false", name, "invalid_type")
        return value

    def string(self, name: str) -> str | None:
        """Return a string of Unicode characters."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise invalid(f"{name} is {_name(value)}; it must be a string", name, "invalid_type")
        return unicode(value, name)

    def strings(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        """Return the strings of a field that is a string or a list of at most `most`, of `longest` characters."""
        value = self.get(name)
        found = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise invalid(f"{name} must be a string or a list of strings", name, "invalid_type")
        if len(found) > most:
            raise invalid(f"{name} has {len(found)} strings; at most {most} are allowed", name)
        for each in found:
            if not 1 <= len(each) <= longest:
                raise invalid(f"a string of {name} has {len(each)} characters; it must have 1 to {longest}", name)
        return tuple(unicode(each, name) for each in found)

    def object(self, name: str) -> Fields:
        """Return the fields of a field that is an object; none if it is missing."""
        value = self.get(name)
        if value is not None and not isinstance(value, dict):
            raise invalid(f"{name} is {_name(value)}; it must be an object", name, "invalid_type")
        return Fields(value or {})

    def refuse(self, name: str, allowed: Collection[Any], advice: str) -> None:
        """Raise ApiError if a field that is not supported has another value than those that change nothing."""
        value = self.get(name)
        if value is not None and not any(type(value) is type(each) and value == each for each in allowed):
            raise invalid(f"{name} is not supported: {advice}", name, "unsupported_parameter")


def unicode(text: str, name: str) -> str:
    """Return the text. ApiError, with the name of its field, if it holds half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(f"{name} holds half a surrogate pair, which is not a character", name) from None
    return text


def ids(value: Any, name: str, n_vocab: int) -> list[int]:
    """Return a list of token ids. ApiError if it is not one."""
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise invalid(f"{name} must be a list of token ids", name, "invalid_type")
    for each in value:
        if not 0 <= each < n_vocab:
            raise invalid(f"{name} has the id {_short(each)}; the ids of the model are 0..{n_vocab - 1}", name)
    return value


def _name(value: Any) -> str:
    """Return the JSON type of a value, for messages."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _short(value: float) -> str:
    """Return a number for a message; a long one is cut."""
    try:
        text = str(value)
    except ValueError:  # a whole number of thousands of digits
        return "a very large number"
    return text if len(text) <= 40 else f"{text[:40]}..."
