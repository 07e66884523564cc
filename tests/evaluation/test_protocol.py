"""Protocols, candidates and ties, on a hand-made split."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusionrec import files
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation import protocol as tasks
from fusionrec.models.fixed_scores import FixedScores
from fusionrec.models.uniform_scores import UniformScores

from .tiny import NO_VECTORS, OPTIONS, PARTS, SCORES, TAIL, tiny


def ranked(protocol: str) -> list[list[int]]:
    return tasks.rank(FixedScores(SCORES), tiny(protocol=protocol), 1).items.tolist()


def test_strict_hides_validation_and_mmrec_does_not() -> None:
    assert ranked("strict") == [[1], [3]]
    assert ranked("mmrec") == [[1], [2]], "item 2 of the validation part is in the way"


def test_new_ranks_and_counts_items_without_an_earlier_interaction_only() -> None:
    """Item 3 is new; user 1 had item 2 in validation, user 0 holds out item 1, which is known."""
    task = tiny(protocol="new")
    assert task.users.tolist() == [1] and task.held_out[1].tolist() == [3]
    assert tasks.rank(FixedScores(SCORES), task, 2).items.tolist() == [[3, -1]]
    some = tasks.pair_up(np.array([1, 1]), np.array([1, 2]), users=3)
    assert tiny(protocol="new", candidates=some).users.tolist() == []


def test_new_without_new_items_is_refused() -> None:
    known = PARTS | {"test": PARTS["test"].iloc[:1]}
    with pytest.raises(UserError, match=r"metrics\.protocol: new .* none is held out"):
        tiny(protocol="new", parts=known)


@pytest.mark.parametrize("protocol", ["strict", "mmrec"])
def test_what_is_folded_in_is_known_and_not_trained_on(protocol: str) -> None:
    """User 2 is not in train; item 1 is in its past, and item 3 is held out."""
    asked = {
        "fold_in": pd.DataFrame({"user": [2], "item": [1], "timestamp": [0]}),
        "test": pd.DataFrame({"user": [2], "item": [3], "timestamp": [3], "kind": ["cold_both"]}),
    }
    task = tiny(protocol=protocol, parts=PARTS | asked)
    assert task.users.tolist() == [2] and task.past[2].tolist() == [1]
    assert task.popularity.tolist() == [2, 1, 0, 0] and task.train_users == 2
    scores = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 9, 0, 5]], np.float32)
    assert tasks.rank(FixedScores(scores), task, 1).items.tolist() == [[3]]


def test_a_sample_of_users_is_the_same_for_the_same_seed() -> None:
    users = np.array([3, 4, 7, 8, 9, 12])
    some = tasks.drawn(users, 4, 1)
    assert some.tolist() == sorted(set(some.tolist())) and len(some) == 4 and np.isin(some, users).all()
    assert some.tolist() == tasks.drawn(users, 4, 1).tolist()
    assert len({tuple(tasks.drawn(users, 4, seed)) for seed in range(9)}) > 1
    for count in (0, 6, 99):
        assert tasks.drawn(users, count, 1).tolist() == users.tolist()


@pytest.mark.parametrize("protocol", ["strict", "sampled"])
def test_only_the_sample_is_asked(protocol: str) -> None:
    options = OPTIONS.model_copy(update={"protocol": protocol, "users": 1, "negatives": 2})
    task = tasks.of_test(PARTS, 3, TAIL, NO_VECTORS, options)
    (user,) = task.users
    assert user in (0, 1) and task.held_out[user].tolist() == [[1], [3]][user], "both are known still"


def test_users_without_test_items_are_left_out() -> None:
    assert tiny().users.tolist() == [0, 1]


def test_tied_users_are_those_whose_held_out_item_shares_its_time() -> None:
    parts = PARTS | {"test": pd.DataFrame({"user": [0, 1], "item": [1, 3], "timestamp": [3, 2]})}
    assert tiny().tied.tolist() == [False, False, False]
    assert tiny(parts=parts).tied.tolist() == [False, True, False], "its validation item has the time 2"


def big(users: int = 40, items: int = 60, seed: int = 0) -> tuple[Histories, Histories]:
    """What everybody had, and what is held out: two items each."""
    rng = np.random.default_rng(seed)
    order = np.stack([rng.permutation(items) for _ in range(users)])
    row = np.arange(users)
    past = tasks.pair_up(np.repeat(row, 20), order[:, :20].ravel(), users=users)
    return past, tasks.pair_up(np.repeat(row, 2), order[:, 20:22].ravel(), users=users)


def test_sampled_negatives_are_never_what_the_user_chose_and_positives_are_all_there() -> None:
    past, held_out = big()
    drawn = tasks.sample(np.arange(40), past, held_out, 60, 10, seed=3)
    for user in range(40):
        mine = set(drawn[user].tolist())
        assert len(drawn[user]) == len(mine) == 12 and mine >= set(held_out[user].tolist())
        assert not mine & set(past[user].tolist())


def test_sampled_negatives_are_those_of_the_seed_and_user_alone() -> None:
    past, held_out = big()
    all_of_them = tasks.sample(np.arange(40), past, held_out, 60, 10, seed=3)
    some = tasks.sample(np.array([30, 7]), past, held_out, 60, 10, seed=3)
    other = tasks.sample(np.arange(40), past, held_out, 60, 10, seed=4)
    assert all(some[user].tolist() == all_of_them[user].tolist() for user in (7, 30))
    assert any(other[user].tolist() != all_of_them[user].tolist() for user in range(40))


def test_more_negatives_than_there_are() -> None:
    past, held_out = big()
    drawn = tasks.sample(np.arange(40), past, held_out, 60, 500, seed=3)
    assert (drawn.counts == 60 - 20).all()


def test_negatives_are_drawn_evenly() -> None:
    users, items = 3000, 20
    nothing = Histories(np.zeros(users + 1, np.int64), np.zeros(0, np.int64))
    held_out = tasks.pair_up(np.arange(users), np.zeros(users, np.int64), users=users)
    drawn = tasks.sample(np.arange(users), nothing, held_out, items, 5, seed=1)
    counts = np.bincount(drawn.items, minlength=items)
    assert counts[0] == users
    assert abs(counts[1:] / users - 5 / 19).max() < 0.04


def test_random_baseline_is_not_biased_against_negatives_of_its_own_seed() -> None:
    """Negatives are the first items of a random order: were it the baseline's own, it would rank them first."""
    users, items = 400, 50
    past = Histories(np.zeros(users + 1, np.int64), np.zeros(0, np.int64))
    held_out = tasks.pair_up(np.arange(users), np.arange(users) % items, users=users)
    drawn = tasks.sample(np.arange(users), past, held_out, items, 9, seed=1)
    task = tiny()._replace(users=np.arange(users), past=past, held_out=held_out, candidates=drawn)
    first = tasks.rank(UniformScores(1, items), task, 1).items[:, 0]
    assert 0.05 < (first == np.arange(users) % items).mean() < 0.16


