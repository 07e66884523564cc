"""A split of three users and four items: item 3 and user 2 are cold, and user 2 has no test item."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusionrec import sections
from fusionrec.data.histories import Histories
from fusionrec.evaluation import metrics
from fusionrec.evaluation import protocol as tasks

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = sections.load(ROOT / "params.yaml").metrics.model_copy(
    update={"ks": [1, 2], "headline": ["ndcg@1", "ndcg@2"], "protocol": "strict"}
)
PARTS = {
    "train": pd.DataFrame({"user": [0, 1, 1], "item": [0, 0, 1], "timestamp": [0, 0, 1]}),
    "val": pd.DataFrame({"user": [1], "item": [2], "timestamp": [2]}),
    "test": pd.DataFrame({"user": [0, 1], "item": [1, 3], "timestamp": [3, 3]}),
    "fold_in": pd.DataFrame({"user": [], "item": [], "timestamp": []}, dtype="int64"),
}
FAMILIES = [metrics.load(name, OPTIONS) for name in OPTIONS.families]
TAIL = np.array([False, True, False, False])
NO_VECTORS = np.zeros((4, 0), np.float32)
SCORES = np.array([[9, 1, 0, 0], [0, 9, 5, 4], [0, 0, 0, 0]], np.float32)


def tiny(
    protocol: str = "strict", parts: dict[str, Any] = PARTS, candidates: Histories | None = None
) -> tasks.Task:
    options = OPTIONS.model_copy(update={"protocol": protocol})
    return tasks.of_test(parts, 3, TAIL, NO_VECTORS, options, candidates)
