"""Answers that are followed id by id, without a model."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: pip install '.[gpt]'")

from support.chat_models import chat_tokenizer

from pybpe.gpt.sampling import Sampling
from pybpe.gpt.serve.jobs import Continuation, Done, Job

from .test_stops import expected

TOKENIZER = chat_tokenizer()
ENDS = set(TOKENIZER.special_tokens.values())
IDS = st.lists(st.sampled_from([97, 98, 98, 99, 0xC3, 0xA9, 0xF0]) | st.sampled_from(sorted(ENDS)), max_size=20)
STOPS = st.lists(st.text("abcé", min_size=1, max_size=4), max_size=4)


@given(IDS, STOPS, st.integers(1, 20), st.integers(1, 20))
def test_a_completion_ends_where_it_must(ids, stops, max_tokens, room):
    """Whatever is chosen: the text is that of the ids up to the first end, and no id is taken after it."""
    sent = []
    job = Job(
        *([1], Continuation(TOKENIZER, ENDS), Sampling(), None, max_tokens, tuple(stops), 0),
        deliver=lambda item: sent.append(item) or True,
        deadline=math.inf,
    )
    job.row = SimpleNamespace(room=room, reused=0, banned=set(), waiting=False)
    taken = 0
    for id_ in ids:
        if job.ended:
            break
        job.row.room -= 1
        taken += 1
        job.take(SimpleNamespace(id=id_, logprob=-1.0, top=[], row=job.row))
    stream, text, reason, count = TOKENIZER.decode_stream(), "", None, 0
    for id_ in ids:  # the same, one id after another
        count += 1
        text += stream.finish() if id_ in ENDS else stream.feed(id_)
        if expected(text, stops)[1] or id_ in ENDS:
            reason = "stop"
        elif count >= min(max_tokens, room):
            text += stream.finish()
            reason = "stop" if expected(text, stops)[1] else "length"
        if reason is not None:
            break
    assert taken == count
    assert job.ended == (reason is not None)
    if reason is not None:
        *pieces, done = sent
        assert done == Done(reason, count, 0, 0)
        assert "".join(piece.text for piece in pieces) == expected(text, stops)[0]
        shown = [id_ for piece in pieces for id_ in piece.ids]
        assert shown == [id_ for id_ in ids[:count] if id_ not in ENDS][: len(shown)]
        assert [token.id for piece in pieces for token in piece.tokens] == shown
