"""Differences, lists and slices, by hand."""

import doctest

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import trees
from fusionrec.review import changes, list_changes, slice_changes
from fusionrec.review.list_changes import Listed


@pytest.mark.parametrize("module", [changes, list_changes, trees])
def test_examples(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]
    assert results.attempted and not results.failed


def test_values_in_words() -> None:
    values: list[object] = [None, 0.5, 3, True, "clip", [1, 2], {}]
    assert list(map(changes.shown, values)) == ["–", "0.5", "3", "true", "clip", "[1, 2]", "{}"]
    assert changes.difference(changes.Change("x", 1, 0.5)) == "-0.5"
    assert (
        changes.difference(changes.Change("x", None, 0.5))
        == changes.difference(changes.Change("x", True, 2))
        == ""
    )


@given(st.dictionaries(st.text(), st.integers()), st.dictionaries(st.text(), st.integers()))
def test_changes_are_what_turns_one_into_the_other(a: dict[str, int], b: dict[str, int]) -> None:
    turned = dict(a)
    for change in changes.between(a, b):
        if change.b is None:
            del turned[change.name]
        else:
            turned[change.name] = change.b
    assert turned == b and not changes.between(b, b)


@given(st.permutations(range(6)))
def test_overlap_is_1_for_the_same_list_alone(order: list[int]) -> None:
    ids = [f"i{n}" for n in range(6)]
    other = [f"i{n}" for n in order]
    assert (list_changes.overlap(ids, other) == 1) == (ids == other)
    assert list_changes.overlap(ids, other) == list_changes.overlap(other, ids)


def test_overlap_by_hand() -> None:
    assert list_changes.overlap(["a", "b", "c"], ["a", "c", "d"]) == pytest.approx((1 + 1 / 2 + 2 / 3) / 3)
    assert list_changes.overlap(["a"], ["b"]) == 0 and list_changes.overlap([], []) == 1
    assert list_changes.overlap(["a", "b"], ["a"]) == pytest.approx((1 + 1 / 2) / 2)


def test_lists_are_compared_by_user_the_least_alike_first() -> None:
    def table(**listed: str) -> pd.DataFrame:
        rows = [(u, rank, i, i.upper()) for u, items in listed.items() for rank, i in enumerate(items, 1)]
        return pd.DataFrame(rows, columns=["user_id", "rank", "item_id", "title"]).iloc[::-1]

    lists = list_changes.compare(table(x="ab", y="ab", z="a"), table(y="bc", x="ab", w="a"))
    assert [(one.user, one.overlap) for one in lists] == [("y", 0.25), ("x", 1)]
    assert list_changes.added(lists[0]) == [Listed("c", "C")]
    assert list_changes.removed(lists[0]) == [Listed("a", "A")]


def test_falls() -> None:
    def table(*rows: tuple[str, float, float]) -> pd.DataFrame:
        bars = [(bar, 5, mean, mean - width, mean + width) for bar, mean, width in rows]
        return pd.DataFrame(bars, columns=["bar", "users", "value", "low", "high"])

    a = table(
        ("item: warm", 0.5, 0.1), ("item: cold", 0.4, 0.1), ("item: odd", 0.9, 0), ("user: warm", 0.5, 0.01)
    )
    b = table(
        ("item: warm", 0.6, 0.1), ("item: cold", 0.3, 0.1), ("user: warm", 0.45, 0.01), ("user: new", 0.1, 0)
    )
    falls = slice_changes.apart(a, b).slices
    assert [(fall.group, fall.name, fall.answer) for fall in falls] == [
        ("user", "warm", "yes"),
        ("item", "cold", "unknown"),
    ]
    assert not slice_changes.apart(a, a).slices and not slice_changes.apart(pd.DataFrame(), b).slices
    a.loc[a["bar"] == "user: warm", ["low", "high"]] = float("nan")
    assert [fall.answer for fall in slice_changes.apart(a, b).slices] == ["unknown", "unknown"]


def test_falls_paired_by_user() -> None:
    def table(**values: list[float]) -> pd.DataFrame:
        rows = [(f"u{n}", "history", name, x) for name, xs in values.items() for n, x in enumerate(xs)]
        return pd.DataFrame(rows, columns=["user_id", "group", "slice", "ndcg@10"])

    spread = [n / 120 for n in range(90)]
    noise = [0.1 * (-1) ** n for n in range(90)]
    a = table(even=spread, odd=spread, better=spread, old=spread)
    b = table(
        even=[x - 0.05 - n % 3 / 100 for n, x in enumerate(spread)],  # the means' intervals overlap by far
        odd=[x - 0.001 + y for x, y in zip(spread, noise, strict=True)],
        better=[x + 0.1 for x in spread],
        new=spread,
    )
    found = slice_changes.paired([a], [b], "ndcg@10")
    falls = found.slices
    assert [(fall.name, fall.answer, fall.users) for fall in falls] == [
        ("even", "yes", 90),
        ("odd", "no", 90),
    ]
    assert found.question == "models differ" and "correction for 3 slices" in found.requirement
    assert falls[0].difference["mean"] == pytest.approx(-0.06) and falls[0].difference["high"] < -0.05
    assert falls[1].difference["low"] < 0 < falls[1].difference["high"]
    assert not slice_changes.paired([a], [a], "ndcg@10").slices
    assert not slice_changes.paired([a], [b[b["slice"] == "new"]], "ndcg@10").slices
    several = slice_changes.paired([a, a], [b, b], "ndcg@10")
    assert several.question == "beyond chance" and [fall.answer for fall in several.slices] == ["yes", "no"]
