"""What a re-ranker gives up in accuracy for what it gains, at several strengths."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from fusionrec.evaluation import report
from fusionrec.evaluation.task import Task

BEYOND = ("diversity", "coverage", "novelty")


def sweep(
    rerank: Callable[[str, float], np.ndarray],
    methods: Sequence[str],
    strengths: Sequence[float],
    this: Task,
    metric: str,
) -> pd.DataFrame:
    """Measure each method at each strength, and at strength 0, where lists are as the model ranks them.

    Args:
        rerank: the lists, int64 [users, k], of a method and a strength.
        methods: names.
        strengths: from 0 to 1.
        this: the task.
        metric: of accuracy, such as ndcg@10; its cut-off is that of all columns.

    Returns:
        series (the method), strength, accuracy, and diversity (empty where items have no vectors), coverage and
        novelty.
    """
    k = int(metric.partition("@")[2])
    rows = []
    for method in methods:
        for strength in sorted({0.0, *strengths}):
            found = report.evaluate(rerank(method, strength), this, [k]).summary
            beyond = {name: found.get(f"{name}@{k}") for name in BEYOND}
            rows.append({"series": method, "strength": strength, "accuracy": found[metric]} | beyond)
    return pd.DataFrame(rows, columns=["series", "strength", "accuracy", *BEYOND])
