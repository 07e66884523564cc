"""Examples never show a target in what is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionrec import sections
from fusionrec.data.histories import Histories
from fusionrec.training.batches import Batch, batches, causal, every_moment, masked, steps
from fusionrec.training.options import Train

TABLE = pd.DataFrame({"user": [0] * 5 + [2] * 2, "item": [4, 3, 2, 1, 0, 5, 6], "timestamp": range(7)})
TRAIN = Histories.of(TABLE, 3)
OPTIONS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").train


def options(**changes: object) -> Train:
    return OPTIONS.model_copy(update={"masked": 0.0} | changes)


def past_of(batch: Batch, row: int) -> set[int]:
    return set(batch.past[1][batch.past[0] == row].tolist())


def test_causal_by_hand() -> None:
    batch = causal(TRAIN, np.array([0, 2, 0]), np.array([3, 0, 4]), targets=2, length=2)
    assert batch.latest.tolist() == [[2, 3], [-1, -1], [1, 2]]
    assert batch.targets.tolist() == [[1, 0], [5, 6], [0, -1]]
    assert [past_of(batch, row) for row in range(3)] == [{4, 3, 2}, set(), {4, 3, 2, 1}]
    assert batch.timed


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(any),
    targets=st.integers(1, 5),
    length=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_masked_splits_a_history(lengths: list[int], targets: int, length: int, seed: int) -> None:
    table = pd.DataFrame(
        [(user, 100 * user + i, i) for user, n in enumerate(lengths) for i in range(n)],
        columns=["user", "item", "timestamp"],
    )
    train = Histories.of(table, len(lengths))
    users = np.flatnonzero(train.counts)
    batch = masked(train, users, targets, length, np.random.default_rng(seed))
    assert not batch.timed
    for row, user in enumerate(users.tolist()):
        everything = set(train[user].tolist())
        target, latest = set(batch.targets[row].tolist()) - {-1}, batch.latest[row].tolist()
        known = [item for item in latest if item >= 0]
        hidden = max(1, len(everything) // 2)
        assert 1 <= len(target) <= min(targets, hidden)
        assert past_of(batch, row) == everything - target, "what is not predicted is no candidate"
        assert not set(known) & target
        assert known == sorted(known, reverse=True), "newest first"
        assert len(known) >= min(length, len(everything) - hidden)


def test_every_choice_can_be_hidden() -> None:
    users, draws = np.zeros(2000, np.int64), np.random.default_rng(0)
    targets = masked(TRAIN, users, 5, 5, draws).targets
    share = np.bincount(targets[targets >= 0].numpy(), minlength=5) / len(users)
    assert np.ptp(share) < 0.05, "uniform over the history"


def test_an_epoch() -> None:
    drawn = list(batches(TRAIN, options(batch=64, targets=2), 3, 0, np.random.default_rng(0)))
    assert len(drawn) == steps(TRAIN, options(batch=64, targets=2)) == 1, "seven are less than one batch"
    batch = drawn[0]
    assert set(batch.users.tolist()) == {0, 2}, "a user without interactions is never drawn"
    assert (batch.targets[:, 0] >= 0).all(), "there is always something to predict"
    for row in range(64):
        past = past_of(batch, row)
        assert not past & set(batch.targets[row].tolist())
        assert set(batch.latest[row].tolist()) - {-1} <= past


def test_users_are_drawn_by_the_root_of_their_length() -> None:
    users = np.concatenate(
        [b.users for b in batches(TRAIN, options(batch=5000, targets=1), 1, 0, np.random.default_rng(0))]
    )
    expected = np.sqrt(5) / (np.sqrt(5) + np.sqrt(2))
    assert abs((users == 0).mean() - expected) < 0.02


def test_the_share_of_masked_steps() -> None:
    many = Histories(np.array([0, 4000]), np.arange(4000))
    timed = [
        b.timed
        for b in batches(many, options(batch=1, targets=4, masked=0.3), 2, 0, np.random.default_rng(0))
    ]
    assert abs(np.mean(timed) - 0.7) < 0.05


def test_history_dropout_leaves_holes_and_nothing_else() -> None:
    chosen = options(batch=512, targets=1)
    whole, holed = (
        next(iter(batches(TRAIN, chosen, 4, rate, np.random.default_rng(3)))) for rate in (0, 0.5)
    )
    assert torch.equal(whole.targets, holed.targets)
    kept = holed.latest >= 0
    assert torch.equal(holed.latest[kept], whole.latest[kept])
    assert 0.4 < kept.sum() / (whole.latest >= 0).sum() < 0.6


def test_the_generator_decides_everything() -> None:
    chosen = options(batch=8, targets=2, masked=0.5)
    one, two = (next(iter(batches(TRAIN, chosen, 3, 0.2, np.random.default_rng(7)))) for _ in range(2))
    assert torch.equal(one.targets, two.targets) and torch.equal(one.latest, two.latest)


@pytest.mark.parametrize("count", [2, 3])
def test_shards_are_the_batch(count: int) -> None:
    batch = next(iter(batches(TRAIN, options(batch=8, targets=2), 3, 0, np.random.default_rng(1))))
    parts = [batch.shard(rank, count) for rank in range(count)]
    assert torch.equal(torch.cat([p.latest for p in parts]), batch.latest)
    assert torch.equal(torch.cat([p.targets for p in parts]), batch.targets)
    pasts = [past_of(part, row) for part in parts for row in range(len(part.users))]
    assert pasts == [past_of(batch, row) for row in range(8)]


def test_every_moment_by_hand() -> None:
    batch = every_moment(TRAIN, np.array([0, 2]), np.array([4, 1]), targets=2, length=3)
    assert batch.latest.tolist() == [[1, 2, 3], [5, -1, -1]]
    assert batch.users.tolist() == [0, 0, 0, 2, 2, 2] and batch.moments == 3
    assert batch.targets.tolist() == [[0, -1], [1, 0], [2, 1], [6, -1], [-1, -1], [-1, -1]]
    assert [past_of(batch, row) for row in range(5)] == [{4, 3, 2, 1}, {4, 3, 2}, {4, 3}, {5}, set()]


def test_every_moment_is_a_causal_example() -> None:
    """Each row knows what a causal example of that moment knows, and predicts the same."""
    every = options(batch=64, targets=2, moments="all")
    drawn = list(batches(TRAIN, every, 3, 0, np.random.default_rng(0)))
    assert len(drawn) == steps(TRAIN, every) == 1
    batch = drawn[0]
    for row in (batch.targets[:, 0] >= 0).nonzero()[:, 0].tolist():
        known, user = past_of(batch, row), int(batch.users[row])
        one = causal(TRAIN, np.array([user]), np.array([len(known)]), 2, 3)
        assert torch.equal(one.targets[0], batch.targets[row]) and past_of(one, 0) == known
        group, column = divmod(row, 3)
        assert batch.latest[group, column:].tolist() == one.latest[0, : 3 - column].tolist()


def test_shards_keep_the_moments_of_a_history_together() -> None:
    batch = every_moment(TRAIN, np.array([0, 2, 0]), np.array([4, 1, 2]), targets=1, length=3)
    first, second = (batch.shard(rank, 2) for rank in range(2))
    assert [len(first.latest), len(second.latest)] == [1, 2] and len(second.users) == 6
    assert torch.equal(torch.cat([first.targets, second.targets]), batch.targets)
    assert past_of(second, 0) == past_of(batch, 3)


def test_each_interaction_is_a_target_once_in_an_epoch() -> None:
    each = options(sampling="interactions", batch=3, targets=1)
    seen: list[tuple[int, int]] = []
    sizes = []
    for batch in batches(TRAIN, each, 2, 0.0, np.random.default_rng(0)):
        seen += zip(batch.users.tolist(), batch.targets[:, 0].tolist(), strict=True)
        sizes.append(len(batch.users))
    assert sizes == [3, 3, 1] and steps(TRAIN, each) == 3
    assert sorted(seen) == sorted(zip(TABLE["user"], TABLE["item"], strict=True))
    other = next(batches(TRAIN, each, 2, 0.0, np.random.default_rng(1)))
    assert [*zip(other.users.tolist(), other.targets[:, 0].tolist(), strict=True)] != seen[:3], "shuffled"
