"""What each baseline scores; how they rank is tested with the ranking."""

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.baselines import Fixed, Popularity, Random

NOTHING = Histories(np.zeros(6, np.int64), np.zeros(0, np.int64))


def test_popularity_is_the_same_for_everybody_and_zero_for_unknown_items() -> None:
    train = Histories(np.array([0, 2, 3, 3, 3, 3]), np.array([1, 2, 1]))
    scores = Popularity(train, 4).score(np.array([4, 0]), NOTHING)
    assert scores.tolist() == [[0, 2, 1, 0]] * 2 and scores.dtype == torch.float32


def test_random_depends_on_the_user_and_the_seed_alone() -> None:
    together = Random(1, 50).score(np.array([3, 0, 3]), NOTHING)
    assert torch.equal(together[0], together[2]) and not torch.equal(together[0], together[1])
    assert torch.equal(together[1], Random(1, 50).score(np.array([0]), NOTHING)[0])
    assert not torch.equal(together, Random(2, 50).score(np.array([3, 0, 3]), NOTHING))


def test_random_is_uniform_over_items() -> None:
    scores = Random(0, 20).score(np.arange(4000), Histories(np.zeros(4001, np.int64), NOTHING.items))
    first = np.bincount(scores.argmax(1).numpy(), minlength=20) / len(scores)
    assert scores.dtype == torch.float32
    assert np.abs(first - 1 / 20).max() < 4 * np.sqrt(0.05 * 0.95 / 4000), "within 4 standard errors"


def test_fixed_hands_out_the_rows_of_the_users() -> None:
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert Fixed(table).score(np.array([2, 0]), NOTHING).tolist() == [[4, 5], [0, 1]]
