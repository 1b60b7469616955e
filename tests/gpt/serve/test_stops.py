"""Stop strings, in texts that come in any pieces."""

from hypothesis import example, given
from hypothesis import strategies as st

from pybpe.gpt.serve.stops import Piece, StopFilter

TEXT = st.text("abc", max_size=30)
STOPS = st.lists(st.text("abc", min_size=1, max_size=5), max_size=4)


def expected(text, stops):
    """What remains of a text whose characters come one by one."""
    for end in range(1, len(text) + 1):
        ended = [stop for stop in stops if text[:end].endswith(stop)]
        if ended:
            return text[: end - max(map(len, ended))], True
    return text, False


@given(TEXT, STOPS, st.lists(st.integers(0, 30)))
@example("abcd", ["bc", "abcd"], [])
@example("aab", ["ab"], [1, 2])
def test_any_pieces_give_the_same(text, stops, cuts):
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[begin:end] for begin, end in zip(places, places[1:], strict=False)]
    found, filter_ = [], StopFilter(stops)
    for number, piece in enumerate(pieces):
        found += filter_.feed(Piece("text", piece, (number,)))
        assert "".join(each.text for each in found) == expected(text, stops)[0][: sum(len(each.text) for each in found)]
    if not filter_.stopped:
        found += filter_.flush()
    assert ("".join(each.text for each in found), filter_.stopped) == expected(text, stops)
    ids = [id_ for each in found for id_ in each.ids]
    assert ids == list(range(len(ids)))  # in order, none twice
    if not filter_.stopped:
        assert len(ids) == len(pieces)


@given(TEXT, STOPS)
def test_no_more_is_held_back_than_needed(text, stops):
    filter_ = StopFilter(stops)
    sent = "".join(piece.text for char in text for piece in filter_.feed(Piece("text", char)))
    if not filter_.stopped:
        held = text[len(sent) :]
        assert held == "" or any(stop.startswith(held) for stop in stops)


def test_code_and_output_are_not_searched():
    filter_ = StopFilter(["ab"])
    pieces = [Piece("text", "a"), Piece("python", "ab"), Piece("output", "ab"), Piece("text", "b")]
    assert [each for piece in pieces for each in filter_.feed(piece)] == pieces
    assert not filter_.stopped
