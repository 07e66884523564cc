"""Recipes side by side on the same users: metrics over seeds, tests against the best rival, and costs."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import costs
from fusionrec.evaluation import comparison, intervals

REFERENCE = "(best)"
UNKNOWN = "-"
NEW, CANNOT = "new items", "cannot"  # a column, and what stands there for models of ids


class Recipe(NamedTuple):
    """The runs of one recipe, which differ in their seeds.

    Attributes:
        name: of the recipe.
        validation: the metric that training selects by, of each run.
        users: the test metrics of each run: a row for each user, with user_id and metrics.
        new_items: the test metric of held-out items without a train interaction, of each run; NaN if there are none,
            or the recipe cannot rank them.
        costs: of each run, as `costs.of_model` returns them.
        splits: the number of splits that all of these are means over, see `over_splits`.
    """

    name: str
    validation: list[float]
    users: list[pd.DataFrame]
    new_items: list[float]
    costs: Sequence[Mapping[str, costs.Cost]]
    splits: int = 1


def over_splits(users: list[pd.DataFrame]) -> pd.DataFrame:
    """The mean metrics of each user over the splits in which the user is evaluated.

    Args:
        users: see `Recipe.users`, one table for each split.
    """
    return users[0] if len(users) == 1 else pd.concat(users).groupby("user_id", as_index=False).mean()


def best(recipes: Sequence[Recipe], direction: str) -> Recipe:
    """The recipe that is best on validation, by the mean over its seeds; the first of equals.

    Validation decides, because the best of many on test is partly the luckiest.

    Args:
        recipes: at least one.
        direction: `max` or `min`: whether more or less of the validation metric is better.
    """
    sign = 1 if direction == "max" else -1
    return max(recipes, key=lambda recipe: sign * mean(recipe.validation))


def table(recipes: Sequence[Recipe], metric: str, monitor: str, direction: str) -> pd.DataFrame:
    """A row for each recipe, the best on test first.

    Args:
        recipes: at least one; measured on the same split.
        metric: the test metric, such as ndcg@10.
        monitor: the metric of validation.
        direction: see `best`.

    Returns:
        A table of strings. The metric is the mean over seeds ± their standard deviation, with a 95 % interval over
        users. Its difference to the best rival (see `best`) is tested as `significance.difference` says, corrected
        for the number of rivals. Then come the metric of new items, if any are held out, and costs:
        means over the seeds where they are known.
    """
    rival, tests = best(recipes, direction), max(len(recipes) - 1, 1)
    some_new = any(not np.isnan(value) for recipe in recipes for value in recipe.new_items)
    rows = [
        {
            "recipe": recipe.name,
            "seeds": str(len(recipe.users)),
            **({"splits": str(recipe.splits)} if recipe.splits > 1 else {}),
            f"val {monitor}": _spread(recipe.validation),
            f"test {metric}": _spread([float(run[metric].mean()) for run in recipe.users]),
            **_interval(recipe, metric),
            **(
                _difference(rival, recipe, metric, tests)
                if recipe is not rival
                else {"difference": REFERENCE}
            ),
            **({NEW: _of_new_items(recipe)} if some_new else {}),
            **_costs(recipe.costs),
        }
        for recipe in sorted(recipes, key=lambda recipe: -_test(recipe, metric))
    ]
    return pd.DataFrame(rows, columns=[*max(rows, key=lambda row: len(row))]).fillna(UNKNOWN)


def notes(recipes: Sequence[Recipe], monitor: str, direction: str) -> str:
    """Sentences below the table: what is compared, and how."""
    rival, several = best(recipes, direction), min(len(recipe.users) for recipe in recipes) > 1
    folds = recipes[0].splits
    means = f"Each user has the mean over {folds} splits, whose choice the intervals do not cover. "
    splits = means if folds > 1 else ""
    covered = "users and seeds" if several else "users, not seeds: give --seeds 3 or more to compare recipes"
    return (
        f"{REFERENCE}: {rival.name} is the best on validation {monitor}; the others are compared with it, paired by "
        f"user. Intervals and p-values of differences cover {covered}. They are corrected for {len(recipes) - 1} tests "
        f"(Bonferroni). {splits}Costs marked {UNKNOWN} were not measured: DVC took the result from its cache, or the "
        "training was interrupted."
    )


def _test(recipe: Recipe, metric: str) -> float:
    return mean(float(run[metric].mean()) for run in recipe.users)


def _interval(recipe: Recipe, metric: str) -> dict[str, str]:
    """The interval over users, each with the mean over seeds."""
    by_user = pd.concat([run.set_index("user_id")[metric] for run in recipe.users], axis=1).mean(axis=1)
    return {"95 % interval": _ends(*intervals.interval(by_user.to_numpy(np.float64))[1:], "")}


def _difference(rival: Recipe, recipe: Recipe, metric: str, tests: int) -> dict[str, str]:
    compared = comparison.compare(rival.users, recipe.users, [metric], tests)
    row = compared.table.iloc[0]
    return {
        "difference": f"{row['difference']:+.4f}",
        "its 95 % interval": _ends(row["low"], row["high"], "+"),
        "p": comparison.p_text(row["p"]),
        comparison.question(compared): comparison.answers(compared)[0],
    }


def _of_new_items(recipe: Recipe) -> str:
    return CANNOT if np.isnan(recipe.new_items).all() else _spread(recipe.new_items)


def _costs(measured: Sequence[Mapping[str, costs.Cost]]) -> dict[str, str]:
    """Means over the runs whose costs are known."""

    def average(name: str, value: str) -> float:
        known = [run[name][value] for run in measured if run.get(name, {}).get(value) is not None]
        return mean(known) if known else np.nan

    gpu = {"GPU MB": _number(average(costs.TRAINING, "gpu_mb"), 0)}
    return {
        "train s": _number(average(costs.TRAINING, "seconds"), 1),
        "train MB": _number(average(costs.TRAINING, "memory_mb"), 0),
        **{name: text for name, text in gpu.items() if text != UNKNOWN},
        "rank s": _number(average(costs.RANKING, "seconds"), 2),
        "rank MB": _number(average(costs.RANKING, "memory_mb"), 0),
        "weights": _number(average(costs.RANKING, "weights"), 0),
    }


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def _ends(low: float, high: float, sign: str) -> str:
    return intervals.TOO_FEW if np.isnan(low) else f"{low:{sign}.4f} to {high:{sign}.4f}"


def _number(value: Any, digits: int) -> str:
    return UNKNOWN if np.isnan(value) else f"{value:,.{digits}f}"
