"""The parser of split patterns: a subset of regular expressions to a tree.

`parse` raises UnsupportedError, which names the construct, for constructs that engines read differently or that split
patterns do not need. It does not check that a pattern is valid: the regex module does.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, replace

from pybpe.pretokenization.charsets import NOTHING, CharSet, decimal_digits, property_set, white_space, word_characters


class UnsupportedError(ValueError):
    """A pattern has a construct that cannot be compiled. The message names the construct."""


@dataclass(frozen=True)
class Chars:
    """One character of a set."""

    points: CharSet


@dataclass(frozen=True)
class Joined:
    """A sequence of parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    """An alternation: the first branch with which the whole pattern matches."""

    branches: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """A quantifier: `body` from `least` to `most` times (None for no limit), as often as possible.

    possessive: True if the engine does not backtrack into it.
    """

    body: Node
    least: int
    most: int | None
    possessive: bool


@dataclass(frozen=True)
class Look:
    """A lookahead: matches empty text if the next character is one of `points`, or at the end if `at_end`."""

    points: CharSet
    at_end: bool


Node = Chars | Joined | Choice | Repeat | Look

_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})([+?]?)")
_OPTIONS = re.compile(r"\?(i|-i|):")
_SIMPLE_ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f", "v": "\v", "a": "\a"}
_HEXADECIMAL = {
    "x": re.compile(r"\{[0-9A-Fa-f]{1,6}\}|[0-9A-Fa-f]{2}"),
    "u": re.compile(r"[0-9A-Fa-f]{4}"),
    "U": re.compile(r"[0-9A-Fa-f]{8}"),
}
_PROPERTY = re.compile(r"\{(\w+)\}|([A-Z])")
_MAX_REPEAT = 1000
_MAX_DEPTH = 50
_CLASSES = {"s": white_space, "d": decimal_digits, "w": word_characters}
# Letters with a third case: the long s and the Kelvin sign. Engines differ in the cases of "i": some add a dotted one.
_OTHER_CASES = {"s": "sS\u017f", "k": "kK\u212a"}


def parse(pattern: str) -> Node:
    """Return the tree of a pattern. Raises UnsupportedError for an unsupported construct."""
    parser = _Parser(pattern)
    node = parser.choice()
    if parser.rest():
        raise UnsupportedError("a ) without a (")
    return node


