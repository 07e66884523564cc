"""Recipes side by side, on a few users."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fusionrec.experiments import paired
from fusionrec.experiments.paired import Recipe

USERS = 200
NOISE = np.random.default_rng(1).normal(0, 0.05, (3, USERS))


def recipe(
    name: str, validation: float, values: np.ndarray, cold: float = np.nan, seconds: float | None = None
) -> Recipe:
    """A recipe with a run for each row of `values`, float64 [runs, users]."""
    users = [f"u{number}" for number in range(USERS)]
    tables = [pd.DataFrame({"user_id": users, "ndcg@10": row}) for row in values]
    known = {"training": {"seconds": seconds, "memory_mb": 500.0}} if seconds else {}
    measured = [known | {"ranking": {"seconds": 0.5, "memory_mb": 600.0, "weights": 12000}}] * len(values)
    return Recipe(name, [validation] * len(values), tables, [cold] * len(values), measured)


def rows(*recipes: Recipe, direction: str = "max") -> dict[str, dict[Any, str]]:
    table = paired.table(recipes, "ndcg@10", "ndcg@10", direction)
    return {row["recipe"]: {**row} for row in table.astype(str).to_dict("records")}


def test_validation_names_the_best_rival_and_test_orders_the_rows() -> None:
    lucky, best = recipe("lucky", 0.1, 0.5 + NOISE[:1]), recipe("best", 0.2, 0.4 + NOISE[1:2])
    table = rows(best, lucky)
    assert list(table) == ["lucky", "best"]
    assert table["best"]["difference"] == "(best)" and table["lucky"]["difference"].startswith("+0.1")
    assert rows(best, lucky, direction="min")["lucky"]["difference"] == "(best)"


def test_one_run_a_side_is_a_paired_t_test_corrected_for_the_rivals() -> None:
    values = [0.5 + NOISE[:1], 0.49 + NOISE[1:2], 0.48 + NOISE[2:]]
    recipes = [
        recipe(name, -number, value) for number, (name, value) in enumerate(zip("abc", values, strict=True))
    ]
    table = rows(*recipes)
    for name, value in zip("bc", values[1:], strict=True):
        expected = min(1, 2 * stats.ttest_rel(value[0], values[0][0]).pvalue)
        assert table[name]["p"] == f"{expected:.4f}"
        assert table[name]["difference"] == f"{(value - values[0]).mean():+.4f}"
    low, high = stats.t.interval(0.95, USERS - 1, values[0].mean(), stats.sem(values[0][0]))
    assert table["a"]["95 % interval"] == f"{low:.4f} to {high:.4f}"


def test_several_runs_have_mean_and_spread_and_cover_seeds() -> None:
    runs = np.repeat([[0.2], [0.4]], USERS, 1) + NOISE[0] - NOISE[0].mean()
    table = rows(recipe("a", 0.3, runs), recipe("b", 0.1, runs - 0.1 + NOISE[1] - NOISE[1].mean()))
    assert table["a"]["test ndcg@10"] == "0.3000 ± 0.1414" and table["a"]["val ndcg@10"] == "0.3000 ± 0.0000"
    assert table["b"]["difference"] == "-0.1000" and table["b"]["beyond chance"] == "no", (
        "seeds differ by more"
    )


def test_who_cannot_score_new_items_says_so() -> None:
    table = rows(recipe("content", 0.2, NOISE[:1], cold=0.25), recipe("ids", 0.1, NOISE[1:2]))
    assert [table[name]["new items"] for name in ("content", "ids")] == ["0.2500", "cannot"]
    assert "new items" not in rows(recipe("ids", 0.1, NOISE[:1]))["ids"], "no new item is held out"


def test_costs_are_means_over_the_runs_that_measured_them() -> None:
    table = rows(recipe("a", 0.2, NOISE[:2], seconds=12.34), recipe("b", 0.1, NOISE[:2]))
    assert [table["a"][name] for name in ("train s", "train MB", "rank s", "rank MB", "weights")] == [
        "12.3", "500", "0.50", "600", "12,000",
    ]  # fmt: skip
    assert [table["b"][name] for name in ("train s", "train MB")] == ["-", "-"]


def test_over_splits_each_user_has_the_mean_of_those_that_know_it() -> None:
    first = pd.DataFrame({"user_id": ["a", "b"], "ndcg@10": [0.2, 0.4]})
    second = pd.DataFrame({"user_id": ["c", "b"], "ndcg@10": [0.5, 0.8]})
    merged = paired.over_splits([first, second])
    assert merged.to_dict("list") == {"user_id": ["a", "b", "c"], "ndcg@10": pytest.approx([0.2, 0.6, 0.5])}
    assert paired.over_splits([first]) is first


def test_the_number_of_splits_is_shown() -> None:
    both = [recipe(name, 0.1, 0.5 + NOISE[:1])._replace(splits=5) for name in "ab"]
    assert rows(*both)["a"]["splits"] == "5" and "mean over 5 splits" in paired.notes(both, "ndcg@10", "max")
