"""Rows of conversations: each id and each target once, in order, and the same rows for the same step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.gpt.finetune.rows import IGNORED, PADDING, Encoded, PackedRows


def encoded(conversations):
    """Encoded from lists of (id, trained on)."""
    ids = [id_ for each in conversations for id_, _ in each]
    mask = [trained for each in conversations for _, trained in each]
    starts = np.cumsum([0, *map(len, conversations)])
    return Encoded(np.array(ids, np.uint32), np.array(mask, bool), starts.astype(np.int64))


# A conversation begins with an id that is not trained on, bos, and has at least one that is.
CONVERSATION = st.lists(st.tuples(st.integers(1, 99), st.booleans()), max_size=10).map(
    lambda middle: [(0, False), *middle, (7, True)]
)
CONVERSATIONS = st.lists(CONVERSATION, min_size=1, max_size=12)


@given(CONVERSATIONS, st.integers(11, 30), st.integers(0, 5))
def test_an_epoch_has_each_conversation_once_and_whole(conversations, width, seed):
    data = encoded(conversations)
    rows = PackedRows(data, width)
    for epoch in range(2):
        found, n_targets = [], 0
        for step in range(epoch * len(rows), (epoch + 1) * len(rows)):
            (row,), (count,) = rows.of_step(step, 1, seed)
            ids, targets = data.batch([row], width)
            assert ids.shape == targets.shape == (1, width)
            pairs = [pair for each in row for pair in conversations[each]]
            whole = [*ids[0].tolist(), PADDING][: len(pairs)]
            # The last id of a full row is a target alone.
            assert whole[:-1] == [id_ for id_, _ in pairs][:-1]
            expected = [id_ if trained else IGNORED for id_, trained in pairs[1:]]
            assert targets[0].tolist() == expected + [IGNORED] * (width - len(expected))
            assert ids[0, len(pairs) :].tolist() == [PADDING] * max(0, width - len(pairs))
            assert count == (targets != IGNORED).sum() == sum(trained for _, trained in pairs) > 0
            found += row
            n_targets += count
        assert sorted(found) == list(range(len(conversations)))
        assert n_targets == len(data.targets) == data.n_targets.sum()


@given(CONVERSATIONS, st.integers(1, 7), st.integers(1, 6), st.integers(0, 3))
def test_the_rows_of_a_step_depend_on_seed_and_step_alone(conversations, n_rows, steps, seed):
    data = encoded(conversations)
    forward = [PackedRows(data, 12).of_step(step, n_rows, seed)[0] for step in range(steps)]
    rows = PackedRows(data, 12)
    backward = [rows.of_step(step, n_rows, seed)[0] for step in reversed(range(steps))]
    assert backward[::-1] == forward
    together, counts = rows.of_step(0, n_rows * steps, seed)  # as one long step
    assert together == [row for step in forward for row in step]
    assert counts.tolist() == [sum(data.n_targets[row]) for row in together]


def test_epochs_and_seeds_differ():
    data = encoded([[(0, False), (number + 1, True)] for number in range(60)])
    rows = PackedRows(data, 3)
    orders = [[rows.of_step(epoch, len(rows), seed)[0] for epoch in range(2)] for seed in range(2)]
    assert len({str(order) for each in orders for order in each}) == 4
    firsts = {row[0] for epoch in range(20) for row in rows.of_step(epoch, len(rows), 1)[0]}
    assert len(firsts) > len(rows)  # others begin a row in other epochs


@given(CONVERSATIONS, st.data())
def test_some_of_the_conversations(conversations, data):
    whole = encoded(conversations)
    chosen = data.draw(st.lists(st.sampled_from(range(len(conversations))), max_size=8))
    taken, expected = whole.take(chosen), encoded([conversations[each] for each in chosen])
    for name in ("ids", "mask", "starts", "lengths", "targets", "n_targets"):
        assert getattr(taken, name).tolist() == getattr(expected, name).tolist()


class Uniform:
    """A model whose loss is the mean of the targets."""

    def loss(self, ids, targets):
        return float(targets[targets != IGNORED].mean())


@given(CONVERSATIONS, st.integers(1, 5))
def test_the_loss_is_the_mean_over_all_targets(conversations, size):
    data = encoded(conversations)
    assert data.loss(Uniform(), size) == pytest.approx(data.targets.mean())
