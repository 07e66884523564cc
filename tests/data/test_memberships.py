"""Slices by hand, and the tail against its definition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import memberships
from fusionrec.data.memberships import KINDS
from fusionrec.data.split_labels import FOLD_IN, TEST, TRAIN, VAL, Log

# user 0 is warm, user 1 cold; items 0 and 1 are warm, 2 and 3 cold, nobody chose 4
LOG = Log(
    np.array([0, 0, 0, 0, 1, 1, 1], np.int32),
    np.array([0, 1, 2, 3, 0, 1, 2], np.int32),
    np.arange(7, dtype=np.int64),
)
LABELS = np.array([TRAIN, TRAIN, VAL, TEST, FOLD_IN, TEST, TEST], np.int8)
PICTURES = pd.DataFrame(
    {
        "item_id": list("abcde"),
        "text": [
            "",
            "a view of the sea from the old pier",
            "",
            "a view of the sea from the new pier",
            "the pier",
        ],
        "status": ["ok"] * 4 + ["missing"],
        "near_duplicate_of": [None, None, "a", None, None],
    }
)
GROUPS = memberships.find(LOG, LABELS, 2, PICTURES, 0.5, 0.4)


def test_kinds_by_hand() -> None:
    assert [KINDS[kind] for kind in GROUPS.kind] == [
        "warm", "warm", "cold_item", "cold_item", "cold_user", "cold_user", "cold_both"
    ]  # fmt: skip


def test_tables_by_hand() -> None:
    users = memberships.of_users(pd.Index(["x", "y"]), GROUPS)
    assert users.to_dict("list") == {
        "user_id": ["x", "y"], "train_interactions": [2, 0], "cold": [False, True]
    }  # fmt: skip
    items = memberships.of_items(PICTURES[["item_id"]], GROUPS)
    assert items.to_dict("list") == {
        "item_id": list("abcde"),
        "train_interactions": [1, 1, 0, 0, 0],
        "cold": [False, False, True, True, True],
        "tail": [False, True, False, False, False],
        "near_duplicate_in_train": [False, False, True, True, False],
        "near_picture_in_train": [False, False, True, False, False],
        "near_text_in_train": [False, False, False, True, False],
    }


def test_summary_by_hand() -> None:
    counts = memberships.summary(LOG, LABELS, GROUPS, PICTURES["status"].eq("ok").to_numpy())
    assert counts["test"] == {
        "interactions": 3, "users": 2, "items": 3, "on_tail_items": 1, "on_items_near_train": 2,
        "on_items_near_train_by_picture": 1, "on_items_near_train_by_text": 1,
        "on_items_without_picture": 0, "warm": 0, "cold_user": 1, "cold_item": 1, "cold_both": 1,
    }  # fmt: skip
    parts = [counts.pop(part) for part in ("train", "val", "test", "fold_in")]
    assert sum(part["interactions"] for part in parts) == counts["interactions"] == 7
    assert all(sum(part[kind] for kind in KINDS) == part["interactions"] for part in parts)
    assert counts == {
        "interactions": 7, "users": 2, "users_cold": 1,
        "items": 5, "items_head": 1, "items_tail": 1, "items_cold": 3, "items_cold_near_train": 2,
        "items_cold_near_train_by_picture": 1, "items_cold_near_train_by_text": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("popularity", "share", "expected"),
    [
        ([1, 5, 3, 1, 0], 0.2, [True, False, False, True, False]),  # 5 + 3 of 10 are the head
        ([1, 5, 3, 1, 0], 0.15, [False, False, False, True, False]),  # ties by row
        ([1, 5, 3, 1, 0], 0.0, [False] * 5),
        ([1, 5, 3, 1, 0], 0.99, [True, False, True, True, False]),
        ([0, 0], 0.2, [False, False]),
    ],
)
def test_tail_by_hand(popularity: list[int], share: float, expected: list[bool]) -> None:
    assert memberships.tail(np.array(popularity), share).tolist() == expected


@given(st.lists(st.integers(0, 9), min_size=1), st.floats(0, 0.99))
def test_the_head_is_the_smallest_that_holds_its_share(popularity: list[int], share: float) -> None:
    counts = np.array(popularity)
    tail = memberships.tail(counts, share)
    head = (counts > 0) & ~tail
    wanted = (1 - share) * counts.sum()
    assert counts[head].sum() >= wanted
    if head.any():
        assert counts[head].sum() - counts[head].min() < wanted, "one item fewer would not do"
        assert counts[head].min() >= counts[tail].max(initial=0)


def test_picture_groups_join_equal_and_nearly_equal_ones() -> None:
    pictures = pd.DataFrame(
        {
            "item_id": list("abcdef"),
            "duplicate_of": [None, "a", None, None, None, None],
            "near_duplicate_of": [None, None, "b", None, None, "e"],
        }
    )
    group = memberships.picture_groups(pictures)
    assert group[0] == group[1] == group[2] and group[4] == group[5]
    assert len(set(group.tolist())) == 3
    apart = memberships.picture_groups(pictures[["item_id"]])
    assert len(set(apart.tolist())) == 6, "a manifest that knows of no duplicates"


def test_texts_are_compared_only_if_asked_for() -> None:
    groups = memberships.find(LOG, LABELS, 2, PICTURES, 0.5, None)
    assert not groups.near_text.any() and (groups.near[""] == GROUPS.near_picture).all()


def test_near_train_are_cold_items_only() -> None:
    near = memberships.near_train(np.array([0, 0, 0, 1, 1]), np.array([True, False, True, False, False]))
    assert near.tolist() == [False, True, False, False, False]
