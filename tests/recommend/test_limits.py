"""Limits on categories, against a loop over lists."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.errors import UserError
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.recommend import limits

BAGS = st.lists(st.lists(st.sampled_from("abcd"), max_size=3, unique=True), min_size=3, max_size=8)


def test_by_hand() -> None:
    items = pd.DataFrame({"category_genre": [["a"], ["a", "b"], [], ["b"], ["a"]]})
    lists = Lists(
        np.array([[0, 1, 4, 3, 2], [2, 3, -1, -1, -1]]), -np.arange(10, dtype=np.float32).reshape(2, 5)
    )
    found = limits.apply(lists, limits.Categories(items).limits({"genre": 1}), 3)
    assert found.items.tolist() == [[0, 3, 2], [2, 3, -1]]
    assert found.scores.tolist() == [[0, -3, -4], [-5, -6, -np.inf]]
    assert limits.apply(lists, limits.Categories(items).limits({"genre": 9}), 6).items[:, -1].tolist() == [
        -1,
        -1,
    ]


def slowly(items: list[int], bags: list[dict[str, list[str]]], most: dict[str, int], k: int) -> list[int]:
    taken: list[int] = []
    counts: Counter[tuple[str, str]] = Counter()
    for item in items:
        values = [(name, value) for name, bag in bags[item].items() for value in bag]
        if len(taken) < k and all(counts[name, value] < most[name] for name, value in values):
            taken.append(item)
            counts.update(values)
    return taken + [-1] * (k - len(taken))


@given(BAGS, BAGS, st.integers(1, 2), st.integers(1, 3), st.integers(1, 9), st.randoms(use_true_random=False))
def test_as_a_loop_does(one, two, most, other, k, order) -> None:  # type: ignore[no-untyped-def]
    n = min(len(one), len(two))
    items = pd.DataFrame({"category_one": one[:n], "category_two": two[:n]})
    listed = np.array([order.sample(range(n), n) for _ in range(3)])
    found = limits.apply(
        Lists(listed, np.zeros((3, n), np.float32)),
        limits.Categories(items).limits({"one": most, "two": other}),
        k,
    )
    bags = [{"one": a, "two": b} for a, b in zip(one, two, strict=False)]
    expected = [slowly(row, bags, {"one": most, "two": other}, k) for row in listed.tolist()]
    assert found.items.tolist() == expected


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(UserError, match=r"recs\.category_limits: no category of the items: x; known: genre"):
        limits.Categories(pd.DataFrame({"category_genre": [["a"]]})).limits({"x": 1})
    with pytest.raises(UserError, match="there are none"):
        limits.Categories(pd.DataFrame({"title": ["a"]})).limits({"x": 1})
