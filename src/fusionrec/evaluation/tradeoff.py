"""The trade-off of re-rankers at several strengths: accuracy against diversity, coverage and novelty."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from fusionrec.evaluation import report
from fusionrec.evaluation.metrics import Measure
from fusionrec.evaluation.protocol import Task

BEYOND = ("diversity", "coverage", "novelty")


def sweep(
    rerank: Callable[[str, float], np.ndarray],
    methods: Sequence[str],
    strengths: Sequence[float],
    task: Task,
    families: Sequence[Measure],
    metric: str,
) -> pd.DataFrame:
    """Measure each method at each strength, and at strength 0, where lists are in the model's order.

    Args:
        rerank: the lists, int64 [users, k], of a method and a strength.
        methods: names.
        strengths: from 0 to 1.
        task: the evaluation that the lists are for.
        families: the metrics that are computed.
        metric: of accuracy, such as ndcg@10; its cut-off is used for all columns.

    Returns:
        Columns series (the method), strength, accuracy, diversity, coverage and novelty; those that `families`
        do not give are empty, and so is diversity where items have no vectors.
    """
    k = int(metric.partition("@")[2])
    rows = []
    for method in methods:
        for strength in sorted({0.0, *strengths}):
            summary = report.evaluate(rerank(method, strength), task, [k], families).summary
            beyond = {name: summary.get(f"{name}@{k}") for name in BEYOND}
            rows.append({"series": method, "strength": strength, "accuracy": summary[metric]} | beyond)
    return pd.DataFrame(rows, columns=["series", "strength", "accuracy", *BEYOND])
