"""Slices of users and items, on a hand-made task."""

import numpy as np
import pandas as pd
import pytest

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation import catalogue_ranking, slices
from fusionrec.evaluation.metrics import Ranked, accuracy
from fusionrec.evaluation.protocol import Task

from .tiny import tiny


def named(parts: list[slices.Slice]) -> dict[str, list[bool]]:
    return {f"{part.group} {part.name}": part.members.tolist() for part in parts}


def test_standard_slices_of_the_tiny_task() -> None:
    found = named(slices.standard(tiny()))
    assert found["item cold"] == [False, False, True, True]
    assert found["user cold"] == [False, False, True]
    assert found["popularity head"] == [True, False, False, False]
    assert found["popularity tail"] == [False, True, False, False]
    assert found["history 1-4"] == [True, True, False] and found["history 0"] == [False, False, True]


@pytest.mark.parametrize("groups", [("item",), ("user",), ("popularity", "item"), ("history",), ("time",)])
def test_slices_of_a_group_divide_everybody(groups: tuple[str, ...]) -> None:
    """Head, middle and tail together with the cold items; each other group by itself."""
    parts = [
        p
        for p in slices.standard(tiny())
        if p.group in groups and not (len(groups) == 2 and p.name == "warm")
    ]
    assert (np.sum([part.members for part in parts], axis=0) == 1).all()


def test_equally_popular_items_are_in_the_head_together() -> None:
    for popularity in ([4, 4, 4, 1], [1, 4, 4, 4]):
        assert slices.head_items(np.array(popularity)).tolist() == [x == 4 for x in popularity]
    assert not slices.head_items(np.zeros(3, np.int64)).any()


def test_columns_of_values_lists_and_truths() -> None:
    items = pd.DataFrame(
        {"category_genre": [["a", "b"], ["b"], [], ["c"]], "picture": [True, False, True, True]}
    )
    users = pd.DataFrame({"country": ["x", None, "y"]})
    found = named(slices.of_columns(["category_genre", "picture", "country"], users, items))
    assert found == {
        "category_genre a": [True, False, False, False],
        "category_genre b": [True, True, False, False],
        "category_genre c": [False, False, False, True],
        "category_genre missing": [False, False, True, False],
        "picture False": [False, True, False, False],
        "picture True": [True, False, True, True],
        "country x": [True, False, False],
        "country y": [False, False, True],
        "country missing": [False, True, False],
    }


def test_numbers_are_cut_at_their_quartiles() -> None:
    found = slices.of_column(pd.Series([1.0, 2, 3, 4, 5, 6, 7, 8, np.nan]))
    assert [members.sum() for members in found.values()] == [2, 2, 2, 2, 1] and found["missing"][-1]
    assert list(slices.of_column(pd.Series([3.0, 3, 3]))) == ["<= 3"]


def test_rare_values_are_other() -> None:
    values = pd.Series([f"v{i:02}" for i in range(30)] + ["v00"])
    found = slices.of_column(values)
    assert len(found) == slices.MOST + 1 and found["v00"].sum() == 2
    assert found["other"].sum() == 30 - slices.MOST


def test_unknown_columns_end_with_what_there_is() -> None:
    with pytest.raises(UserError, match="'genre'; known: category_genre, country"):
        slices.of_columns(["genre"], pd.DataFrame({"country": []}), pd.DataFrame({"category_genre": []}))


def ranked(lists: np.ndarray, task: Task) -> Ranked:
    hits = catalogue_ranking.hits(lists, task.users, task.held_out, 4)
    held_out = task.held_out.pairs(task.users)
    return Ranked(lists, hits, held_out, [1, 2], task.popularity, task.tail, task.vectors, task.train_users)


def test_a_slice_of_items_asks_for_its_held_out_items_alone() -> None:
    """User 1 is asked for items 3 (cold) and 1 (warm) and gets 3 first."""
    task = tiny()._replace(held_out=Histories(np.array([0, 1, 3, 3]), np.array([1, 1, 3])))
    lists = np.array([[2, 1], [3, 1]])
    this = ranked(lists, task)
    per_user = accuracy.table(this.hits, this.relevant, this.ks)
    cold = slices.Slice("item", "cold", np.array([False, False, True, True]), True)
    warm = slices.Slice("item", "warm", ~cold.members, True)
    names = ["mrr@2", "recall@1"]
    np.testing.assert_array_equal(
        slices.values(cold, this, per_user, task.users, names), [[np.nan] * 2, [1, 1]]
    )
    np.testing.assert_array_equal(
        slices.values(warm, this, per_user, task.users, names), [[0.5, 0], [0.5, 0]]
    )


def test_a_slice_of_users_is_their_mean() -> None:
    task = tiny()
    part = slices.Slice("user", "second", np.array([False, True, True]), False)
    this, per_user = ranked(np.zeros((2, 1), np.int64), task), {"mrr@1": np.array([0.25, 0.5])}
    by_user = slices.values(part, this, per_user, task.users, ["mrr@1"])
    np.testing.assert_array_equal(by_user, [[np.nan], [0.5]])
