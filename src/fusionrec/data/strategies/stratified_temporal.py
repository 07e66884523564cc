"""Of each user's interactions, the latest fractions: the last for test, those before for validation.

Ties in time are ordered by item row. Users with fewer than `min_interactions` stay in train whole. One user's
test interactions may be older than another user's train interactions.
"""

import numpy as np

from fusionrec.data import leakage
from fusionrec.data.leakage import Proof
from fusionrec.data.split_labels import last_of_each, portions
from fusionrec.data.strategies import Given

READS = ("val_fraction", "test_fraction", "min_interactions")


def by_time(given: Given[None]) -> bool:
    """Always."""
    return True


def label(given: Given[None], rng: np.random.Generator) -> np.ndarray:
    """int8 [n], positions in `PARTS`; nothing is random."""
    o, user = given.options, given.log.user
    counts = np.bincount(user)
    val, test = portions(counts, o.val_fraction, o.test_fraction, o.min_interactions)
    return last_of_each(np.arange(len(user)), counts, val, test)


def check(labels: np.ndarray, given: Given[None]) -> list[Proof]:
    """Evaluated users have a history, and their held-out interactions come after it."""
    histories = leakage.check_histories(labels, given.log, given.options.min_interactions)
    return [*histories, leakage.check_order(labels, given.log)]
