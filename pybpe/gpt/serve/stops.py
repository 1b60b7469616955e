"""Find stop strings in text that comes token by token, also across tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Token:
    """A chosen token with its log probability in nats, and the most likely (id, log probability) before it."""

    id: int
    logprob: float
    top: Sequence[tuple[int, float]] = ()


@dataclass(frozen=True)
class Piece:
    """A piece of an answer that is sent: text of one kind, with the ids that it was made of.

    kind: of the part of the answer, one of conversation.KINDS. tokens: those of `ids` that were chosen, if log
    probabilities are wanted. forced: True if the model did not choose the ids.
    """

    kind: str
    text: str
    ids: tuple[int, ...] = ()
    forced: bool = False
    tokens: tuple[Token, ...] = ()


class StopFilter:
    """Passes pieces on until a stop string begins in the text; pieces that may begin one are held back.

    The string that is complete first ends the text, the longest of several. It is looked for in each text part of an
    answer alone; code and its output are passed on as they are.

    >>> stops = StopFilter(["END"])
    >>> [piece.text for text in ("a", "b E", "N", "D c") for piece in stops.feed(Piece("text", text))]
    ['a', 'b ']
    >>> stops.stopped
    True
    """

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = [*stops]
        self._held: list[Piece] = []
        self._longest = max(map(len, self._stops), default=0)
        self.stopped = False

    def feed(self, piece: Piece) -> list[Piece]:
        """Take the next piece; return the pieces that can be sent now, none after a stop string."""
        if self.stopped:
            return []
        if piece.kind != "text":
            return [*self.flush(), piece]
        self._held.append(piece)
        text = "".join(each.text for each in self._held)
        ends = [(start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0]
        if ends:
            self.stopped = True
            return self._until(min(ends)[1])
        return self._before(self._possible(text))

    def flush(self) -> list[Piece]:
        """Return the pieces that are held back; the text has ended without a stop string."""
        pieces, self._held = self._held, []
        return pieces

    def _possible(self, text: str) -> int:
        """Return the first place in a text from which its rest begins a stop string, its length if there is none."""
        for place in range(max(0, len(text) - self._longest + 1), len(text)):
            if any(stop.startswith(text[place:]) for stop in self._stops):
                return place
        return len(text)

    def _before(self, place: int) -> list[Piece]:
        """Return the pieces whose text ends at a place at the latest, and hold the others."""
        end = count = 0
        for piece in self._held:
            end += len(piece.text)
            if end > place:
                break
            count += 1
        pieces, self._held = self._held[:count], self._held[count:]
        return pieces

    def _until(self, place: int) -> list[Piece]:
        """Return the pieces that begin before a place, the last one cut there."""
        pieces, begin = [], 0
        for piece in self._held:
            if begin >= place:
                break
            pieces.append(replace(piece, text=piece.text[: place - begin]))
            begin += len(piece.text)
        self._held = []
        return pieces
