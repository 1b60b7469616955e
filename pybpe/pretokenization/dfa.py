"""Patterns compiled to tables of deterministic automata, which automaton.pyx runs.

An automaton follows all choices of a backtracking engine at once. A state is the list of the steps where that engine
could be, in the order in which it would try them, cut off after a step where the pattern matches (Pike, 1985; Cox,
2010). So the last match that a run records is the match that the engine would return.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pybpe._core.automaton import AT_END, BEFORE, HERE, MAX_BOUNDED, AutomatonSplitter
from pybpe.pretokenization.charsets import END, CharSet
from pybpe.pretokenization.nfa import Accept, Graph, Step, build
from pybpe.pretokenization.parser import UnsupportedError

T = TypeVar("T", bound=Hashable)

MAX_STATES = 4096
MAX_WORK = 1_000_000  # maximum steps visited to build an automaton: about a second
DEAD = -1  # the state of a run that cannot match any more
BLOCK = 128  # code points that share a row of the class table


def compile_stages(stages: tuple[str, ...]) -> AutomatonSplitter:
    """Return the compiled splitter of patterns, each of which splits the words of the one before.

    Raises UnsupportedError, with the reason, for patterns that cannot be compiled.
    """
    graphs = [build(stage) for stage in stages]
    alphabet = _Alphabet(graphs)
    automata = [Automaton(graph, alphabet) for graph in graphs]
    for number, automaton in enumerate(automata[:-1]):
        if automaton.is_resumable() or automaton.matches_within(MAX_BOUNDED):
            continue
        if number + 2 < len(automata) or not automaton.is_cut_within(MAX_BOUNDED, automata[-1]):
            raise UnsupportedError("a pattern before another whose long matches cannot be split a part at a time")
    tables = [automaton.tables(alphabet) for automaton in automata]
    return AutomatonSplitter(alphabet.blocks, alphabet.rows, tables, cut_table(automata))


class _Alphabet:
    """The classes of characters that no set of the graphs distinguishes, numbered from 0.

    size: the number of classes. blocks: uint16[8704]. rows: uint8[n, 128]. The class of a code point is
    rows[blocks[point // 128], point % 128].
    """

    def __init__(self, graphs: list[Graph]) -> None:
        sets = {points: 1 << number for number, points in enumerate(_sets_of(graphs))}
        changes: dict[int, int] = {0: 0}
        for points, bit in sets.items():
            for edge in points.edges:
                changes[edge] = changes.get(edge, 0) ^ bit
        changes.pop(END, None)
        starts = sorted(changes)
        numbers: dict[int, int] = {}
        members, current = [], 0
        for start in starts:
            current ^= changes[start]
            members.append(numbers.setdefault(current, len(numbers)))
        if len(numbers) > 255:
            raise UnsupportedError("more than 255 classes of characters")
        self.size = len(numbers)
        self._sets = {
            points: frozenset(number for held, number in numbers.items() if held & bit) for points, bit in sets.items()
        }
        flat = np.repeat(np.array(members, dtype=np.uint8), np.diff([*starts, END]))
        distinct: dict[bytes, int] = {}
        content = flat.tobytes()
        kinds = [distinct.setdefault(content[at : at + BLOCK], len(distinct)) for at in range(0, END, BLOCK)]
        self.blocks = np.array(kinds, dtype=np.uint16)
        self.rows = np.frombuffer(b"".join(distinct), dtype=np.uint8).reshape(-1, BLOCK)

    def classes_of(self, points: CharSet) -> frozenset[int]:
        """Return the classes whose union is `points`, a set of the graphs."""
        return self._sets[points]


def _sets_of(graphs: list[Graph]) -> list[CharSet]:
    """Return the sets of characters that the graphs use, each once."""
    sets = []
    for graph in graphs:
        for step in graph.steps:
            if isinstance(step, Step):
                sets.append(step.points)
            elif isinstance(step, Accept) and step.look:
                sets.append(step.look.points)
    return list(dict.fromkeys(sets))


class Automaton:
    """The deterministic automaton of a pattern.

    targets: for each state a list with the next state for each class, or DEAD. State 0 is the start.
    kinds: for each state a sum of flags. HERE: the text read so far matches. BEFORE: the text without its last
        character matches, and a lookahead has read this character. AT_END: the text matches if it ends here.

    Raises UnsupportedError for a pattern with too many states, or whose splitting may take more than linear time.
    """

    def __init__(self, graph: Graph, alphabet: _Alphabet) -> None:
        self.targets: list[list[int]] = []
        self.kinds: list[int] = []
        wanted = [_wanted(graph, place, alphabet) for place in range(len(graph.steps))]
        start = (tuple(graph.reach((graph.start,))), 0)
        numbers = {start: 0}
        waiting = [start]
        work = 0
        for places, kind in waiting:  # the loop appends to `waiting`
            self.kinds.append(kind | _at_end(graph, places))
            row = []
            for number in range(alphabet.size):
                state = _read(graph, wanted, places, number)
                if state == ((), 0):
                    row.append(DEAD)
                    continue
                work += 1 + len(places) + len(state[0])
                if state not in numbers:
                    numbers[state] = len(numbers)
                    waiting.append(state)
                row.append(numbers[state])
            self.targets.append(row)
            if len(numbers) > MAX_STATES or work > MAX_WORK:
                raise UnsupportedError(f"more than {MAX_STATES:,} states, or too much work to find them")
        if not self._is_linear(MAX_WORK - work):
            raise UnsupportedError("a pattern that some texts make read again and again far beyond a word's end")

    def _is_bare(self, state: int) -> bool:
        """Return True if a state only records a match before the last character, and ends the run."""
        return self.kinds[state] == BEFORE and all(target == DEAD for target in self.targets[state])

    def _is_linear(self, work: int) -> bool:
        """Return True if splitting takes time linear in the text.

        work: the maximum steps to spend. A run may read beyond the last match that it records. If two runs from
        different starts could do so over the same text of any length, then many runs could, and the time could be
        quadratic. Call a state silent if it records no match. The condition is that there is no cycle of pairs of
        silent states, where the second state of a pair is reached by a run that starts while the first is silent.
        """
        silent = [kind & (HERE | BEFORE) == 0 for kind in self.kinds]
        entered = {to for row in self.targets for to in row}
        waiting = [(state, 0) for state in entered - {DEAD} if silent[state]]
        edges: dict[tuple[int, int], list[tuple[int, int]]] = {}
        while waiting:
            pair = waiting.pop()
            if pair in edges:
                continue
            both = set(zip(self.targets[pair[0]], self.targets[pair[1]], strict=True))
            edges[pair] = [(one, two) for one, two in both if one != DEAD and two != DEAD and silent[one]]
            waiting += edges[pair]
            work -= len(both)
            if work < 0:
                raise UnsupportedError("too many states to prove that splitting takes linear time")
        quiet = {pair: [to for to in found if silent[to[1]]] for pair, found in edges.items() if silent[pair[1]]}
        return not _has_cycle(quiet)

    def is_resumable(self) -> bool:
        """Return True if splitting that starts at any position in a match finds the same end of the match."""
        start = self.targets[0]
        return all(to in (DEAD, start[number]) for row in self.targets[1:] for number, to in enumerate(row))

    def matches_within(self, limit: int) -> bool:
        """Return True if no run reads more than `limit` characters."""
        reached = {0}
        for _ in range(limit + 1):
            reached = {to for state in reached for to in self.targets[state]} - {DEAD}
        return not reached

    def is_cut_within(self, limit: int, other: Automaton) -> bool:
        """Return True if no match becomes more than `limit` words of another pattern; False if that is not known.

        The search is conservative: it assumes that a word of the other pattern may end wherever its run matches and the
        next character does not lead to a longer match.
        """
        silent = [kind & (HERE | BEFORE) == 0 for kind in other.kinds]
        if any(to != DEAD and silent[to] for to in other.targets[0]):
            return False  # a run that ends without a match starts again at the next character
        reached = {(to, begun) for to, begun in zip(self.targets[0], other.targets[0], strict=True) if to != DEAD}
        for _ in range(limit):
            reached = self._words_behind(reached, other)
            if not reached:
                return True
        return False

    def _words_behind(self, reached: set[tuple[int, int]], other: Automaton) -> set[tuple[int, int]]:
        """Return the pairs of states in which the next word of `other` may begin, given those where one has begun."""
        waiting, seen, begun = list(reached), set(reached), set()
        while waiting:
            mine, its = waiting.pop()
            row = other.targets[its] if its != DEAD else [DEAD] * len(other.targets[0])
            for to, on, start in zip(self.targets[mine], row, other.targets[0], strict=True):
                if to == DEAD:
                    continue
                if on == DEAD or not other.kinds[on] & HERE:
                    begun.add((to, start))
                if on != DEAD and (to, on) not in seen:
                    seen.add((to, on))
                    waiting.append((to, on))
        return begun

    def definite_ends(self, before: int) -> frozenset[int] | None:
        """Return the classes before which a character of class `before` always ends its word.

        None if no run ever reads a character of class `before`. A character ends its word before a class if every run
        that reads it matches up to there and cannot read that class, and if a run can start with it.
        """
        reached = {row[before] for row in self.targets} - {DEAD}
        if not reached:
            return None
        if self.targets[0][before] == DEAD or not all(self.kinds[state] & HERE for state in reached):
            return frozenset()
        return frozenset(
            number
            for number in range(len(self.targets[0]))
            if all(self.targets[state][number] == DEAD for state in reached)
        )

    def tables(self, alphabet: _Alphabet) -> Tables:
        """Return (targets, flags, fresh, resumable) for the compiled splitter; see AutomatonSplitter.

        State s of this automaton is state s + 1 of the tables, whose state 0 stops the run. If a run matches up to a
        character and cannot continue, it begins the next word with this character: it goes to a copy of the state that
        the character leads to from the start. `fresh` is the first copy.
        """
        start = self.targets[0]
        copies = {to: 0 for to in start if to != DEAD}
        fresh = 1 + len(self.targets)
        for number, to in enumerate(copies):
            copies[to] = fresh + number
        rows = [[0] * alphabet.size]
        for state, row in enumerate(self.targets):
            ended = self.kinds[state] & HERE
            entries = [to + 1 for to in row]
            for number, to in enumerate(row):
                if start[number] != DEAD and (self._is_bare(to) if to != DEAD else ended):
                    entries[number] = copies[start[number]]
            rows.append(entries)
        rows += [rows[to + 1] for to in copies]
        kinds = [0, *self.kinds, *(self.kinds[to] for to in copies)]
        return np.array(rows, dtype=np.uint32), np.array(kinds, dtype=np.uint8), fresh, self.is_resumable()


Tables = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], int, bool]
State = tuple[tuple[int, ...], int]  # the steps where the engine could be, in order of preference, and HERE or BEFORE


def _wanted(graph: Graph, place: int, alphabet: _Alphabet) -> frozenset[int]:
    """Return the classes that a step reads, or that its lookahead accepts."""
    step = graph.steps[place]
    if isinstance(step, Step):
        return alphabet.classes_of(step.points)
    return alphabet.classes_of(step.look.points) if isinstance(step, Accept) and step.look else frozenset()


def _at_end(graph: Graph, places: tuple[int, ...]) -> int:
    looks = (step.look for place in places if isinstance(step := graph.steps[place], Accept))
    return AT_END if any(look and look.at_end for look in looks) else 0


def _read(graph: Graph, wanted: list[frozenset[int]], places: tuple[int, ...], number: int) -> State:
    """Return the state after one more character, of class `number`."""
    following = []
    kind = 0
    for place in places:
        if number not in wanted[place]:
            continue
        step = graph.steps[place]
        if isinstance(step, Accept):
            kind = BEFORE  # the lookahead matches; steps after it in the list have lower preference
            break
        if isinstance(step, Step):
            following.append(step.following)
    reached = tuple(graph.reach(tuple(following)))
    if reached and graph.steps[reached[-1]] == Accept(None):
        kind = HERE
    return reached, kind


def _has_cycle(edges: dict[T, list[T]]) -> bool:
    """Return True if a graph has a cycle: if nodes remain after repeated removal of nodes without incoming edges."""
    arrows = dict.fromkeys(edges, 0)
    for found in edges.values():
        for to in found:
            arrows[to] += 1
    waiting = [node for node, count in arrows.items() if not count]
    removed = 0
    while waiting:
        removed += 1
        for to in edges[waiting.pop()]:
            arrows[to] -= 1
            if not arrows[to]:
                waiting.append(to)
    return removed < len(edges)


def cut_table(automata: list[Automaton]) -> npt.NDArray[np.uint8]:
    """Return uint8[classes, classes]: 1 if there is a safe cut between characters of two classes.

    There is one if an automaton always ends a word between the two characters, and the automata before it never read
    the first character: then their words end there, or the characters are in text that they do not match, in both parts
    as in the whole.
    """
    size = len(automata[0].targets[0])
    table = np.zeros((size, size), dtype=np.uint8)
    for before in range(size):
        for automaton in automata:
            ends = automaton.definite_ends(before)
            if ends is not None:
                table[before, sorted(ends)] = 1
                break
    return table
