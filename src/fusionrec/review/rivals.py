"""Recipes in one table, tested against the best one: are the others worse beyond chance, and what does each cost?"""

import io
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec.evaluation import comparison
from fusionrec.evaluation.intervals import LEVEL
from fusionrec.review.revision_files import PER_USER, read_bytes

COSTS = {  # column -> stage, value
    "weights": ("model", "weights"),
    "train CPU s": ("model", "train_cpu"),
    "rank CPU s": ("metrics", "rank_cpu"),
    "memory MB": ("model", "peak_mb"),
}


class Rival(NamedTuple):
    """A recipe with the runs of its seeds.

    Attributes:
        name: of the recipe.
        runs: names of experiments or commits.
        validation: mean of the validation metric over the runs; None if it is not known.
        costs: of runs: {stage: {name: value}}, see `fusionrec.costs`; those that are not known are left out.
    """

    name: str
    runs: Sequence[str]
    validation: float | None
    costs: Sequence[Mapping[str, Any]]


def reference(rivals: Sequence[Rival]) -> Rival:
    """The recipe that is best on validation, with which the others are compared: test users choose nothing."""
    return max(rivals, key=lambda rival: -np.inf if rival.validation is None else rival.validation)


def table(rivals: Sequence[Rival], metric: str) -> pd.DataFrame:
    """All recipes, the best on test first, as a table of strings.

    Differences are those to the `reference`, paired by user; with several runs on both sides, they cover users and
    seeds. Intervals and p-values are corrected for the number of recipes (Bonferroni).

    Args:
        rivals: at least one.
        metric: of data/metrics/per_user.parquet, such as ndcg@10.

    Raises:
        UserError: if a run has no metrics of users in DVC's cache or a remote.
    """
    users = {rival.name: [_per_user(run, metric) for run in rival.runs] for rival in rivals}
    values = {name: [float(run[metric].mean()) for run in runs] for name, runs in users.items()}
    best = reference(rivals)
    rows = []
    for rival in sorted(rivals, key=lambda rival: -mean(values[rival.name])):
        test = ["", "", ""]
        if rival is not best:
            compared = comparison.compare(
                users[best.name], users[rival.name], [metric], tests=len(rivals) - 1
            ).table.iloc[0]
            test = _tested(compared)
        rows.append(
            {
                "recipe": rival.name,
                "seeds": str(len(rival.runs)),
                metric: _spread(values[rival.name]),
                "difference": test[0],
                "95 % interval": test[1],
                "beyond chance": test[2] or "the best on validation",
                **{column: _cost(rival.costs, *place) for column, place in COSTS.items()},
            }
        )
    return pd.DataFrame(rows)


def note(rivals: Sequence[Rival]) -> str:
    """What is compared, in sentences."""
    seeds = min(len(rival.runs) for rival in rivals)
    covered = (
        "The tests cover users and seeds."
        if seeds > 1
        else "With one run of a recipe, they cover users, not seeds: run several seeds to compare recipes."
    )
    return (
        f"Differences to {reference(rivals).name}, the best on validation, paired by user. Intervals are corrected for "
        f'{len(rivals) - 1} tests (Bonferroni); "yes" means p < {1 - LEVEL:.2g}. {covered}'
    )


def _per_user(run: str, metric: str) -> pd.DataFrame:
    """user_id and the metric of the model."""
    users = pd.read_parquet(io.BytesIO(read_bytes(PER_USER, run)))
    return users.loc[users["recommender"] == "model", ["user_id", metric]]


def _tested(row: pd.Series) -> list[str]:
    if np.isnan(row["p"]):
        return [f"{row['difference']:+.4f}", "–", comparison.TOO_FEW]
    answer = "yes" if row["p"] < 1 - LEVEL else "no"
    return [f"{row['difference']:+.4f}", f"{row['low']:+.4f} to {row['high']:+.4f}", answer]


def _spread(values: list[float]) -> str:
    return f"{mean(values):.4f} ± {stdev(values):.4f}" if len(values) > 1 else f"{values[0]:.4f}"


def _cost(costs: Sequence[Mapping[str, Any]], stage: str, name: str) -> str:
    """The mean over the runs whose cost is known; a stage whose result came from DVC's cache has none."""
    known = [found[stage][name] for found in costs if name in found.get(stage, {})]
    return f"{mean(known):,.0f}" if known and mean(known) >= 10 else f"{mean(known):.1f}" if known else "-"
