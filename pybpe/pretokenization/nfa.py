"""The nondeterministic automaton of a pattern: a graph of steps with forks in order of preference.

This is the construction of Thompson (1968) with priorities: a backtracking engine tries the targets of a fork in the
same order. A possessive quantifier is built as a greedy one, if the two are equivalent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pybpe.pretokenization.charsets import NOTHING, CharSet
from pybpe.pretokenization.parser import Chars, Choice, Joined, Look, Node, Repeat, UnsupportedError, parse

MAX_STEPS = 4096


@dataclass(frozen=True)
class Step:
    """A step that reads one character of `points` and continues at step `following`."""

    points: CharSet
    following: int


@dataclass(frozen=True)
class Fork:
    """A step that continues at one of several steps, in order of preference."""

    targets: tuple[int, ...]


@dataclass(frozen=True)
class Accept:
    """A step where the pattern matches; with a Look, only if the lookahead matches too."""

    look: Look | None


@dataclass
class Graph:
    """The steps of a pattern by number, and the number of the first step."""

    steps: list[Step | Fork | Accept] = field(default_factory=lambda: [Accept(None)])
    start: int = 0

    def add(self, step: Step | Fork | Accept) -> int:
        """Append a step and return its number. Raises UnsupportedError for more than MAX_STEPS."""
        if len(self.steps) == MAX_STEPS:
            raise UnsupportedError(f"more than {MAX_STEPS:,} steps")
        self.steps.append(step)
        return len(self.steps) - 1

    def reach(self, places: tuple[int, ...]) -> list[int]:
        """Return the steps, not forks, that `places` lead to, in order of preference, up to one that always accepts."""
        found: list[int] = []
        seen: set[int] = set()
        waiting = list(reversed(places))
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            step = self.steps[place]
            if isinstance(step, Fork):
                waiting += reversed(step.targets)
                continue
            found.append(place)
            if step == Accept(None):
                break
        return found


def build(pattern: str) -> Graph:
    """Return the graph of a pattern. Raises UnsupportedError, with the reason, for one that cannot be compiled."""
    builder = _Builder()
    graph = builder.graph
    graph.start = builder.place(parse(pattern), 0)
    if any(isinstance(graph.steps[place], Accept) for place in graph.reach((graph.start,))):
        raise UnsupportedError("a pattern that matches empty text")
    for body, following in builder.possessive:
        _check_possessive(graph, body, following)
    return graph


class _Builder:
    """A builder of the graph, which adds nodes from the end of the pattern to its start."""

    def __init__(self) -> None:
        self.graph = Graph()
        # For each possessive quantifier: the set that it repeats, None if it is not one set; the step that follows.
        self.possessive: list[tuple[CharSet | None, int]] = []

    def place(self, node: Node, following: int) -> int:
        """Add a node that continues at step `following`, and return the number of its first step."""
        if isinstance(node, Chars):
            return self.graph.add(Step(node.points, following))
        if isinstance(node, Choice):
            return self.graph.add(Fork(tuple(self.place(branch, following) for branch in node.branches)))
        if isinstance(node, Look):
            if following != 0:
                raise UnsupportedError("a lookahead or $ that does not end its alternative")
            return self.graph.add(Accept(node))
        if isinstance(node, Joined):
            for part in reversed(node.parts):
                following = self.place(part, following)
            return following
        return self._place_repeat(node, following)

    def _place_repeat(self, node: Repeat, following: int) -> int:
        """Add a quantifier: copies of its body, with a fork before each optional one. See `place`."""
        if node.most != 1 and _may_be_empty(node.body):
            raise UnsupportedError("a quantifier of a group that may match empty text")
        if node.possessive:
            self._note_possessive(node, following)
        if node.most is None:
            start = self.graph.add(Fork(()))
            self.graph.steps[start] = Fork((self.place(node.body, start), following))
        else:
            start = following
            for _ in range(node.most - node.least):
                start = self.graph.add(Fork((self.place(node.body, start), following)))
        for _ in range(node.least):
            start = self.place(node.body, start)
        return start

    def _note_possessive(self, node: Repeat, following: int) -> None:
        body = node.body
        if node.least == node.most == 1 and isinstance(body, Repeat):
            body = body.body  # (?>x*) is x*+
        self.possessive.append((body.points if isinstance(body, Chars) else None, following))


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, Chars):
        return False
    if isinstance(node, Joined):
        return all(map(_may_be_empty, node.parts))
    if isinstance(node, Choice):
        return any(map(_may_be_empty, node.branches))
    return isinstance(node, Look) or node.least == 0 or _may_be_empty(node.body)


def _check_possessive(graph: Graph, body: CharSet | None, following: int) -> None:
    """Raise UnsupportedError unless a possessive quantifier is equivalent to a greedy one.

    The two are equivalent if the rest of the pattern always matches, so that there is no backtracking; and if the
    quantifier repeats one character and the rest begins with other characters, so that backtracking never succeeds.
    """
    reached = [graph.steps[place] for place in graph.reach((following,))]
    if Accept(None) in reached:
        return
    first = NOTHING
    for step in reached:
        if isinstance(step, Step):
            first |= step.points
        elif isinstance(step, Accept) and step.look:
            first |= step.look.points
    if body is None or body & first:
        raise UnsupportedError("a possessive quantifier or atomic group that is not the same as a greedy one")
