"""Tables of the plots, by hand."""

import numpy as np
import pytest

from fusionrec.evaluation import plot_tables

ENDS = {"mean": 0.5, "low": 0.4, "high": 0.6}
LISTS = {"model": np.array([[0, 1], [1, -1]]), "popularity": np.array([[2, 0], [2, 0]])}


def test_a_row_for_each_recommender_and_cut_off_that_has_an_interval() -> None:
    intervals = {"model": {"ndcg@10": ENDS, "ndcg@5": ENDS, "mrr@5": ENDS}, "popularity": {"ndcg@5": ENDS}}
    table = plot_tables.at_k(intervals, ["popularity", "model"], [10, 5], "ndcg")
    assert list(table) == ["k", "series", "ndcg", "low", "high"]
    assert table.to_numpy().tolist() == [
        [5, "popularity", 0.5, 0.4, 0.6],
        [5, "model", 0.5, 0.4, 0.6],
        [10, "model", 0.5, 0.4, 0.6],
    ]


def test_exposure_of_popular_items() -> None:
    """Items by popularity are 2, 0, 1: half of the interactions are with item 2."""
    table = plot_tables.exposure(LISTS, np.array([1, 1, 2]))
    shares = {name: part["share"].tolist() for name, part in table.groupby("series", sort=False)}
    assert table[table["series"] == "model"]["catalogue"].tolist() == pytest.approx(
        [0, 1 / 3, 2 / 3, 1], abs=1e-6
    )
    assert list(shares) == ["consumed", "model", "popularity"]
    assert shares["consumed"] == [0, 0.5, 0.75, 1]
    assert shares["model"] == pytest.approx([0, 0, 1 / 3, 1], abs=1e-6)
    assert shares["popularity"] == [0, 0.5, 1, 1]


def test_exposure_without_recommendations_is_zero() -> None:
    table = plot_tables.exposure({"model": np.full((2, 1), -1)}, np.array([1, 1]))
    assert table.loc[table["series"] == "model", "share"].tolist() == [0, 0, 0]


def test_a_large_catalogue_has_a_point_for_each_step() -> None:
    table = plot_tables.exposure({}, np.ones(1000, np.int64))
    assert len(table) == plot_tables.STEPS + 1
    np.testing.assert_allclose(table["share"], table["catalogue"])


def test_coverage_at_each_length() -> None:
    table = plot_tables.coverage(LISTS, 4)
    assert table.to_numpy().tolist() == [
        [1, "model", 0.5], [2, "model", 0.5], [1, "popularity", 0.25], [2, "popularity", 0.5],
    ]  # fmt: skip


def test_bars_leave_out_slices_without_users() -> None:
    sliced = {"item": {"warm": {"users": 3, "ndcg@10": ENDS}, "cold": {"users": 0}}}
    table = plot_tables.bars(sliced, "ndcg@10")
    assert list(table) == ["bar", "users", "value", "low", "high"]
    assert table.to_numpy().tolist() == [["item: warm", 3, 0.5, 0.4, 0.6]]


def test_bars_of_an_ablation_are_losses() -> None:
    ends = {"value": 0.1, "loss": 0.2, "low": 0.15, "high": 0.25}
    table = plot_tables.ablation(
        {"vision": {"absent": {"ndcg@10": ends}, "shuffled": {"ndcg@10": ends}}}, "ndcg@10"
    )
    assert table.to_numpy().tolist() == [
        ["vision absent", 0.2, 0.15, 0.25], ["vision shuffled", 0.2, 0.15, 0.25],
    ]  # fmt: skip
    assert list(plot_tables.ablation({}, "ndcg@10")) == ["bar", "value", "low", "high"]


def test_without_interval_the_ends_are_empty() -> None:
    few = {"mean": 0.5, "loss": 0.5, "low": None, "high": None}
    tables = [
        plot_tables.at_k({"model": {"ndcg@5": few}}, ["model"], [5], "ndcg"),
        plot_tables.bars({"item": {"cold": {"users": 3, "ndcg@10": few}}}, "ndcg@10"),
        plot_tables.ablation({"vision": {"absent": {"ndcg@10": few}}}, "ndcg@10"),
    ]
    for table in tables:
        assert table.to_csv(index=False).splitlines()[1].endswith("0.5,,")
        assert (table[["low", "high"]].dtypes == np.float64).all()