class _Parser:
    """A recursive-descent parser of a pattern, with a method for each level of the grammar."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._pos = 0
        self._depth = 0
        self._any_case = self._take("(?i)")

    def rest(self) -> str:
        """Return the part of the pattern that is not read yet."""
        return self._pattern[self._pos :]

    def _peek(self, size: int = 1) -> str:
        return self._pattern[self._pos : self._pos + size]

    def _take(self, text: str) -> bool:
        """Read `text` if it is next; return True if it was."""
        found = self._pattern.startswith(text, self._pos)
        self._pos += len(text) * found
        return found

    def _next(self) -> str:
        if self._pos == len(self._pattern):
            raise UnsupportedError("an unexpected end")
        self._pos += 1
        return self._pattern[self._pos - 1]

    def _match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        """Read the text that a helper expression matches here, and return the match; None if there is none."""
        found = expression.match(self._pattern, self._pos)
        if found:
            self._pos = found.end()
        return found

    # Levels of the grammar

    def choice(self) -> Node:
        """Parse branches separated by |, up to a ) or the end."""
        branches = [self._joined()]
        while self._take("|"):
            branches.append(self._joined())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _joined(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._quantified())
        return parts[0] if len(parts) == 1 else Joined(tuple(parts))

    def _quantified(self) -> Node:
        """Parse an atom and the quantifier after it, if there is one."""
        node = self._atom()
        if self._peek() not in ("*", "+", "?", "{") or not self._peek():
            return node
        found = self._match(_QUANTIFIER)
        if not found or not (found[1] or found[2] or found[4]):
            raise UnsupportedError("a { without a count")
        sign, low, comma, high, manner = found.groups()
        if manner == "?":
            raise UnsupportedError(f"the lazy quantifier {found[0]}")
        if isinstance(node, Look):
            raise UnsupportedError("a quantifier after a lookahead or $")
        if self._peek() in ("*", "+", "?", "{") and self._peek():
            raise UnsupportedError("a quantifier after a quantifier")
        if len(low or "") > 9 or len(high or "") > 9:
            raise UnsupportedError(f"the count {found[0][:40]}")
        if sign:
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        else:
            least = int(low or 0)
            most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > _MAX_REPEAT or (most is not None and most < least):
            raise UnsupportedError(f"the count {found[0]}")
        return Repeat(node, least, most, manner == "+")

    def _atom(self) -> Node:
        """Parse a character, a set, an escape, a group, or $."""
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return Chars(self._set())
        if char == ".":
            return Chars(~CharSet.of("\n"))
        if char == "$":
            return Look(NOTHING, True)
        if char == "\\":
            if self._peek() in ("z", "Z") and self._peek():
                self._pos += 1
                return Look(NOTHING, True)
            return Chars(self._escape())
        if char in "^*+?{":
            raise UnsupportedError(f"{char} in place of a character or a group")
        return Chars(self._any_case_of(CharSet.of(char)))

    def _group(self) -> Node:
        """Parse the content of a group, after its (, and its )."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise UnsupportedError("groups nested too deeply")
        around = self._any_case
        if self._take("?="):
            node: Node = _look(self.choice())
        elif self._take("?!"):
            look = _look(self.choice())
            node = Look(~look.points, not look.at_end)
        elif self._take("?>"):
            node = Repeat(self.choice(), 1, 1, True)
        elif self._peek() != "?":
            node = self.choice()
        else:
            options = self._match(_OPTIONS)
            if not options:
                raise UnsupportedError(f"the group ({self._peek(3)}")
            self._any_case = {"i": True, "-i": False, "": around}[options[1]]
            node = self.choice()
        self._any_case = around
        self._depth -= 1
        if not self._take(")"):
            raise UnsupportedError("a ( without a )")
        return node

    # Characters

    def _escape(self) -> CharSet:
        """Parse an escape, after its backslash, as a set of characters."""
        char = self._next()
        if char in "pP":
            found = self._property()
            return found if char == "p" else ~found
        if char in "sSdDwW":
            found = _CLASSES[char.lower()]()
            return found if char.islower() else ~found
        return self._any_case_of(CharSet.of(self._escaped_char(char)))

    def _escaped_char(self, char: str) -> str:
        """Parse an escape of one character, after its backslash and `char`, and return the character."""
        if char in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[char]
        if char in "xuU":
            digits = self._match(_HEXADECIMAL[char])
            number = int(digits[0].strip("{}"), 16) if digits else 0x110000
            if number >= 0x110000:
                raise UnsupportedError(f"the escape \\{char}{self._peek()}")
            return chr(number)
        if char in string.ascii_letters or char in string.digits:
            raise UnsupportedError(f"the escape \\{char}")
        return char

    def _property(self) -> CharSet:
        """Parse the name after \\p or \\P, and return the set of this property."""
        found = self._match(_PROPERTY)
        name = (found[1] or found[2]) if found else ""
        points = property_set(name)
        if points is None:
            raise UnsupportedError(f"the property \\p{{{name}}}")
        if self._any_case and name in ("Lu", "Ll", "Lt"):
            raise UnsupportedError(f"\\p{{{name}}} in (?i)")
        return points

    def _set(self) -> CharSet:
        """Parse the content of a set in brackets, after its [, and its ]."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise UnsupportedError("sets nested too deeply")
        negated = self._take("^")
        operands = [self._operand(True)]
        while self._take("&&"):
            operands.append(self._operand(False))
        if not self._take("]"):
            raise UnsupportedError("a [ without a ]")
        self._depth -= 1
        points = operands[0]
        for operand in operands[1:]:
            points &= operand
        return ~points if negated else points

    def _operand(self, first: bool) -> CharSet:
        """Parse the items of a set up to && or its ]. first: False after a &&, where a nested set may be."""
        if not first and self._take("["):
            points = self._set()
            if self._peek() != "]" and self._peek(2) != "&&":
                raise UnsupportedError("a nested set beside other characters")
            return points
        items: list[CharSet] = []
        while self._peek(2) != "&&" and (self._peek() != "]" or (first and not items)):  # a first ] is a character
            if self._peek(2) in ("~~", "||"):
                raise UnsupportedError(f"{self._peek(2)} in a set, which engines read differently")
            items.append(self._item())
        if not items:
            raise UnsupportedError("an empty side of &&")
        return CharSet.union(items)

    def _item(self) -> CharSet:
        """Parse a character, a range or a class in a set."""
        start = self._item_char()
        if isinstance(start, CharSet):
            if self._peek() == "-" and self._peek(2) != "-]":
                raise UnsupportedError("a - after a class, which engines read differently")
            return start
        if self._peek(2) == "--":
            raise UnsupportedError("-- in a set, which engines read differently")
        if self._peek() != "-" or self._peek(2) in ("-]", "-"):
            return self._any_case_of(CharSet.of(start))
        self._pos += 1
        last = self._item_char()
        if isinstance(last, CharSet) or last < start:
            raise UnsupportedError("a range that is not valid")
        return self._any_case_of(CharSet.of_ranges([(ord(start), ord(last))]))

    def _item_char(self) -> str | CharSet:
        char = self._next()
        if char == "[":
            raise UnsupportedError("a [ in a set, which engines read differently; write \\[")
        if char != "\\":
            return char
        return self._escape() if self._peek() in tuple("pPsSdDwW") else self._escaped_char(self._next())

    def _any_case_of(self, points: CharSet) -> CharSet:
        """Return the characters and, inside (?i:, the characters that differ from them only in case."""
        if not self._any_case:
            return points
        if max(points.edges) > 0x80:
            raise UnsupportedError("characters outside ASCII in (?i)")
        if ord("i") in points or ord("I") in points:
            raise UnsupportedError("the letter i in (?i), which engines read differently")
        for letter in string.ascii_lowercase:
            if ord(letter) in points or ord(letter.upper()) in points:
                points |= CharSet.of(_OTHER_CASES.get(letter, letter + letter.upper()))
        return points


def _look(node: Node) -> Look:
    """Return a lookahead with this content: one character of a set, the end of the text, or either.

    Raises UnsupportedError for other content.
    """
    branches = node.branches if isinstance(node, Choice) else (node,)
    look = Look(NOTHING, False)
    for branch in branches:
        if isinstance(branch, Chars):
            look = replace(look, points=look.points | branch.points)
        elif isinstance(branch, Look) and not branch.points:
            look = replace(look, at_end=look.at_end or branch.at_end)
        else:
            raise UnsupportedError("a lookahead of more than one character")
    return look
