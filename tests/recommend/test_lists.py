import numpy as np
import pandas as pd

from fusionrec.data.histories import Histories
from fusionrec.models.baselines import Fixed
from fusionrec.recommend import lists

ITEMS = pd.DataFrame({"item_id": ["a", "b", "c"], "title": ["A", "B", "C"]})


def test_unseen_items_best_first() -> None:
    past = Histories(np.array([0, 1, 3]), np.array([2, 0, 1]))
    scores = np.array([[1, 2, 3], [1, 2, 3]], np.float32)
    table = lists.recommend(Fixed(scores), np.array([0, 1]), past, 2, ["x", "y"], ITEMS)
    rows = table[["user_id", "rank", "item_id", "title", "score"]].values.tolist()
    assert rows == [["x", 1, "b", "B", 2.0], ["x", 2, "a", "A", 1.0], ["y", 1, "c", "C", 3.0]]


def test_sample_is_seeded_distinct_and_never_more_than_there_are() -> None:
    drawn = lists.sample(100, 10, 1)
    assert drawn.tolist() == lists.sample(100, 10, 1).tolist() != lists.sample(100, 10, 2).tolist()
    assert len(set(drawn)) == 10 and sorted(drawn) == drawn.tolist()
    assert lists.sample(3, 10, 1).tolist() == [0, 1, 2]
