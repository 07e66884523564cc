"""The trade-off of re-rankers at several strengths: accuracy against diversity, coverage and novelty."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fusionrec.evaluation import report
from fusionrec.evaluation.metrics import Measure
from fusionrec.evaluation.protocol import Task

BEYOND = ("diversity", "coverage", "novelty")


def sweep(
    plain: np.ndarray,
    reranked: Mapping[tuple[str, float], np.ndarray],
    task: Task,
    families: Sequence[Measure],
    metric: str,
) -> pd.DataFrame:
    """Measure the lists of each method at each strength, and at strength 0, where they are in the model's order.

    Args:
        plain: the model's lists, int64 [users, k].
        reranked: lists like them by the name of the method and the strength, from 0 to 1.
        task: the evaluation that the lists are for.
        families: the metrics that are computed.
        metric: of accuracy, such as ndcg@10; its cut-off is used for all columns.

    Returns:
        Columns series (the method), strength, accuracy, diversity, coverage and novelty; those that `families`
        do not give are empty, and so is diversity where items have no vectors. Methods stay in their order.
    """
    k = int(metric.partition("@")[2])

    def measured(items: np.ndarray) -> dict[str, float | None]:
        summary = report.evaluate(items, task, [k], families).summary
        return {"accuracy": summary[metric]} | {name: summary.get(f"{name}@{k}") for name in BEYOND}

    methods = list(dict.fromkeys(method for method, _ in reranked))
    at_zero = measured(plain)
    rows = []
    for method in methods:
        rows.append({"series": method, "strength": 0.0} | at_zero)
        for strength in sorted(strength for name, strength in reranked if name == method and strength > 0):
            rows.append({"series": method, "strength": strength} | measured(reranked[method, strength]))
    return pd.DataFrame(rows, columns=["series", "strength", "accuracy", *BEYOND])
