"""Of each user's interactions, the same fractions at random.

Users with fewer than `min_interactions` stay in train whole, so every evaluated user has a history.
"""

import numpy as np

from fusionrec.data import leakage
from fusionrec.data.leakage import Proof
from fusionrec.data.split_labels import random_of_each
from fusionrec.data.strategies import Given

READS = ("val_fraction", "test_fraction", "min_interactions")


def label(given: Given[None], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`."""
    o = given.options
    return random_of_each(given.log.user, o.val_fraction, o.test_fraction, o.min_interactions, rng)


def check(labels: np.ndarray, given: Given[None]) -> list[Proof]:
    """Evaluated users have a history."""
    return leakage.check_histories(labels, given.log, given.options.min_interactions)