def test_only_candidates_are_ranked_and_what_is_known_is_not(tmp_path: Path) -> None:
    table = pd.DataFrame({"user_id": ["u0", "u0", "u1", "u2"], "item_id": ["i0", "i3", "i3", "i3"]})
    files.write_table(tmp_path / "given.parquet", table)
    table.to_csv(tmp_path / "given.csv", index=False)
    for name in ("given.parquet", "given.csv"):
        given = tasks.candidates(str(tmp_path / name), ["u0", "u1", "u2"], ["i0", "i1", "i2", "i3"])
        task = tiny(candidates=given)
        assert tasks.rank(FixedScores(SCORES), task, 2).items.tolist() == [[3, -1], [3, -1]]


def test_users_without_candidates_are_not_asked() -> None:
    given = tasks.pair_up(np.array([1]), np.array([3]), users=3)
    assert tiny(candidates=given).users.tolist() == [1]


def test_candidates_of_everybody(tmp_path: Path) -> None:
    path = str(tmp_path / "items.parquet")
    files.write_table(path, pd.DataFrame({"item_id": ["i2", "i3", "i2"]}))
    given = tasks.candidates(path, ["u0", "u1"], ["i0", "i1", "i2", "i3"])
    assert given is not None and [given[user].tolist() for user in (0, 1)] == [[2, 3], [2, 3]]
    assert tasks.candidates(path, ["u0", "u1"], ["i3", "i2"]) is None, "the whole catalogue"


def test_candidates_that_cannot_be_used_end_with_a_message(tmp_path: Path) -> None:
    path = str(tmp_path / "given.csv")
    with pytest.raises(UserError, match=r"given\.csv not found"):
        tasks.candidates(path, ["u0"], ["i0"])
    pd.DataFrame({"item": ["i0"]}).to_csv(path, index=False)
    with pytest.raises(UserError, match="no column item_id"):
        tasks.candidates(path, ["u0"], ["i0"])
    pd.DataFrame({"user_id": ["u0", "u9"], "item_id": ["i0", "i0"]}).to_csv(path, index=False)
    with pytest.raises(
        UserError, match="user_id has 1 ids that are not in data/splits, such as u9; remove these rows"
    ):
        tasks.candidates(path, ["u0"], ["i0"])


def test_the_sampled_protocol_draws_candidates() -> None:
    options = OPTIONS.model_copy(update={"protocol": "sampled", "negatives": 1})
    drawn = tasks.of_test(PARTS, 3, TAIL, NO_VECTORS, options).candidates
    # user 0 is asked for item 1; user 1 knows all but item 3
    assert drawn is not None and drawn.counts.tolist() == [2, 1, 0] and {1} < {*drawn[0]}
