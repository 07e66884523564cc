"""Golden values of RecTools, which needs an older numpy and so cannot be installed together.

From rectools 0.19.0 with numpy 1.26.4 and pandas 2.3.3: MeanInvUserFreq, AvgRecPopularity, Serendipity and
IntraListDiversity (with 1 - the product of two vectors as distance), `calc_per_user`. User 4's list is short;
item 7 has no train interaction.
"""

import numpy as np
import pytest

from fusionrec.data.histories import Histories
from fusionrec.evaluation import catalogue_ranking
from fusionrec.evaluation.metrics import diversity, popularity, serendipity

ITEMS, USERS, KS = 8, 5, [1, 2, 4]
LISTS = np.array([[3, 4, 5, 6], [2, 7, 4, 5], [1, 2, 3, 7], [2, 3, 4, 6], [0, 1, 6, -1]])
TRAIN = [0, 1, 2, 0, 1, 3, 0, 4, 0, 1, 5, 2, 3]
HELD_OUT = Histories(np.array([0, 2, 3, 5, 6, 8]), np.array([4, 6, 2, 3, 7, 7, 0, 6]))
VECTORS = np.array(
    [
        [1, 0, 0],
        [0.6, 0.8, 0],
        [0, 1, 0],
        [0, 0.6, 0.8],
        [0, 0, 1],
        [0.8, 0, 0.6],
        [0, -1, 0],
        [0, 0.28, 0.96],
    ]
)
NOVELTY = {
    1: [1.3219280948873622, 1.3219280948873622, 0.7369655941662062, 1.3219280948873622, 0.3219280948873623],
    2: [1.8219280948873622, 1.8219280948873622, 1.0294468445267841, 1.3219280948873622, 0.5294468445267843],
    4: [2.071928094887362, 2.071928094887362, 1.4256874697070732, 1.8219280948873622, 1.126940594646977],
}
SERENDIPITY = {
    1: [0.0, 0.25, 0.0, 0.0, 0.0],
    2: [0.125, 0.125, 0.0, 0.0, 0.0],
    4: [0.21875, 0.0625, 0.15625, 0.0, 0.25],
}
DIVERSITY = {
    2: [0.19999999999999996, 0.72, 0.19999999999999996, 0.4, 0.4],
    4: [0.7866666666666666, 0.5973333333333334, 0.4466666666666666, 1.0333333333333334, 1.0666666666666667],
}
AVERAGE_POPULARITY = {
    1: [2.0, 2.0, 3.0, 2.0, 4.0],
    2: [1.5, 1.0, 2.5, 2.0, 3.5],
    4: [1.0, 1.0, 1.75, 1.25, 2.3333333333333335],
}
CHOSEN = np.bincount(TRAIN, minlength=ITEMS)


def check(found: np.ndarray, golden: dict[int, list[float]]) -> None:
    for k, expected in golden.items():
        assert found[:, KS.index(k)] == pytest.approx(expected, abs=1e-12), k


def test_novelty() -> None:
    check(popularity.novelty(LISTS, CHOSEN, USERS, KS), NOVELTY)


def test_average_popularity() -> None:
    check(popularity.average_popularity(LISTS, CHOSEN, KS), AVERAGE_POPULARITY)


def test_serendipity() -> None:
    hits = catalogue_ranking.hits(LISTS, np.arange(USERS), HELD_OUT, ITEMS)
    check(serendipity.serendipity(LISTS, hits, CHOSEN, KS), SERENDIPITY)


def test_diversity() -> None:
    """Of lists with one item RecTools says 0, and we say that there is no pair."""
    found = diversity.intra_list(LISTS, VECTORS, KS)
    check(found, DIVERSITY)
    assert np.isnan(found[:, 0]).all()
