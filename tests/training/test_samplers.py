import numpy as np
import pandas as pd
import pytest

from fusionrec.data.histories import Histories
from fusionrec.training.samplers import UniformNegatives


def test_never_a_positive_and_uniform_over_the_rest() -> None:
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"user": draw.integers(0, 50, 2000), "item": draw.integers(0, 60, 2000)})
    table = table.drop_duplicates().assign(timestamp=0)
    train = Histories.of(table, 50)
    users = np.repeat(np.arange(50), 20)
    negatives = UniformNegatives(train, np.arange(60)).draw(users, 1000, draw)
    positives = set(zip(table["user"], table["item"], strict=True))
    drawn = pd.DataFrame({"user": users.repeat(1000), "item": negatives.ravel()}).value_counts()
    assert not positives & set(drawn.index)
    for user in range(3):
        expected = 20_000 / (60 - train.counts[user])
        assert abs(drawn[user] / expected - 1).max() < 0.2


def test_only_items_from_the_list() -> None:
    train = Histories.of(pd.DataFrame({"user": [0], "item": [2], "timestamp": [0]}), 1)
    drawn = UniformNegatives(train, np.array([2, 5])).draw(np.array([0]), 50, np.random.default_rng(0))
    assert set(drawn.ravel()) == {5}


def test_a_user_with_every_item_is_an_error_and_no_endless_loop() -> None:
    train = Histories.of(pd.DataFrame({"user": [0, 0], "item": [0, 1], "timestamp": [0, 1]}), 1)
    with pytest.raises(ValueError, match="no negative"):
        UniformNegatives(train, np.arange(2))
