"""Examples never show a target in the history."""

import numpy as np
import pandas as pd

from fusionrec.data.histories import Histories
from fusionrec.training.batches import batches, examples

TABLE = pd.DataFrame({"user": [0] * 5 + [2] * 2, "item": [4, 3, 2, 1, 0, 5, 6], "timestamp": range(7)})
TRAIN = Histories.of(TABLE, 3)


def test_by_hand() -> None:
    batch = examples(TRAIN, np.array([0, 2, 0]), np.array([3, 0, 4]), targets=2, length=2)
    assert batch.latest.tolist() == [[2, 3], [-1, -1], [1, 2]]
    assert batch.targets.tolist() == [[1, 0], [5, 6], [0, -1]]
    row, item = batch.past
    assert sorted(zip(row.tolist(), item.tolist(), strict=True)) == [
        (0, 2), (0, 3), (0, 4), (2, 1), (2, 2), (2, 3), (2, 4)
    ]  # fmt: skip


def test_an_epoch() -> None:
    drawn = list(batches(TRAIN, 64, 2, 3, np.random.default_rng(0)))
    assert len(drawn) == 1, "seven interactions are less than one batch"
    batch = drawn[0]
    assert set(batch.users.tolist()) == {0, 2}, "a user without interactions is never drawn"
    assert (batch.targets[:, 0] >= 0).all(), "there is always something to predict"
    for row in range(64):
        past = set(batch.past[1][batch.past[0] == row].tolist())
        assert not past & set(batch.targets[row].tolist())
        assert set(batch.latest[row].tolist()) - {-1} <= past


def test_users_are_drawn_by_the_root_of_their_length() -> None:
    users = np.concatenate([b.users for b in batches(TRAIN, 5000, 1, 1, np.random.default_rng(0))])
    expected = np.sqrt(5) / (np.sqrt(5) + np.sqrt(2))
    assert abs((users == 0).mean() - expected) < 0.02


def test_the_generator_decides_everything() -> None:
    one, two = (next(iter(batches(TRAIN, 8, 2, 3, np.random.default_rng(7)))) for _ in range(2))
    assert one.targets.tolist() == two.targets.tolist()
